//! The named parameter sets.
//!
//! All primes are `= 1 mod 2N` and below `2^30`. Leveled sets: two primes of 25 bits are always there, and a level is one
//! more prime at the scale. `boot-39`: a scale of 39.5 bits out of primes of 29.6 and 24.7 bits, which come and go
//! (rational rescaling: BitPacker, ASPLOS'24; Cheddar, arXiv 2407.13055); 13 levels for use after a bootstrap, 3 for
//! slots-to-coefficients, above them 8 for the modular reduction and 4 for coefficients-to-slots. `boot-36` and `boot-30`
//! have smaller scales, and 15 and 18 levels for use.

use super::{Params, ParamsError, ParamsLiteral};

/// Names of all sets, the default for training first.
pub const NAMES: [&str; 10] = [
    "leveled-15",
    "leveled-13",
    "leveled-14",
    "boot-39",
    "boot-36",
    "boot-30",
    "insecure-10",
    "insecure-11-boot",
    "insecure-11-boot-36",
    "insecure-11-boot-30",
];

/// The set of this name, checked; nothing if there is none.
#[must_use]
pub fn named(name: &str) -> Option<Result<Params, ParamsError>> {
    literal(name).map(Params::new)
}

/// The set of this name as written.
#[must_use]
pub fn literal(name: &str) -> Option<ParamsLiteral> {
    let literal = match name {
        // log2(QP) 643.6: not secure. Every leveled path in seconds.
        "insecure-10" => leveled(name, 10, 29.6, &TERMINAL_10, &MAIN_10, &SPECIAL_10),
        // log2(QP) 192.0 of 214. Small inference.
        "leveled-13" => leveled(name, 13, 28.0, &TERMINAL_13, &MAIN_13, &SPECIAL_13),
        // log2(QP) 406.0 of 430. Small jobs.
        "leveled-14" => leveled(name, 14, 29.6, &TERMINAL_14, &MAIN_14, &SPECIAL_14),
        // log2(QP) 851.1 of 868. Training with weights refreshed by the data owner.
        "leveled-15" => leveled(name, 15, 29.6, &TERMINAL_15, &MAIN_15, &SPECIAL_15),
        // log2(QP) 1721.9 of 1747. Training with bootstrapping.
        "boot-39" => Chain::boot_39().literal(name, 16),
        // log2(QP) 1745.9 of 1747. Two levels more, three bits less.
        "boot-36" => Chain::boot_36().literal(name, 16),
        // log2(QP) 1721.3 of 1747. Five levels more, ten bits less.
        "boot-30" => Chain::boot_30().literal(name, 16),
        // The chains of the three on a small ring: not secure. Bootstraps in seconds.
        "insecure-11-boot" => Chain::boot_39().literal(name, 11),
        "insecure-11-boot-36" => Chain::boot_36().literal(name, 11),
        "insecure-11-boot-30" => Chain::boot_30().literal(name, 11),
        _ => return None,
    };
    Some(literal)
}

fn leveled(
    name: &str,
    log_n: u32,
    log_scale: f64,
    terminal: &[u64],
    main: &[u64],
    special: &[u64],
) -> ParamsLiteral {
    ParamsLiteral {
        name: name.to_owned(),
        degree: 1 << log_n,
        log_scale,
        terminal_primes: terminal.to_vec(),
        main_primes: main.to_vec(),
        special_primes: special.to_vec(),
        levels: (0..=main.len())
            .map(|level| [level, terminal.len()])
            .collect(),
        app_levels: main.len(),
        stc: 0,
        evalmod: 0,
        cts: 0,
        message_bits: 0.0,
    }
}

/// The chain of a set with bootstrapping; `step` says how many main and terminal primes each of its levels above those for
/// use adds.
struct Chain {
    log_scale: f64,
    terminal: &'static [u64],
    main: &'static [u64],
    /// Levels for use and of slots-to-coefficients.
    app: Vec<[usize; 2]>,
    /// What each level of coefficients-to-slots adds, from the lowest.
    cts: [[usize; 2]; 4],
    message_bits: f64,
}

const STC: usize = 3;
const EVALMOD: usize = 8;

impl Chain {
    fn boot_39() -> Self {
        Self {
            log_scale: 39.47,
            terminal: &TERMINAL_39,
            main: &MAIN_39,
            app: APP_39.to_vec(),
            cts: [[2, 0], [2, 0], [0, 2], [0, 2]],
            message_bits: 13.4,
        }
    }

    fn boot_36() -> Self {
        Self {
            log_scale: 36.0,
            terminal: &TERMINAL_36,
            main: &MAIN_36,
            app: APP_36.to_vec(),
            cts: [[2, 0]; 4],
            message_bits: 12.5,
        }
    }

    fn boot_30() -> Self {
        Self {
            log_scale: 29.6,
            terminal: &TERMINAL_39,
            main: &MAIN_30,
            app: (0..22).map(|level| [level, 2]).collect(),
            cts: [[2, 0], [2, 0], [2, 0], [0, 2]],
            message_bits: 10.5,
        }
    }

    fn literal(self, name: &str, log_n: u32) -> ParamsLiteral {
        let app_levels = self.app.len() - 1 - STC;
        let mut levels = self.app;
        for step in std::iter::repeat_n([2, 0], EVALMOD).chain(self.cts) {
            let [main, terminal] = levels.last().copied().unwrap_or_default();
            levels.push([main + step[0], terminal + step[1]]);
        }
        ParamsLiteral {
            name: name.to_owned(),
            degree: 1 << log_n,
            log_scale: self.log_scale,
            terminal_primes: self.terminal.to_vec(),
            main_primes: self.main.to_vec(),
            special_primes: SPECIAL_39.to_vec(),
            levels,
            app_levels,
            stc: STC,
            evalmod: EVALMOD,
            cts: 4,
            message_bits: self.message_bits,
        }
    }
}

const TERMINAL_10: [u64; 2] = [33_550_337, 33_564_673];
const MAIN_10: [u64; 16] = [
    813_752_321,
    813_760_513,
    813_772_801,
    813_711_361,
    813_668_353,
    813_832_193,
    813_647_873,
    813_643_777,
    813_844_481,
    813_600_769,
    813_889_537,
    813_899_777,
    813_905_921,
    813_580_289,
    813_914_113,
    813_557_761,
];
const SPECIAL_10: [u64; 4] = [1_073_707_009, 1_073_698_817, 1_073_692_673, 1_073_682_433];
const TERMINAL_13: [u64; 2] = [33_538_049, 33_292_289];
const MAIN_13: [u64; 4] = [268_369_921, 268_582_913, 268_271_617, 268_238_849];
const SPECIAL_13: [u64; 1] = [1_073_692_673];
const TERMINAL_14: [u64; 2] = [33_292_289, 33_128_449];
const MAIN_14: [u64; 10] = [
    813_760_513,
    813_432_833,
    813_367_297,
    814_153_729,
    813_170_689,
    813_137_921,
    812_941_313,
    812_548_097,
    815_136_769,
    812_351_489,
];
const SPECIAL_14: [u64; 2] = [1_073_643_521, 1_073_479_681];
const TERMINAL_15: [u64; 2] = [33_292_289, 32_899_073];
const MAIN_15: [u64; 22] = [
    813_760_513,
    813_432_833,
    813_367_297,
    814_153_729,
    813_170_689,
    815_136_769,
    812_056_577,
    811_991_041,
    811_859_969,
    811_204_609,
    816_709_633,
    816_906_241,
    810_090_497,
    810_024_961,
    817_561_601,
    818_085_889,
    818_282_497,
    809_041_921,
    818_544_641,
    808_910_849,
    808_714_241,
    818_937_857,
];
const SPECIAL_15: [u64; 5] = [
    1_073_479_681,
    1_072_496_641,
    1_071_513_601,
    1_070_727_169,
    1_069_219_841,
];
const TERMINAL_39: [u64; 4] = [27_000_833, 26_214_401, 27_918_337, 28_311_553];
const MAIN_39: [u64; 43] = [
    813_432_833,
    813_170_689,
    815_136_769,
    861_798_401,
    811_991_041,
    816_709_633,
    811_859_969,
    862_978_049,
    811_204_609,
    818_282_497,
    810_024_961,
    863_764_481,
    818_544_641,
    808_714_241,
    818_937_857,
    860_618_753,
    820_248_577,
    805_961_729,
    820_510_721,
    864_550_913,
    821_297_153,
    803_602_433,
    824_180_737,
    537_133_057,
    536_608_769,
    536_215_553,
    539_754_497,
    533_463_041,
    540_540_929,
    540_672_001,
    532_283_393,
    541_327_361,
    531_628_033,
    543_031_297,
    529_924_097,
    543_293_441,
    529_268_737,
    528_351_233,
    547_749_889,
    758_906_881,
    759_693_313,
    760_741_889,
    756_940_801,
];
const SPECIAL_39: [u64; 12] = [
    1_055_260_673,
    1_056_178_177,
    1_056_440_321,
    1_060_765_697,
    1_062_469_633,
    1_062_862_849,
    1_064_697_857,
    1_065_484_289,
    1_068_236_801,
    1_070_727_169,
    1_071_513_601,
    1_073_479_681,
];
/// A level is 39.5 bits: three main primes more and two terminal ones less, or two less and four more.
const APP_39: [[usize; 2]; 17] = [
    [0, 2],
    [3, 0],
    [1, 4],
    [4, 2],
    [7, 0],
    [5, 4],
    [8, 2],
    [11, 0],
    [9, 4],
    [12, 2],
    [15, 0],
    [13, 4],
    [16, 2],
    [19, 0],
    [17, 4],
    [20, 2],
    [23, 0],
];
const TERMINAL_36: [u64; 4] = [19_529_729, 20_054_017, 20_316_161, 21_495_809];
const MAIN_36: [u64; 44] = [
    1_054_212_097,
    1_053_818_881,
    1_052_508_161,
    1_051_721_729,
    1_049_100_289,
    1_048_707_073,
    1_045_430_273,
    1_043_464_193,
    1_042_415_617,
    1_040_842_753,
    1_040_056_321,
    1_038_745_601,
    1_037_303_809,
    1_036_779_521,
    1_034_813_441,
    1_032_192_001,
    1_031_667_713,
    1_030_619_137,
    1_029_308_417,
    1_026_686_977,
    1_026_162_689,
    1_023_148_033,
    537_133_057,
    536_608_769,
    536_215_553,
    539_754_497,
    533_463_041,
    540_540_929,
    540_672_001,
    532_283_393,
    541_327_361,
    531_628_033,
    543_031_297,
    529_924_097,
    543_293_441,
    529_268_737,
    268_042_241,
    269_221_889,
    270_532_609,
    270_794_753,
    265_420_801,
    264_634_369,
    272_760_833,
    263_454_721,
];
/// A level is 36 bits: two main primes more and a terminal one less, or two less and four more.
const APP_36: [[usize; 2]; 19] = [
    [0, 2],
    [2, 1],
    [4, 0],
    [2, 4],
    [4, 3],
    [6, 2],
    [8, 1],
    [10, 0],
    [8, 4],
    [10, 3],
    [12, 2],
    [14, 1],
    [16, 0],
    [14, 4],
    [16, 3],
    [18, 2],
    [20, 1],
    [22, 0],
    [20, 4],
];
const MAIN_30: [u64; 43] = [
    813_432_833,
    813_170_689,
    815_136_769,
    811_991_041,
    811_859_969,
    811_204_609,
    816_709_633,
    810_024_961,
    818_282_497,
    818_544_641,
    808_714_241,
    818_937_857,
    820_248_577,
    820_510_721,
    821_297_153,
    805_961_729,
    803_602_433,
    824_180_737,
    824_442_881,
    802_160_641,
    825_753_601,
    537_133_057,
    536_608_769,
    536_215_553,
    539_754_497,
    533_463_041,
    540_540_929,
    540_672_001,
    532_283_393,
    541_327_361,
    531_628_033,
    543_031_297,
    529_924_097,
    543_293_441,
    529_268_737,
    528_351_233,
    547_749_889,
    758_906_881,
    759_693_313,
    760_741_889,
    756_940_801,
    756_154_369,
    754_974_721,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ckks::Level;

    #[test]
    fn every_set_is_sound_and_secure_unless_it_says_otherwise() {
        for name in NAMES {
            let params = named(name).unwrap().unwrap();
            assert_eq!(
                params.security_bits() == 0,
                params.is_declared_insecure(),
                "{name}"
            );
            assert!(params.is_declared_insecure() || params.security_bits() >= 128);
        }
    }

    #[test]
    fn scales_stay_near_the_target_at_every_level_for_use() {
        for name in NAMES {
            let params = named(name).unwrap().unwrap();
            let target = params.literal().log_scale;
            for level in 0..=params.max_level().0 {
                let log_scale = params.scale(Level(level)).log2();
                assert!(
                    (log_scale - target).abs() < 0.5,
                    "{name} level {level}: {log_scale}"
                );
            }
        }
    }

    #[test]
    fn a_message_has_its_part_of_the_modulus() {
        for bits in [-1.0, 3.9, 31.0, 1e300, f64::NAN] {
            let mut literal = literal("insecure-11-boot").unwrap();
            literal.message_bits = bits;
            let refused = Params::new(literal);
            assert!(matches!(refused, Err(ParamsError::MessageBits { .. })));
        }
    }

    #[test]
    fn an_insecure_set_must_say_so() {
        let mut literal = literal("insecure-10").unwrap();
        literal.name = "secure-10".to_owned();
        assert!(matches!(
            Params::new(literal),
            Err(ParamsError::Insecure { .. })
        ));
    }
}

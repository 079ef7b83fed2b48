//! The named parameter sets.
//!
//! All primes are `= 1 mod 2N` and below `2^30`. Leveled sets: two primes of 25 bits are always there, and a level is one
//! more prime at the scale. `boot-39`: a scale of 39.5 bits out of primes of 29.6 and 24.7 bits, which come and go
//! (rational rescaling: BitPacker, ASPLOS'24; Cheddar, arXiv 2407.13055); 13 levels for use after a bootstrap, 3 for
//! slots-to-coefficients, above them 8 for the modular reduction and 4 for coefficients-to-slots.

use super::{Params, ParamsError, ParamsLiteral};

/// Names of all sets, the default for training first.
pub const NAMES: [&str; 6] = [
    "leveled-15",
    "leveled-13",
    "leveled-14",
    "boot-39",
    "insecure-10",
    "insecure-11-boot",
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
        "boot-39" => rational(name, 16),
        // The chain of boot-39 on a small ring: not secure. Rational rescaling in seconds.
        "insecure-11-boot" => rational(name, 11),
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

fn rational(name: &str, log_n: u32) -> ParamsLiteral {
    ParamsLiteral {
        name: name.to_owned(),
        degree: 1 << log_n,
        log_scale: 39.47,
        terminal_primes: TERMINAL_39.to_vec(),
        main_primes: MAIN_39.to_vec(),
        special_primes: SPECIAL_39.to_vec(),
        levels: LEVELS_39.to_vec(),
        app_levels: 13,
        stc: 3,
        evalmod: 8,
        cts: 4,
        message_bits: 13.4,
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
const LEVELS_39: [[usize; 2]; 29] = [
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
    [25, 0],
    [27, 0],
    [29, 0],
    [31, 0],
    [33, 0],
    [35, 0],
    [37, 0],
    [39, 0],
    [41, 0],
    [43, 0],
    [43, 2],
    [43, 4],
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
                    (log_scale - target).abs() < 0.25,
                    "{name} level {level}: {log_scale}"
                );
            }
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

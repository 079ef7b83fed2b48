//! The named parameter sets.
//!
//! All primes are `= 1 mod 2N` and below `2^30`. Leveled sets: two primes of 25 bits are always there, and a level is one
//! more prime at the scale. `boot-39`: a scale of 39.5 bits out of primes of 29.6 and 24.7 bits, which come and go
//! (rational rescaling: BitPacker, ASPLOS'24; Cheddar, arXiv 2407.13055); 13 levels for use after a bootstrap, 3 for
//! slots-to-coefficients, above them 8 for the modular reduction and 4 for coefficients-to-slots. `boot-36` and `boot-30`
//! have smaller scales, and 15 and 18 levels for use.

mod primes;

use super::{Params, ParamsError, ParamsLiteral};
use primes::{
    APP_36, APP_39, CTS, CTS_36, EVALMOD, MAIN_10, MAIN_13, MAIN_14, MAIN_15, MAIN_30, MAIN_36,
    MAIN_39, SPECIAL_10, SPECIAL_13, SPECIAL_14, SPECIAL_15, SPECIAL_39, TERMINAL_10, TERMINAL_13,
    TERMINAL_14, TERMINAL_15, TERMINAL_36, TERMINAL_39,
};

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
    main: Vec<u64>,
    /// Levels for use and of slots-to-coefficients.
    app: Vec<[usize; 2]>,
    /// What each level of coefficients-to-slots adds, from the lowest.
    cts: [[usize; 2]; 4],
    message_bits: f64,
}

const STC: usize = 3;
const EVALMOD_LEVELS: usize = 8;

impl Chain {
    fn boot_39() -> Self {
        Self {
            log_scale: 39.47,
            terminal: &TERMINAL_39,
            main: [&MAIN_39[..], &EVALMOD, &CTS[..4]].concat(),
            app: APP_39.to_vec(),
            cts: [[2, 0], [2, 0], [0, 2], [0, 2]],
            message_bits: 13.4,
        }
    }

    fn boot_36() -> Self {
        Self {
            log_scale: 36.0,
            terminal: &TERMINAL_36,
            main: [&MAIN_36[..], &EVALMOD[..14], &CTS_36].concat(),
            app: APP_36.to_vec(),
            cts: [[2, 0]; 4],
            message_bits: 12.5,
        }
    }

    fn boot_30() -> Self {
        Self {
            log_scale: 29.6,
            terminal: &TERMINAL_39,
            main: [&MAIN_30[..], &EVALMOD, &CTS].concat(),
            app: (0..22).map(|level| [level, 2]).collect(),
            cts: [[2, 0], [2, 0], [2, 0], [0, 2]],
            message_bits: 10.5,
        }
    }

    fn literal(self, name: &str, log_n: u32) -> ParamsLiteral {
        let app_levels = self.app.len() - 1 - STC;
        let mut levels = self.app;
        for step in std::iter::repeat_n([2, 0], EVALMOD_LEVELS).chain(self.cts) {
            let [main, terminal] = levels.last().copied().unwrap_or_default();
            levels.push([main + step[0], terminal + step[1]]);
        }
        ParamsLiteral {
            name: name.to_owned(),
            degree: 1 << log_n,
            log_scale: self.log_scale,
            terminal_primes: self.terminal.to_vec(),
            main_primes: self.main,
            special_primes: SPECIAL_39.to_vec(),
            levels,
            app_levels,
            stc: STC,
            evalmod: EVALMOD_LEVELS,
            cts: 4,
            message_bits: self.message_bits,
        }
    }
}

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

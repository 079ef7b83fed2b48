use super::*;
use crate::ckks::presets;

/// A sound set without levels for bootstraps.
fn leveled() -> ParamsLiteral {
    presets::literal("insecure-10").unwrap()
}

/// A sound set with them.
fn boot() -> ParamsLiteral {
    presets::literal("insecure-11-boot").unwrap()
}

#[test]
fn counts_of_levels_that_overflow_are_refused() {
    let refused = |literal| matches!(Params::new(literal), Err(ParamsError::LevelCount { .. }));
    let none = ParamsLiteral {
        app_levels: usize::MAX,
        levels: Vec::new(),
        ..leveled()
    };
    assert!(refused(none));
    // These two and the one level of an empty sum are the listed ones, modulo 2^64.
    let half = 1 << (usize::BITS - 1);
    let wrapped = ParamsLiteral {
        app_levels: half,
        evalmod: half + leveled().app_levels,
        message_bits: 13.4,
        ..leveled()
    };
    assert!(refused(wrapped));
}

#[test]
fn there_are_ordinary_and_special_primes() {
    let refusal = |literal| Params::new(literal).unwrap_err().to_string();
    let without = ParamsLiteral {
        special_primes: Vec::new(),
        ..leveled()
    };
    assert!(refusal(without).contains("no special primes"));
    let without = ParamsLiteral {
        main_primes: Vec::new(),
        terminal_primes: Vec::new(),
        ..leveled()
    };
    assert!(refusal(without).contains("no ordinary primes"));
}

#[test]
fn every_level_is_a_step_up() {
    let mut equal = leveled();
    equal.levels[5] = equal.levels[4];
    let mut reversed = leveled();
    reversed.levels.reverse();
    let mut twice_at_the_top = boot();
    let top = twice_at_the_top.levels.len() - 1;
    twice_at_the_top.levels[top] = twice_at_the_top.levels[top - 1];
    for literal in [equal, reversed, twice_at_the_top] {
        let refused = Params::new(literal);
        assert!(matches!(refused, Err(ParamsError::Order { .. })));
    }
}

#[test]
fn scales_stay_near_that_of_level_0() {
    // Steps of two primes where the scale is that of one.
    let mut wide = leveled();
    wide.levels = (0..=8).map(|level| [2 * level, 2]).collect();
    wide.app_levels = 8;
    let mut other = leveled();
    other.log_scale = 25.0;
    // A bootstrap may have larger ones, not smaller ones: here each of its levels adds one prime of 29 bits.
    let mut small = boot();
    let highest = small.app_levels + small.stc;
    let [main, _] = small.levels[highest];
    let above = small.levels[highest + 1..].iter_mut().enumerate();
    above.for_each(|(i, level)| *level = [main + 1 + i, 0]);
    let mut no_number = leveled();
    no_number.log_scale = f64::NAN;
    for literal in [wide, other, small, no_number] {
        let refused = Params::new(literal);
        assert!(
            matches!(refused, Err(ParamsError::Drift { .. })),
            "{refused:?}"
        );
    }
}

#[test]
fn names_are_short_and_visible() {
    let named = |name: &str| {
        let name = name.to_owned();
        Params::new(ParamsLiteral { name, ..leveled() })
    };
    assert!(named(&format!("insecure-{}", "x".repeat(55))).is_ok());
    for (name, fault) in [
        (String::new(), "is empty"),
        (format!("insecure-{}", "x".repeat(56)), "has 65"),
        ("insecure-\u{1b}[2J".to_owned(), "has '\\u{1b}'"),
        ("insecure-1\n2".to_owned(), "has '\\n'"),
        ("insecure-é".to_owned(), "has 'é'"),
        ("insecure 1".to_owned(), "has ' '"),
    ] {
        let error = named(&name).unwrap_err().to_string();
        assert!(error.contains(fault), "{error}");
    }
}

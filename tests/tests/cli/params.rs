//! The table of parameter sets.

use super::{Outcome, veilgrad};
use serde_json::{Value, json};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/B16-R39.json");

/// What is said of the set of a file that differs from `FILE` in a field.
fn changed(field: &str, value: Value) -> Outcome {
    let directory = tempfile::tempdir().unwrap();
    let mut literal: Value = serde_json::from_slice(&std::fs::read(FILE).unwrap()).unwrap();
    literal[field] = value;
    let file = directory.path().join("own.json");
    std::fs::write(&file, literal.to_string()).unwrap();
    veilgrad(&["params", "--params-file", file.to_str().unwrap()])
}

#[test]
fn the_table_has_every_set_with_its_security_and_units() {
    let outcome = veilgrad(&["params"]);
    assert_eq!((outcome.code, outcome.err.as_str()), (0, ""));
    let row = |name: &str| {
        let found = outcome
            .out
            .lines()
            .find(|line| line.starts_with(&format!("{name} ")));
        found
            .unwrap_or_else(|| panic!("{name} is not in\n{}", outcome.out))
            .to_owned()
    };
    for (name, cells) in [
        ("leveled-13", ["2^13", "192.0", "214", "128 bits", "MiB"]),
        ("leveled-14", ["2^14", "406.0", "430", "128 bits", "MiB"]),
        ("leveled-15", ["2^15", "851.1", "868", "128 bits", "24 + 5"]),
        ("boot-39", ["2^16", "1721.9", "1747", "128 bits", "47 + 12"]),
        ("insecure-10", ["2^10", "643.6", "26", "NONE", "18 + 4"]),
        (
            "insecure-11-boot",
            ["2^11", "1721.9", "53", "NONE", "47 + 12"],
        ),
    ] {
        for cell in cells {
            assert!(row(name).contains(cell), "{}", row(name));
        }
    }
    assert!(outcome.out.contains("eprint 2024/463"));
}

#[test]
fn one_set_has_a_row_for_each_level() {
    let outcome = veilgrad(&["params", "--set", "insecure-10"]);
    assert_eq!((outcome.code, outcome.err.as_str()), (0, ""));
    assert!(outcome.out.contains("NONE"));
    assert!(outcome.out.contains("643.6"));
    let (_, table) = outcome.out.split_once("level  limbs").unwrap();
    let rows: Vec<Vec<f64>> = table
        .lines()
        .skip(1)
        .map(|line| {
            line.split_whitespace()
                .map(|cell| cell.parse().unwrap())
                .collect()
        })
        .collect();
    // Two primes that are always there, and one more for each of 16 levels.
    assert_eq!(rows.len(), 17);
    for (level, row) in rows.iter().enumerate() {
        assert_eq!(row[0], level as f64);
        assert_eq!(row[1], level as f64 + 2.0);
        assert!(
            (row[2] - (50.0 + 29.6 * level as f64)).abs() < 0.5,
            "{row:?}"
        );
        assert!((row[3] - 29.6).abs() < 0.25, "{row:?}");
    }
}

#[test]
fn programs_get_one_line_a_set() {
    let outcome = veilgrad(&["params", "--json"]);
    assert_eq!((outcome.code, outcome.err.as_str()), (0, ""));
    let events = outcome.events();
    let (last, sets) = events.split_last().unwrap();
    assert_eq!(last["event"], "done");
    assert_eq!(last["sets"], sets.len());
    let of = |name: &str| -> &Value { sets.iter().find(|set| set["name"] == name).unwrap() };
    assert!(sets.iter().all(|set| set["event"] == "params"));
    assert_eq!(of("leveled-15")["security_bits"], 128);
    assert_eq!(of("leveled-15")["secure"], true);
    assert_eq!(of("leveled-15")["degree"], 32768);
    assert_eq!(of("insecure-10")["secure"], false);
    assert_eq!(of("insecure-10")["rows"].as_array().unwrap().len(), 17);
}

#[test]
fn a_set_that_is_not_there_is_named() {
    let outcome = veilgrad(&["params", "--set", "leveled-99"]);
    assert_eq!(outcome.code, 2);
    assert_eq!(outcome.out, "");
    assert!(outcome.err.contains("leveled-99"), "{}", outcome.err);
    let outcome = veilgrad(&["params", "--params-file", "no/such/set.json", "--json"]);
    assert_eq!(outcome.code, 1);
    assert!(outcome.err.contains("no/such/set.json"), "{}", outcome.err);
    assert_eq!(outcome.last()["event"], "error");
}

#[test]
fn a_set_without_a_name_has_that_of_its_file() {
    let outcome = veilgrad(&["params", "--params-file", FILE]);
    assert_eq!((outcome.code, outcome.err.as_str()), (0, ""));
    assert!(outcome.out.contains("B16-R39: given in a file"));
    let outcome = changed("name", json!(""));
    assert!(
        outcome.out.contains("own: given in a file"),
        "{}",
        outcome.err
    );
}

#[test]
fn sets_that_mean_nothing_are_refused_with_file_and_field() {
    let most = u64::MAX;
    for (field, value, words) in [
        ("aux_primes", json!([]), "no special primes"),
        ("level_config", json!([]), "are listed"),
        (
            "app_levels",
            json!(most),
            "app_levels: found 18446744073709551615",
        ),
        ("evalmod", json!(1u64 << 63), "evalmod: found"),
        ("delta_log", json!(33), "level 1 has scale"),
        ("delta_log", json!(1e300), "delta_log"),
        ("name", json!("a\u{1b}[2J\nb"), "has '\\u{1b}'"),
        ("name", json!("x".repeat(100_000)), "has 100000"),
    ] {
        let outcome = changed(field, value);
        assert_eq!(outcome.code, 1, "{field}: {}", outcome.out);
        assert!(outcome.err.contains("own.json"), "{}", outcome.err);
        assert!(outcome.err.contains(words), "{field}: {}", outcome.err);
        assert!(!outcome.err.contains('\u{1b}') && outcome.err.len() < 1000);
    }
    let levels = |change: fn(&mut Vec<Value>)| {
        let literal: Value = serde_json::from_slice(&std::fs::read(FILE).unwrap()).unwrap();
        let mut levels = literal["level_config"].as_array().unwrap().clone();
        change(&mut levels);
        changed("level_config", json!(levels)).err
    };
    let equal = levels(|levels| levels[5] = levels[4].clone());
    assert!(equal.contains("level 5 has modulus"), "{equal}");
    let reversed = levels(|levels| levels.reverse());
    assert!(reversed.contains("is not above"), "{reversed}");
}

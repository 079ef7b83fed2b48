//! The table of parameter sets.

use super::veilgrad;
use serde_json::Value;

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
    assert_eq!(outcome.code, 1);
    assert_eq!(outcome.out, "");
    assert!(outcome.err.contains("leveled-99"), "{}", outcome.err);
    let outcome = veilgrad(&["params", "--params-file", "no/such/set.json", "--json"]);
    assert_eq!(outcome.code, 1);
    assert!(outcome.err.contains("no/such/set.json"), "{}", outcome.err);
    assert_eq!(outcome.last()["event"], "error");
}

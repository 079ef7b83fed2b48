//! Wrong usage: exit code 2, and a message that names option and value.

use super::{tiny_csv, veilgrad};

/// Fails as wrong usage, before any work, and says these things.
fn refused(args: &[&str], words: &[&str]) {
    let outcome = veilgrad(args);
    assert_eq!(outcome.code, 2, "{args:?}: {}", outcome.err);
    assert_eq!(outcome.out, "", "{args:?}");
    assert!(outcome.err.starts_with("error: "), "{}", outcome.err);
    for word in words {
        assert!(outcome.err.contains(word), "{args:?}: {}", outcome.err);
    }
}

#[test]
fn a_learning_rate_is_a_finite_number_above_zero() {
    for value in ["NaN", "inf", "0", "-1", "-0.5", "1e999", "fast"] {
        refused(
            &["run", "--lr", value],
            &["--lr", &format!("'{value}'"), "above 0"],
        );
    }
    refused(&["run", "--lr=-inf"], &["--lr", "'-inf'", "above 0"]);
}

#[test]
fn counts_start_at_one() {
    for option in ["--epochs", "--threads"] {
        for value in ["0", "-3", "1.5", "many"] {
            refused(
                &["run", option, value],
                &[option, &format!("'{value}'"), "at least 1"],
            );
        }
    }
}

#[test]
fn a_batch_is_a_power_of_two() {
    for value in ["0", "3", "500", "-512", "x"] {
        refused(
            &["run", "--batch", value],
            &["--batch", &format!("'{value}'"), "power of two"],
        );
    }
    refused(&["run", "--batch", "500"], &["256 or 512"]);
}

#[test]
fn choices_name_what_there_is() {
    refused(
        &["run", "--device", "abacus"],
        &["--device", "abacus", "auto", "cpu"],
    );
    refused(
        &["run", "--refresh", "nobody"],
        &["--refresh", "nobody", "owner"],
    );
    refused(&["knit"], &["knit"]);
    refused(&["run", "--knit"], &["--knit"]);
}

#[test]
fn one_parameter_set_and_one_shape_are_given() {
    refused(
        &["run", "--params", "leveled-14", "--params-file", "own.json"],
        &["--params", "--params-file"],
    );
    refused(
        &["keygen", "--features", "4", "--out", "keys"],
        &["--classes"],
    );
    refused(
        &[
            "keygen",
            "--features",
            "4",
            "--classes",
            "1",
            "--out",
            "keys",
        ],
        &["--classes", "'1'", "at least 2"],
    );
    refused(
        &[
            "keygen",
            "--data",
            "a.csv",
            "--features",
            "4",
            "--classes",
            "2",
            "--out",
            "keys",
        ],
        &["--data", "--features"],
    );
}

#[test]
fn times_have_units() {
    let args = [
        "refresh",
        "--secret-key",
        "secret.vg",
        "--exchange",
        "exchange",
        "--wait",
    ];
    for value in ["0", "soon", "5d"] {
        refused(
            &[&args[..], &[value]].concat(),
            &["--wait", &format!("'{value}'"), "10m"],
        );
    }
}

#[test]
fn files_that_must_be_named_are_asked_for() {
    refused(&["encrypt"], &["--secret-key", "--out", "--normalization"]);
    refused(&["train"], &["--evaluation-keys", "--data", "--out"]);
    refused(
        &["decrypt"],
        &["--secret-key", "--model", "--normalization", "--out"],
    );
    refused(&["evaluate"], &["--model"]);
    refused(&["prune", "mask"], &["--secret-key", "--scores", "--out"]);
    refused(&["prune", "check"], &["--secret-key", "--mask", "--merged"]);
}

#[test]
fn programs_get_the_message_as_their_last_line() {
    let outcome = veilgrad(&["run", "--epochs", "0", "--json"]);
    assert_eq!(outcome.code, 2);
    let last = outcome.last();
    assert_eq!(last["event"], "error");
    let message = last["message"].as_str().unwrap();
    assert!(
        message.contains("--epochs") && message.contains("'0'"),
        "{message}"
    );
    assert!(!message.contains('\n'), "{message}");
}

#[test]
fn numbers_beyond_their_range_are_wrong_usage() {
    refused(
        &["run", "--activation", "softmax", "--range", "1000"],
        &["--range", "'1000'", "up to 128"],
    );
    for value in ["-1", "1.5", "18446744073709551616"] {
        refused(
            &["run", "--seed", value],
            &["--seed", &format!("'{value}'"), "whole number"],
        );
    }
    refused(&["run", "--params", "none"], &["`none`", "leveled-15"]);
    let directory = tempfile::tempdir().unwrap();
    let data = tiny_csv(directory.path());
    for (option, value, words) in [
        ("--threads", "1000000", "from 1 to 1024"),
        ("--epochs", "99999999999999", "from 1 to 1048576"),
        ("--batch", "1073741824", "from 1 to "),
    ] {
        let outcome = veilgrad(&[
            "run",
            "--params",
            "insecure-10",
            "--allow-insecure",
            "--data",
            data.to_str().unwrap(),
            option,
            value,
        ]);
        assert_eq!(outcome.code, 2, "{option}: {}", outcome.err);
        assert!(outcome.err.contains(words), "{option}: {}", outcome.err);
    }
}

#[test]
fn places_that_cannot_be_written_to_are_found_before_the_work() {
    let directory = tempfile::tempdir().unwrap();
    let data = tiny_csv(directory.path());
    let (data, place) = (data.to_str().unwrap(), directory.path().to_str().unwrap());
    for out in [
        format!("{place}/nowhere/model.safetensors"),
        place.to_owned(),
    ] {
        let set = ["--params", "insecure-10", "--allow-insecure"];
        let run = ["run", "--data", data, "--out", &out, "--json"];
        let outcome = veilgrad(&[&run[..], &set].concat());
        assert_eq!(outcome.code, 1);
        assert!(outcome.err.contains(&out) || outcome.err.contains("nowhere"));
        let events = outcome.events();
        assert!(
            events.iter().all(|event| event["event"] != "plan"),
            "{}",
            outcome.out
        );
        let profile = ["profile", "ntt", "--device", "cpu", "--trace", &out];
        let outcome = veilgrad(&[&profile[..], &set[..2]].concat());
        assert_eq!(outcome.code, 1, "{}", outcome.err);
    }
    // Nothing is left of what was begun.
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn keys_that_are_refused_leave_no_directory() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("keys");
    for data in ["absent.csv", "Cargo.toml"] {
        let out = out.to_str().unwrap();
        let outcome = veilgrad(&["keygen", "--data", data, "--out", out]);
        assert_eq!(outcome.code, 1, "{}", outcome.err);
    }
    assert!(!out.exists());
}

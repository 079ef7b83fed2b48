//! `veilgrad calibrate` and `veilgrad plan`: what is measured, kept, told and predicted.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::{tiny_csv, veilgrad};

const SET: [&str; 4] = ["--params", "insecure-10", "--threads", "1"];

/// Runs a command with its calibrations in a directory; its events.
fn events(command: &str, cache: &Path, more: &[&str]) -> Vec<Value> {
    let cache = cache.to_str().unwrap();
    let first = [
        command,
        "--calibrations",
        cache,
        "--json",
        "--device",
        "cpu",
    ];
    let outcome = veilgrad(&[&first[..], &SET, more].concat());
    assert_eq!(outcome.code, 0, "{command}: {}", outcome.err);
    outcome.events()
}

fn notes(events: &[Value]) -> Vec<&str> {
    let notes = events.iter().filter(|event| event["event"] == "note");
    notes
        .map(|note| note["message"].as_str().unwrap())
        .collect()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

#[test]
fn a_calibration_is_measured_once_and_kept() {
    let directory = tempfile::tempdir().unwrap();
    let cache = directory.path().join("cache");
    let first = events("calibrate", &cache, &[]);
    let report = first.last().unwrap();
    assert_eq!(report["measured"], true);
    assert!(notes(&first).is_empty());
    let operations = report["operations"].as_array().unwrap();
    let kinds = [
        "rotation",
        "decomposition",
        "hoisted-rotation",
        "conjugation",
        "relinearization",
        "tensor-product",
        "plain-product",
        "constant-product",
        "addition",
        "encoding",
        "rescale",
        "refresh",
    ];
    for kind in kinds {
        let of_kind = operations.iter().filter(|row| row["operation"] == kind);
        let seconds: Vec<f64> = of_kind.map(|row| number(&row["seconds"])).collect();
        assert!(seconds.len() >= 3, "{kind}");
        assert!(
            seconds.iter().all(|&seconds| (0.0..1.0).contains(&seconds)),
            "{kind}"
        );
    }
    for curve in ["key", "encryption", "decryption"] {
        assert!(!report[curve].as_array().unwrap().is_empty());
    }

    let again = events("calibrate", &cache, &[]);
    let known = again.last().unwrap();
    assert_eq!(known["measured"], false);
    assert_eq!(known["operations"], report["operations"]);
    let anew = events("calibrate", &cache, &["--again"]);
    assert_eq!(anew.last().unwrap()["measured"], true);

    // Damaged, it is told and measured again; another version likewise.
    let file = Path::new(report["file"].as_str().unwrap());
    let text = fs::read_to_string(file).unwrap();
    fs::write(file, &text[..text.len() / 2]).unwrap();
    let repaired = events("calibrate", &cache, &[]);
    assert!(notes(&repaired)[0].contains("not a calibration of this program"));
    assert!(notes(&repaired)[0].contains("operations are measured again"));
    let mut other: Value = serde_json::from_str(&text).unwrap();
    other["subject"]["version"] = "0.0.1".into();
    fs::write(file, other.to_string()).unwrap();
    let renewed = events("calibrate", &cache, &[]);
    assert!(notes(&renewed)[0].contains("a calibration of version 0.0.1"));
    assert_eq!(renewed.last().unwrap()["measured"], true);
}

#[test]
fn a_plan_says_what_a_run_of_the_same_options_does() {
    let directory = tempfile::tempdir().unwrap();
    let cache = directory.path().join("cache");
    let data = tiny_csv(directory.path());
    let data = data.to_str().unwrap();
    let options = [
        "--allow-insecure",
        "--data",
        data,
        "--epochs",
        "2",
        "--batch",
        "16",
    ];
    let planned = events("plan", &cache, &options);
    let calibrated = planned.iter().any(|event| event["stage"] == "calibrate");
    assert!(calibrated, "there was no calibration");
    let report = planned.last().unwrap();
    let of = |events: &[Value]| {
        events
            .iter()
            .find(|event| event["event"] == "plan")
            .cloned()
    };
    let shown = of(&planned).unwrap();

    let ran = events("run", &cache, &options);
    let (done, told) = (ran.last().unwrap(), of(&ran).unwrap());
    for field in [
        "steps",
        "keys",
        "key_bytes",
        "key_switches_per_step",
        "refreshes_per_step",
        "levels_per_step",
        "device",
        "activation",
    ] {
        assert_eq!(shown[field], told[field], "{field}");
    }
    assert_eq!(report["steps"], done["steps"]);
    assert_eq!(
        report["key_switches_per_step"],
        told["key_switches_per_step"]
    );
    assert_eq!(report["refreshes_per_step"], told["refreshes_per_step"]);

    let operations = report["operations"].as_array().unwrap();
    let switching = [
        "rotation",
        "hoisted-rotation",
        "conjugation",
        "relinearization",
    ];
    let switches: f64 = operations
        .iter()
        .filter(|row| switching.contains(&row["operation"].as_str().unwrap()))
        .map(|row| number(&row["count"]))
        .sum();
    assert_eq!(switches, number(&report["key_switches_per_step"]));
    let parts = ["seconds_keys", "seconds_encrypt", "seconds_train"];
    let parts: f64 = parts.iter().map(|part| number(&report[*part])).sum();
    assert!(number(&report["seconds_total"]) >= parts);
    for field in [
        "seconds_per_step",
        "peak_memory_bytes",
        "key_file_bytes",
        "training_set_bytes",
    ] {
        assert!(number(&report[field]) > 0.0, "{field}");
    }

    // For people, from the calibration that is there now.
    let cache = cache.to_str().unwrap();
    let first = ["plan", "--calibrations", cache, "--device", "cpu"];
    let outcome = veilgrad(&[&first[..], &SET, &options].concat());
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    assert!(!outcome.err.contains("calibrate"));
    for text in [
        "phases of a step",
        "hoisted rotations",
        "behind the step",
        "In all",
        "Messages",
    ] {
        assert!(outcome.out.contains(text), "{text}: {}", outcome.out);
    }
}

#[test]
fn a_plan_of_a_pruned_training_says_what_a_run_of_the_same_options_does() {
    let directory = tempfile::tempdir().unwrap();
    let cache = directory.path().join("cache");
    let data = tiny_csv(directory.path());
    let options = [
        "--allow-insecure",
        "--data",
        data.to_str().unwrap(),
        "--epochs",
        "5",
        "--batch",
        "16",
        "--prune",
        "0.6",
        "--prune-every",
        "2",
        "--prune-warmup",
        "1",
    ];
    let planned = events("plan", &cache, &options);
    let ran = events("run", &cache, &options);
    let (report, done) = (planned.last().unwrap(), ran.last().unwrap());
    let pruning = &report["pruning"];
    assert_eq!(report["steps"], done["steps"]);
    assert_eq!(pruning["prune_rounds"], done["prune_rounds"]);
    assert_eq!(pruning["scorings"], done["scorings"]);
    let rounds = ran.iter().filter(|event| event["event"] == "prune");
    let rounds: Vec<&Value> = rounds.collect();
    assert_eq!(rounds.len(), 2);
    for round in &rounds {
        for field in ["kept", "ciphertexts_before", "ciphertexts_after"] {
            assert_eq!(pruning["merge"][field], round[field], "{field}");
        }
        assert!(round["naive_rotations"].as_u64() > round["feature_rotations"].as_u64());
    }
    assert!(pruning["merge"]["naive_rotations"].is_u64());
    // The level that merging takes is there from the beginning.
    let level = |name: &str| pruning["merge_levels"][name].as_u64().unwrap();
    for what in ["features", "labels"] {
        let [encrypted, used] = ["encrypted", "used"].map(|when| level(&format!("{what}_{when}")));
        assert_eq!(encrypted, used + 1, "{what}");
    }
    assert_eq!(pruning["merge_refreshes"], 0);
    assert_eq!(pruning["score"], "logit-margin");
    assert_eq!(pruning["score_refreshes"].as_array().unwrap().len(), 0);
    // Refreshes by an owner in the same process are no messages: what is left is scores and masks.
    let unpruned = events("plan", &cache, &options[..7]);
    let full = unpruned.last().unwrap();
    assert_eq!(pruning["full_steps"], full["steps"]);
    assert_eq!(pruning["full_seconds_total"], full["seconds_total"]);
    let per_step = |field: &str| number(&full[field]) / number(&full["steps"]);
    let of_steps = |field: &str| per_step(field) * number(&report["steps"]);
    let to_owner = number(&report["bytes_to_owner"]) - of_steps("bytes_to_owner");
    assert_eq!(to_owner, number(&done["bytes_to_owner"]));
    let to_server = number(&report["bytes_to_server"]) - of_steps("bytes_to_server");
    // A plan counts weights with every mask; those that are all one are not sent.
    let sent = number(&done["bytes_to_server"]);
    let weights = 4.0 * number(&rounds[0]["kept"]);
    let of_one = [0.0, 1.0, 2.0].map(|masks| masks * weights);
    assert!(
        of_one
            .iter()
            .any(|saved| (to_server - sent - saved).abs() <= 8.0),
        "{to_server} {sent}"
    );

    // Parts add up to the training, and operations to the parts.
    let parts = pruning["parts"].as_array().unwrap();
    let sum = |rows: &[Value]| rows.iter().map(|row| number(&row["seconds"])).sum::<f64>();
    let (parts_sum, train) = (sum(parts), number(&report["seconds_train"]));
    assert!(
        parts_sum <= train && parts_sum > 0.9 * train,
        "{parts_sum} {train}"
    );
    let operations = pruning["operations"].as_array().unwrap();
    assert!((sum(operations) - parts_sum).abs() < 1e-9);
    for part in ["merging", "scores: forward pass"] {
        let part = parts.iter().find(|row| row["part"] == part).unwrap();
        assert!(number(&part["seconds"]) > 0.0 && part["full_seconds"] == 0.0);
    }
    assert!(number(&pruning["speedup_over_full"]) > 0.0);

    let first = ["plan", "--calibrations", cache.to_str().unwrap()];
    let outcome = veilgrad(&[&first[..], &SET, &options].concat());
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    for text in [
        "Rounds",
        "Merging",
        "(published, one by one: ",
        "encrypted one level above its first use (features: level ",
        "nothing is refreshed",
        "logit-margin, with no refresh",
        "merging",
        "on all rows",
        "Speed-up",
    ] {
        assert!(outcome.out.contains(text), "{text}: {}", outcome.out);
    }
}

#[test]
fn a_plan_names_the_refreshes_that_scores_take() {
    let directory = tempfile::tempdir().unwrap();
    let cache = directory.path().join("cache");
    let data = tiny_csv(directory.path());
    let options = [
        "--allow-insecure",
        "--data",
        data.to_str().unwrap(),
        "--epochs",
        "4",
        "--batch",
        "16",
        "--prune",
        "0.5",
        "--prune-every",
        "2",
        "--prune-score",
        "hefs",
        "--activation",
        "softmax",
    ];
    let planned = events("plan", &cache, &options);
    let pruning = &planned.last().unwrap()["pruning"];
    assert_eq!(pruning["score"], "hefs");
    let refreshes = pruning["score_refreshes"].as_array().unwrap();
    assert!(!refreshes.is_empty());
    let of_choice: f64 = refreshes
        .iter()
        .map(|refresh| number(&refresh["times"]) * number(&refresh["vectors"]))
        .sum();
    // As many as the program does when it is run.
    let operations = pruning["operations"].as_array().unwrap();
    let of_scores = operations.iter().filter(|row| {
        let is_score = row["phase"].as_str().unwrap().starts_with("scores");
        is_score && ["refresh", "real-refresh"].contains(&row["operation"].as_str().unwrap())
    });
    let counted: f64 = of_scores.map(|row| number(&row["count"])).sum();
    assert_eq!(of_choice * number(&pruning["scorings"]), counted);
    assert_eq!(pruning["merge_refreshes"], 0);

    let first = ["plan", "--calibrations", cache.to_str().unwrap()];
    let outcome = veilgrad(&[&first[..], &SET, &options].concat());
    let told = "hefs; refreshed for a choice: ";
    assert!(outcome.out.contains(told), "{}", outcome.out);
}

#[test]
fn sizes_of_files_and_messages_are_as_predicted() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path();
    let (data, cache) = (tiny_csv(place), place.join("cache"));
    let path = |name: &str| place.join(name).to_str().unwrap().to_owned();
    let data = data.to_str().unwrap();
    let options = ["--allow-insecure", "--data", data, "--batch", "16"];
    let planned = events("plan", &cache, &options);
    let report = planned.last().unwrap();
    events(
        "keygen",
        &cache,
        &[&options[..], &["--out", &path("keys")]].concat(),
    );
    let outcome = veilgrad(&[
        "encrypt",
        "--secret-key",
        &path("keys/secret.vg"),
        "--data",
        data,
        "--out",
        &path("data.vg"),
        "--normalization",
        &path("normalization.json"),
    ]);
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    for (file, field) in [
        ("keys/evaluation.vg", "key_file_bytes"),
        ("data.vg", "training_set_bytes"),
    ] {
        let size = fs::metadata(path(file)).unwrap().len() as f64;
        let share = size / number(&report[field]);
        // Validation rows are in the file, but not asked for in this plan.
        assert!((0.9..1.5).contains(&share), "{file}: {share}");
    }
}

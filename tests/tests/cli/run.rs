//! `veilgrad run`, on the smallest ring and few rows.

use std::path::Path;

use super::{Outcome, tiny_csv, veilgrad};

/// Runs on `data` with the smallest parameter set.
pub(super) fn run(data: &Path, more: &[&str]) -> Outcome {
    let data = data.to_str().unwrap();
    let args = [
        "run",
        "--params",
        "insecure-10",
        "--allow-insecure",
        "--data",
        data,
    ];
    veilgrad(&[&args[..], more].concat())
}

#[test]
fn programs_get_plan_steps_and_the_report() {
    let directory = tempfile::tempdir().unwrap();
    let model = directory.path().join("model.safetensors");
    let data = tiny_csv(directory.path());
    let more = ["--epochs", "2", "--json", "--out", model.to_str().unwrap()];
    let outcome = run(&data, &more);
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    assert_eq!(outcome.err, "");

    let events = outcome.events();
    let of = |name: &str| {
        events
            .iter()
            .filter(|event| event["event"] == name)
            .collect::<Vec<_>>()
    };
    assert_eq!(of("plan").len(), 1);
    let plan = of("plan")[0];
    assert_eq!(plan["params"], "insecure-10");
    assert_eq!(plan["security_bits"], 0);
    assert_eq!(plan["features"], 2);
    assert_eq!(plan["classes"], 2);
    assert_eq!(plan["epochs"], 2);
    assert!(plan["keys"].as_u64().unwrap() > 0);
    assert!(plan["key_bytes"].as_u64().unwrap() > 0);
    let steps = plan["steps"].as_u64().unwrap();
    assert_eq!(of("step").len() as u64, steps);
    // What will be made is told before it is made.
    let first = |name: &str| {
        events
            .iter()
            .position(|event| event["event"] == name)
            .unwrap()
    };
    let keys = events
        .iter()
        .position(|event| event["stage"] == "keys")
        .unwrap();
    assert!(first("plan") < keys && keys < first("step"));

    let last = outcome.last();
    assert_eq!(last["event"], "done");
    for number in [
        "test_accuracy",
        "clear_test_accuracy",
        "validation_accuracy",
        "epochs",
        "seconds_total",
        "seconds_per_step",
        "seconds_keys",
        "seconds_encrypt",
        "peak_memory_bytes",
        "threads",
        "weight_error",
    ] {
        assert!(last[number].is_number(), "{number} in {last}");
    }
    for event in of("step").into_iter().chain([&last]) {
        let parts = event["phases"].as_array().unwrap();
        let sum = |field: &str| {
            parts
                .iter()
                .map(|part| part[field].as_f64().unwrap())
                .sum::<f64>()
        };
        assert!((sum("share") - 1.0).abs() < 1e-9, "{event}");
        let whole = match event["event"].as_str() {
            Some("step") => event["seconds"].as_f64().unwrap(),
            _ => of("step")
                .iter()
                .map(|step| step["seconds"].as_f64().unwrap())
                .sum(),
        };
        assert!((sum("seconds") - whole).abs() < 1e-6, "{event}");
        // No phase of a step is missing.
        let busy = parts
            .iter()
            .filter(|part| part["seconds"].as_f64().unwrap() > 0.0);
        let last_step = event["step"] == steps;
        assert_eq!(
            busy.count(),
            parts.len() - usize::from(last_step),
            "{event}"
        );
    }
    let passages = plan["passages"].as_array().unwrap();
    assert_eq!(passages[0]["phase"], "spreading and packing");
    assert_eq!(passages.last().unwrap()["phase"], "refreshes");
    assert_eq!(passages.last().unwrap()["to"], passages[0]["from"]);
    for text in ["params", "device", "refresh"] {
        assert!(last[text].is_string(), "{text} in {last}");
    }
    assert_eq!(last["steps"], steps);
    assert_eq!(last["security_bits"], 0);
    if cfg!(target_os = "linux") {
        assert!(last["peak_memory_bytes"].as_u64().unwrap() > 1 << 20);
    }

    // The model is there, and `evaluate` finds the same accuracy.
    let args = [
        "evaluate",
        "--model",
        model.to_str().unwrap(),
        "--data",
        data.to_str().unwrap(),
    ];
    let outcome = veilgrad(&[&args[..], &["--json"]].concat());
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    assert_eq!(outcome.last()["test_accuracy"], last["test_accuracy"]);
}

/// What the documentation of a model says, and a line that counts the rows it is right on.
const PYTHON: &str = r#"
import sys, numpy, safetensors.numpy
rows = numpy.loadtxt(sys.argv[2], delimiter=",", skiprows=1)
x, y = rows[:, :-1], rows[:, -1]
m = safetensors.numpy.load_file(sys.argv[1])
classes = (x @ m["weight"].T + m["bias"]).argmax(1)
print((classes == y).sum())
"#;

#[test]
fn two_lines_of_python_use_a_model() {
    let python = |args: &[&std::ffi::OsStr]| {
        let mut command = std::process::Command::new("python3");
        command.args(args).output()
    };
    let libraries = ["-c", "import numpy, safetensors.numpy"].map(AsRef::as_ref);
    if !python(&libraries).is_ok_and(|found| found.status.success()) {
        eprintln!("skipped, no python3 with numpy and safetensors: use of a model");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let model = directory.path().join("model.safetensors");
    let data = tiny_csv(directory.path());
    let outcome = run(&data, &["--epochs", "2", "--out", model.to_str().unwrap()]);
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    let code: [&std::ffi::OsStr; 2] = ["-c", PYTHON].map(AsRef::as_ref);
    let told = python(&[&code[..], &[model.as_os_str(), data.as_os_str()]].concat()).unwrap();
    let errors = String::from_utf8_lossy(&told.stderr);
    assert!(told.status.success(), "{errors}");
    // A line separates the classes.
    let right: usize = String::from_utf8_lossy(&told.stdout)
        .trim()
        .parse()
        .unwrap();
    assert!(right >= 58, "{right} of 60");
}

#[test]
fn people_get_a_plan_and_both_accuracies() {
    let directory = tempfile::tempdir().unwrap();
    let outcome = run(
        &tiny_csv(directory.path()),
        &["--epochs", "1", "--threads", "1"],
    );
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    for words in [
        "insecure-10, N = 2^10",
        "NONE, for tests only",
        "To be made",
        " keys, ",
        "MiB",
        "Test accuracy",
        " % encrypted, ",
        " % clear: ",
        "percentage points",
        "per step",
        "Peak memory",
    ] {
        assert!(outcome.out.contains(words), "{words} in\n{}", outcome.out);
    }
    assert!(outcome.err.contains("train: done in "), "{}", outcome.err);
}

#[test]
fn every_activation_trains() {
    let directory = tempfile::tempdir().unwrap();
    let data = tiny_csv(directory.path());
    for (more, name, range) in [
        (&["--activation", "softmax"][..], "softmax", 32.0),
        (&["--activation", "softmax", "--range", "4"], "softmax", 4.0),
        (&["--activation", "softmax-max"], "softmax-max", 128.0),
        (&[], "sigmoid", 32.0),
    ] {
        let outcome = run(
            &data,
            &[more, &["--epochs", "1", "--lr", "1", "--json"]].concat(),
        );
        assert_eq!(outcome.code, 0, "{}", outcome.err);
        let events = outcome.events();
        let plan = events
            .iter()
            .find(|event| event["event"] == "plan")
            .unwrap();
        assert_eq!(
            (&plan["activation"], &plan["logit_range"]),
            (&name.into(), &range.into())
        );
        let last = outcome.last();
        assert!(
            last["weight_error"].as_f64().unwrap() < 1e-2,
            "{name}: {last}"
        );
        assert!(
            last["test_accuracy"].as_f64().unwrap() > 0.9,
            "{name}: {last}"
        );
    }
    let outcome = run(&data, &["--range", "8"]);
    assert_eq!(outcome.code, 2);
    assert!(
        outcome.err.contains("--activation softmax"),
        "{}",
        outcome.err
    );
}

#[test]
fn an_insecure_set_needs_permission() {
    for command in [&["run"][..], &["keygen", "--out", "keys"]] {
        let outcome = veilgrad(&[command, &["--params", "insecure-10"]].concat());
        assert_eq!(outcome.code, 2);
        assert_eq!(outcome.out, "");
        for words in ["insecure-10", "not secure", "643.6", "--allow-insecure"] {
            assert!(outcome.err.contains(words), "{}", outcome.err);
        }
    }
    let outcome = veilgrad(&["run", "--params", "insecure-10", "--json"]);
    assert_eq!(outcome.last()["event"], "error");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("no-such-rows.csv");
    let outcome = run(&file, &["--json"]);
    assert_eq!(outcome.code, 1);
    assert!(outcome.err.starts_with("error: "), "{}", outcome.err);
    assert!(outcome.err.contains("no-such-rows.csv"), "{}", outcome.err);
    let last = outcome.last();
    assert_eq!(last["event"], "error");
    assert!(
        last["message"]
            .as_str()
            .unwrap()
            .contains("no-such-rows.csv")
    );
}

#[test]
fn a_file_that_is_no_data_set_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("odd-rows.csv");
    std::fs::write(&file, "1,2,0\n3,bad,1\n5,6,0\n").unwrap();
    let outcome = run(&file, &[]);
    assert_eq!(outcome.code, 1);
    assert!(outcome.err.contains("odd-rows.csv"), "{}", outcome.err);
}

#[test]
fn a_set_that_is_not_there_is_named() {
    let outcome = veilgrad(&["run", "--params", "leveled-99"]);
    assert_eq!(outcome.code, 2);
    assert!(outcome.err.contains("leveled-99"), "{}", outcome.err);
}

#[test]
fn patience_ends_a_run_and_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let data = tiny_csv(directory.path());
    let more = ["--epochs", "3", "--patience", "1", "--lr", "1"];
    let outcome = run(&data, &[&more[..], &["--json"]].concat());
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    let events = outcome.events();
    let told = events
        .iter()
        .filter(|event| event["event"] == "validation")
        .count();
    assert_eq!(outcome.last()["epochs"], told);
    assert!(outcome.last()["best_epoch"].as_u64().unwrap() >= 1);
    let text = run(&data, &more);
    assert!(
        text.err.contains("validation: epoch 1, loss "),
        "{}",
        text.err
    );
    assert!(text.out.contains(", the best one"), "{}", text.out);
}

#[test]
fn a_simulation_tells_each_epoch_beside_exact_training() {
    let directory = tempfile::tempdir().unwrap();
    let data = tiny_csv(directory.path());
    let data = data.to_str().unwrap();
    let set = [
        "--params",
        "insecure-10",
        "--allow-insecure",
        "--data",
        data,
    ];
    for activation in ["sigmoid", "softmax", "softmax-max"] {
        let more = ["--activation", activation, "--epochs", "3", "--lr", "1"];
        let args = [&["simulate"], &set[..], &more].concat();
        let outcome = veilgrad(&[&args[..], &["--json"]].concat());
        assert_eq!(outcome.code, 0, "{}", outcome.err);
        let events = outcome.events();
        let epochs = events.iter().filter(|event| event["event"] == "epoch");
        assert_eq!(epochs.count(), 3);
        let last = outcome.last();
        assert_eq!(last["activation"], activation);
        assert_eq!(last["test_accuracy"], last["exact_test_accuracy"]);
        let error = last["weight_error"].as_f64().unwrap();
        assert!(error > 0.0 && error < 0.05, "{activation}: {error}");
        let text = veilgrad(&[&args[..], &["--threads", "1"]].concat());
        assert!(
            text.out.contains("epoch   3 of 3: validation "),
            "{}",
            text.out
        );
        assert!(text.out.contains(" simulated, "), "{}", text.out);
    }
}

#[test]
fn the_table_of_activations_has_every_case_and_its_errors_are_small() {
    let set = ["--params", "insecure-11-boot", "--allow-insecure"];
    let args = [&["activations", "--samples", "300"], &set[..]].concat();
    let outcome = veilgrad(&[&args[..], &["--encrypted", "--json"]].concat());
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    let events = outcome.events();
    let lines: Vec<_> = events
        .iter()
        .filter(|event| event["event"] == "activation")
        .collect();
    assert_eq!(lines.len(), 2 * 4 * 4 + 3 * 4);
    for line in lines {
        let of = |name: &str| line[name].as_f64().unwrap();
        assert!(of("mean_error") <= of("max_error"));
        let (clear, noisy, encrypted) = match line["activation"].as_str().unwrap() {
            "softmax" => (3e-4, 4e-4, 5e-4),
            "softmax-max" => (0.02, 0.02, 0.02),
            _ => (2e-3, 2e-3, 2e-3),
        };
        assert!(of("max_error") < clear, "{line}");
        assert!(of("noisy_error") < noisy, "{line}");
        assert!(of("encrypted_error") < encrypted, "{line}");
        assert!(of("seconds") > 0.0 && of("key_switches") > 0.0);
    }
    let text = veilgrad(&args).out;
    assert_eq!(
        text.lines()
            .filter(|line| line.starts_with("| softmax |"))
            .count(),
        16
    );
    assert!(
        text.contains("insecure-11-boot, 300 samples a line"),
        "{text}"
    );
}

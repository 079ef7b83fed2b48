//! Owner and server in turn, each with its own files: from keys to the accuracy of the model.

use std::path::Path;

use super::{Outcome, tiny_csv, veilgrad};

/// Runs a command line that must be done; names of files are those of a directory.
fn done(directory: &Path, line: &str) -> Outcome {
    let outcome = attempt(directory, line);
    assert_eq!(outcome.code, 0, "{line}: {}", outcome.err);
    outcome
}

/// Runs a command line in which `@` stands before the names of files.
fn attempt(directory: &Path, line: &str) -> Outcome {
    let place = |word: &str| match word.strip_prefix('@') {
        Some(file) => directory.join(file).to_str().unwrap().to_owned(),
        None => word.to_owned(),
    };
    let words: Vec<String> = line.split_whitespace().map(place).collect();
    veilgrad(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn owner_and_server_train_a_model_together() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path();
    tiny_csv(place);
    std::fs::create_dir(place.join("exchange")).unwrap();

    let keygen = "keygen --params insecure-10 --allow-insecure --data @tiny.csv --out @keys";
    let outcome = done(place, keygen);
    assert!(outcome.out.contains("secret.vg"), "{}", outcome.out);
    let again = attempt(place, keygen);
    assert_eq!(again.code, 1, "a key must not be overwritten");
    assert!(again.err.contains("secret.vg"), "{}", again.err);

    let keys = "--secret-key @keys/secret.vg";
    done(
        place,
        &format!(
            "encrypt {keys} --data @tiny.csv --out @data.vg --normalization @normalization.json"
        ),
    );
    std::thread::scope(|scope| {
        let owner = scope.spawn(|| {
            done(
                place,
                &format!(
                    "refresh {keys} --data @tiny.csv --patience 9 --exchange @exchange --wait 2m --json"
                ),
            )
        });
        let server = done(
            place,
            "train --evaluation-keys @keys/evaluation.vg --data @data.vg --exchange @exchange --wait 2m \
             --epochs 4 --early-stopping --out @model.vg --json",
        );
        assert_eq!(server.last()["event"], "done");
        assert!(server.last()["steps"].as_u64().unwrap() > 0);
        assert_eq!(owner.join().unwrap().last()["event"], "done");
    });
    done(
        place,
        &format!(
            "decrypt {keys} --model @model.vg --normalization @normalization.json --out @model.safetensors"
        ),
    );
    let evaluate = "evaluate --model @model.safetensors --data @tiny.csv";
    let outcome = done(place, &format!("{evaluate} --json"));
    // A line separates the classes.
    assert!(
        outcome.last()["test_accuracy"].as_f64().unwrap() > 0.9,
        "{}",
        outcome.out
    );
    let outcome = done(place, evaluate);
    assert!(outcome.out.contains("Test accuracy"), "{}", outcome.out);
    assert!(outcome.out.contains("of class 1"), "{}", outcome.out);
}

#[test]
fn each_command_names_the_file_that_is_not_there() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path();
    tiny_csv(place);
    for line in [
        "encrypt --secret-key @absent.vg --data @tiny.csv --out @data.vg --normalization @n.json",
        "train --evaluation-keys @absent.vg --data @data.vg --exchange @exchange --out @model.vg",
        "refresh --secret-key @absent.vg --exchange @exchange",
        "decrypt --secret-key @absent.vg --model @m.vg --normalization @n.json --out @m.safetensors",
        "evaluate --model @absent.vg --data @tiny.csv",
    ] {
        let outcome = attempt(place, line);
        assert_eq!(outcome.code, 1, "{line}");
        assert!(outcome.err.contains("error: "), "{line}: {}", outcome.err);
        assert!(outcome.err.contains("absent.vg"), "{line}: {}", outcome.err);
    }
}

//! Owner and server in turn, each with its own files: from keys to the accuracy of the model.

use std::path::Path;

use super::{Outcome, tiny_csv, veilgrad};

/// Runs a command line that must be done; names of files are those of a directory.
pub(super) fn done(directory: &Path, line: &str) -> Outcome {
    let outcome = attempt(directory, line);
    assert_eq!(outcome.code, 0, "{line}: {}", outcome.err);
    outcome
}

/// Runs a command line in which `@` stands before the names of files.
pub(super) fn attempt(directory: &Path, line: &str) -> Outcome {
    let place = |word: &str| match word.strip_prefix('@') {
        Some(file) => directory.join(file).to_str().unwrap().to_owned(),
        None => word.to_owned(),
    };
    let words: Vec<String> = line.split_whitespace().map(place).collect();
    veilgrad(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Runs a command line of the server that must be done, and beside it an owner who answers: what both said.
pub(super) fn with_owner(place: &Path, server: &str) -> (Outcome, Outcome) {
    std::thread::scope(|scope| {
        let owner = scope.spawn(|| {
            let refresh = "refresh --secret-key @keys/secret.vg --data @tiny.csv --exchange @exchange --wait 2m --json";
            done(place, refresh)
        });
        let server = done(
            place,
            &format!("{server} --exchange @exchange --wait 2m --json"),
        );
        (server, owner.join().unwrap())
    })
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
fn rows_are_chosen_in_three_commands_and_trained_on() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path();
    tiny_csv(place);
    let keys = "--secret-key @keys/secret.vg";
    done(
        place,
        "keygen --params insecure-10 --allow-insecure --data @tiny.csv --prune-score logit-margin --out @keys",
    );
    done(
        place,
        &format!(
            "encrypt {keys} --data @tiny.csv --out @data.vg --normalization @normalization.json"
        ),
    );
    let with_owner = |server: &str| with_owner(place, server);
    let server = "--evaluation-keys @keys/evaluation.vg --data @data.vg";
    with_owner(&format!("train {server} --epochs 2 --out @first.vg"));
    let (scored, _) = with_owner(&format!(
        "prune score {server} --model @first.vg --out @scores.vg"
    ));
    assert_eq!(scored.last()["score"], "logit-margin");
    assert!(scored.last()["bytes"].as_u64().unwrap() > 0);
    let mask = done(
        place,
        &format!(
            "prune mask {keys} --data @tiny.csv --scores @scores.vg --prune 0.5 --out @mask.vg --json"
        ),
    );
    let (kept, of) = (&mask.last()["kept"], &mask.last()["of"]);
    assert_eq!(kept.as_u64().unwrap(), of.as_u64().unwrap().div_ceil(2));
    let merge = format!("prune merge {server} --mask @mask.vg --out @merged.vg");
    let text = done(place, &merge);
    assert!(text.out.contains("Merged set"), "{}", text.out);
    let merged = done(place, &format!("{merge} --json"));
    assert_eq!(&merged.last()["kept"], kept);
    assert_eq!(merged.last()["feature_rotations"], 0);

    // The merged rows are a training set like any other; pruned in one command, it comes to the same.
    let on_merged = server.replace("@data.vg", "@merged.vg");
    with_owner(&format!("train {on_merged} --epochs 8 --out @model.vg"));
    let (pruned, owner) = with_owner(&format!(
        "train {server} --epochs 8 --prune 0.5 --prune-every 4 --out @pruned.vg"
    ));
    assert_eq!(pruned.last()["scorings"], 1);
    assert_eq!(owner.last()["masks"], 1);
    // Either goes on from a model; there is then something to choose the first rows by.
    let (again, owner) = with_owner(&format!(
        "train {on_merged} --start @first.vg --epochs 6 --out @again.vg"
    ));
    assert_eq!(
        owner.last()["refreshes"].as_u64(),
        again.last()["steps"].as_u64(),
        "the model that it starts from, and each step but the last"
    );
    let (again, owner) = with_owner(&format!(
        "train {server} --start @first.vg --epochs 6 --prune 0.5 --prune-every 6 --out @again-pruned.vg"
    ));
    assert_eq!(again.last()["scorings"], 1);
    assert_eq!(owner.last()["masks"], 1);
    for model in ["model", "pruned", "again", "again-pruned"] {
        done(
            place,
            &format!(
                "decrypt {keys} --model @{model}.vg --normalization @normalization.json --out @{model}.safetensors"
            ),
        );
        let evaluate = format!("evaluate --model @{model}.safetensors --data @tiny.csv --json");
        let accuracy = done(place, &evaluate).last()["test_accuracy"]
            .as_f64()
            .unwrap();
        assert!(accuracy > 0.9, "{model}: {accuracy}");
    }

    // What does not belong together is refused by name.
    for (line, words) in [
        (
            format!("train {on_merged} --prune 0.5 --exchange @exchange --out @m.vg"),
            "merged already",
        ),
        (
            format!("train {server} --prune 0.5 --global-mask --exchange @exchange --out @m.vg"),
            "--global-mask",
        ),
        (
            format!("prune merge {server} --mask @scores.vg --out @m.vg"),
            "scores.vg",
        ),
        (
            format!("train {server} --start @mask.vg --exchange @exchange --out @m.vg"),
            "mask.vg",
        ),
        (
            format!(
                "prune mask {keys} --data @tiny.csv --seed 7 --scores @mask.vg --prune 0.5 --out @m.vg"
            ),
            "mask.vg",
        ),
    ] {
        let outcome = attempt(place, &line);
        assert_eq!(outcome.code, 1, "{line}");
        assert!(outcome.err.contains(words), "{line}: {}", outcome.err);
    }
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

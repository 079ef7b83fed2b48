//! `--report`: one file that asks for nothing from elsewhere.

use std::path::Path;

use super::{tiny_csv, veilgrad};

/// The report of a command that must be done.
fn report(directory: &Path, args: &[&str]) -> String {
    let file = directory.join("report.html");
    let data = tiny_csv(directory);
    let more = [
        "--params",
        "insecure-10",
        "--allow-insecure",
        "--activation",
        "sigmoid",
        "--data",
        data.to_str().unwrap(),
        "--report",
        file.to_str().unwrap(),
    ];
    let outcome = veilgrad(&[args, &more].concat());
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    std::fs::read_to_string(file).unwrap()
}

/// Tags that are opened and closed, in the right order.
fn assert_is_sound(html: &str) {
    let mut open = Vec::new();
    let body = html.split_once("<body>").unwrap().1;
    for tag in body.split('<').skip(1) {
        let (inside, _) = tag.split_once('>').unwrap();
        let name = inside
            .split([' ', '/'])
            .find(|word| !word.is_empty())
            .unwrap();
        if inside.starts_with('/') {
            let last = open.pop().unwrap_or("body");
            if name != "html" {
                assert_eq!(last, name, "{tag}");
            }
        } else if !inside.ends_with('/') {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?}");
    for elsewhere in [
        "http:", "https:", "src=", "href=", "url(", "<script", "@import",
    ] {
        assert!(!html.contains(elsewhere), "{elsewhere}");
    }
    for number in ["NaN", "inf\"", "unknown time"] {
        assert!(!html.contains(number), "{number}");
    }
}

#[test]
fn a_run_is_reported_in_one_file() {
    let directory = tempfile::tempdir().unwrap();
    let html = report(
        directory.path(),
        &["run", "--epochs", "2", "--patience", "2"],
    );
    assert_is_sound(&html);
    for text in [
        "Encrypted training on tiny",
        "Loss of the validation rows",
        "Accuracy on the test rows",
        "Seconds of each step",
        "Levels in a step",
        "What each side learns",
        "spreading and packing",
        "NONE, for tests only",
        "whether to stop",
    ] {
        assert!(html.contains(text), "{text}");
    }
    // Two curves and their exact twins, times by phase and by step, levels.
    assert_eq!(html.matches("<svg").count(), 5);
    assert_eq!(html.matches("<polyline").count(), 4);
}

#[test]
fn a_report_says_what_masks_and_scores_tell() {
    let directory = tempfile::tempdir().unwrap();
    let pruned = |command: &str, more: &[&str]| {
        let options = ["--epochs", "3", "--batch", "16", "--lr", "1"];
        let prune = ["--prune", "0.5", "--prune-every", "2"];
        report(
            directory.path(),
            &[&[command], &options[..], &prune, more].concat(),
        )
    };
    let of_masks = "which rows are kept in each choice by scores";
    let of_weights = "from a weight roughly how hard a kept row is";
    let html = pruned("run", &[]);
    assert_is_sound(&html);
    for text in [
        of_masks,
        of_weights,
        "the logits of its own rows, and from them the weights",
        "of the rows kept, 2 choices",
    ] {
        assert!(html.contains(text), "{text}");
    }
    // What is drawn by nobody's scores tells nothing.
    let html = pruned("run", &["--prune-score", "random"]);
    assert!(html.contains("which it drew at random itself"));
    assert!(!html.contains(of_masks) && !html.contains("the logits of its own rows"));
    let html = pruned(
        "simulate",
        &["--prune-score", "hefs", "--prune-rule", "hardest"],
    );
    assert!(html.contains(of_masks) && !html.contains(of_weights));
    assert!(html.contains("a score of each of its own rows"));
    // Nothing of the kind without pruning.
    let html = report(directory.path(), &["run", "--epochs", "1"]);
    assert!(!html.contains("rows are kept"));
}

#[test]
fn a_simulation_is_reported_too() {
    let directory = tempfile::tempdir().unwrap();
    let html = report(
        directory.path(),
        &["simulate", "--epochs", "3", "--lr", "1"],
    );
    assert_is_sound(&html);
    assert!(html.contains("Simulated training on tiny"));
    assert_eq!(html.matches("<svg").count(), 3);
}

#[test]
fn a_place_that_cannot_be_written_to_is_found_before_the_job() {
    let directory = tempfile::tempdir().unwrap();
    let nowhere = directory.path().join("nowhere/report.html");
    let outcome = veilgrad(&["run", "--report", nowhere.to_str().unwrap()]);
    assert_eq!(outcome.code, 1);
    assert!(outcome.err.contains("report.html"), "{}", outcome.err);
    assert!(outcome.out.is_empty(), "{}", outcome.out);
}

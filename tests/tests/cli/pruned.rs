//! `veilgrad run` and `simulate` with `--prune`.

use super::run::run;
use super::{tiny_csv, veilgrad};

#[test]
fn a_pruned_run_tells_what_it_kept_and_sent() {
    let directory = tempfile::tempdir().unwrap();
    let data = tiny_csv(directory.path());
    let more = [
        "--epochs",
        "4",
        "--lr",
        "1",
        "--prune",
        "0.6",
        "--prune-every",
        "2",
    ];
    let outcome = run(&data, &[&more[..], &["--json"]].concat());
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    let last = outcome.last();
    let of = |name: &str| last[name].as_f64().unwrap();
    assert!((of("kept_fraction") - 0.4).abs() < 0.02, "{last}");
    assert!(of("speedup_over_full") > 0.0 && of("bytes_to_owner") > of("bytes_to_server"));
    assert_eq!(last["speedup_is"], "predicted");
    assert_eq!(
        (&last["prune_rounds"], &last["scorings"]),
        (&2.into(), &1.into())
    );
    assert!(
        of("weight_error") < 5e-3 && of("test_accuracy") > 0.9,
        "{last}"
    );
    let events = outcome.events();
    let rounds: Vec<_> = events
        .iter()
        .filter(|event| event["event"] == "prune")
        .collect();
    assert_eq!(rounds.len(), 2);
    assert_eq!(
        (&rounds[0]["score"], &rounds[1]["score"]),
        (&"random".into(), &"logit-margin".into())
    );
    for number in [
        "kept",
        "ciphertexts_before",
        "ciphertexts_after",
        "masks",
        "naive_rotations",
        "seconds_merge",
    ] {
        assert!(rounds[1][number].is_number(), "{number} in {}", rounds[1]);
    }
    let text = run(&data, &more);
    assert!(
        text.out.contains("of the rows kept, 2 choices"),
        "{}",
        text.out
    );
    assert!(
        text.err.contains("prune: round 1 from epoch 3 on"),
        "{}",
        text.err
    );
    // The same on clear slots.
    let simulate = [
        "simulate",
        "--params",
        "insecure-10",
        "--allow-insecure",
        "--data",
    ];
    let args = [&simulate[..], &[data.to_str().unwrap()], &more, &["--json"]].concat();
    let outcome = veilgrad(&args);
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    let error = outcome.last()["weight_error"].as_f64().unwrap();
    assert!(error > 0.0 && error < 0.05, "{error}");
    for wrong in [
        &["--prune", "1"][..],
        &["--prune-rule", "hardest"],
        &["--class-balance"],
    ] {
        assert_eq!(run(&data, wrong).code, 2, "{wrong:?}");
    }
}

#[test]
fn what_pruning_would_not_do_is_refused_and_what_to_do_is_said() {
    let directory = tempfile::tempdir().unwrap();
    let data = tiny_csv(directory.path());
    let data = data.to_str().unwrap();
    let pruned = |more: &[&str]| {
        let first = [
            "simulate",
            "--params",
            "insecure-10",
            "--allow-insecure",
            "--data",
            data,
            "--epochs",
            "3",
            "--lr",
            "1",
            "--prune",
            "0.5",
        ];
        veilgrad(&[&first[..], more].concat())
    };
    for (more, words) in [
        (
            &["--prune-score", "random", "--prune-rule", "hardest"][..],
            &["hardest", "--prune-score", "--prune-rule random"][..],
        ),
        (
            &["--prune-rule", "random", "--class-balance"],
            &["class balance", "choose another rule"],
        ),
        (
            &["--prune-score", "random", "--class-balance"],
            &["class balance", "choose another rule"],
        ),
        (
            &["--prune-warmup", "3"],
            &["is 3", "which is 3", "more epochs", "--prune-warmup"],
        ),
        (
            &["--prune-every", "3"],
            &["is 3", "which is 3", "by scores", "--prune-rule random"],
        ),
        (
            &["--prune-window", "0.1", "--prune-rule", "hardest"],
            &["--prune-window", "--prune-rule window"],
        ),
        (&["--prune-window", "0.1"], &["--prune-rule"]),
    ] {
        let outcome = pruned(more);
        assert_eq!(outcome.code, 2, "{more:?}: {}", outcome.err);
        for word in words {
            assert!(outcome.err.contains(word), "{word}: {}", outcome.err);
        }
    }
    for more in [
        &["--prune-score", "random"][..],
        &["--prune-rule", "hardest", "--class-balance"],
        &["--prune-warmup", "2"],
    ] {
        let outcome = pruned(more);
        assert_eq!(outcome.code, 0, "{more:?}: {}", outcome.err);
    }
}

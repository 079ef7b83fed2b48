//! Choices of rows in commands: what the owner sees of them, and what does not belong together.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use engine::ckks::Level;
use host::file::{Expected, Reader};
use tests::params;

use super::parties::{attempt, done, with_owner};
use super::{tiny_csv, veilgrad};

const KEYS: &str = "--secret-key @keys/secret.vg";
const SERVER: &str = "--evaluation-keys @keys/evaluation.vg --data @data.vg";
const MASK: &str = "prune mask --secret-key @keys/secret.vg --data @tiny.csv --scores @scores.vg";
const CHECK: &str = "prune check --secret-key @keys/secret.vg --data @tiny.csv";

/// Keys, a training set of three mini-batches of 14 rows, and scores of these.
fn scored(place: &Path) {
    tiny_csv(place);
    done(
        place,
        "keygen --params insecure-10 --allow-insecure --data @tiny.csv --batch 16 --prune-score logit-margin --global-mask \
         --out @keys",
    );
    encrypt(place, "data.vg");
    with_owner(place, &format!("train {SERVER} --epochs 2 --out @model.vg"));
    score(place, "data.vg", "scores.vg");
}

fn encrypt(place: &Path, out: &str) {
    done(
        place,
        &format!(
            "encrypt {KEYS} --data @tiny.csv --out @{out} --normalization @normalization.json"
        ),
    );
}

fn score(place: &Path, data: &str, out: &str) -> u64 {
    let server = SERVER.replace("@data.vg", &format!("@{data}"));
    let line = format!("prune score {server} --model @model.vg --out @{out}");
    let (scored, _) = with_owner(place, &line);
    scored.last()["bytes"].as_u64().unwrap()
}

/// The lines of a table under this head.
fn table(place: &Path, file: &str, head: &str) -> Vec<Vec<String>> {
    let text = fs::read_to_string(place.join(file)).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some(head));
    let cells = |line: &str| line.split(',').map(str::to_owned).collect();
    lines.map(cells).collect()
}

#[test]
fn the_owner_sees_which_rows_are_kept_and_finds_each_of_them_merged() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path();
    scored(place);
    let given = table(place, "tiny.csv", "left,right,label");
    for (choosing, merging) in [
        ("", ""),
        ("--class-balance", ""),
        ("--class-balance --prune-rule hardest --global-mask", ""),
        ("--prune-rule hardest --global-mask", ""),
        ("--prune-rule hardest --global-mask", "--prune-merge naive"),
    ] {
        let chosen = done(
            place,
            &format!("{MASK} --prune 0.4 {choosing} --out @mask.vg --table @mask.csv --json"),
        );
        let of_rows = table(place, "mask.csv", "mini_batch,place,row,class,score,weight");
        assert_eq!(of_rows.len() as u64, chosen.last()["of"].as_u64().unwrap());
        let different: BTreeSet<&String> = of_rows.iter().map(|line| &line[2]).collect();
        assert_eq!(different.len(), of_rows.len(), "each row once");
        for line in &of_rows {
            let row: usize = line[2].parse().unwrap();
            assert_eq!(line[3], given[row][2], "the class of row {row}");
        }
        let (left, kept): (Vec<_>, Vec<_>) = of_rows.iter().partition(|line| line[5].is_empty());
        assert_eq!(kept.len(), 25);
        let score = |line: &&Vec<String>| line[4].parse::<f64>().unwrap();
        if choosing.starts_with("--prune-rule hardest") {
            let least = kept.iter().map(score).fold(f64::INFINITY, f64::min);
            assert!(left.iter().all(|line| score(line) <= least));
        }
        if choosing.starts_with("--class-balance --prune-rule") {
            let of_class = kept.iter().filter(|line| line[3] == "0").count();
            assert!((12..=13).contains(&of_class), "{of_class} of 25");
        }

        done(
            place,
            &format!("prune merge {SERVER} --mask @mask.vg {merging} --out @merged.vg"),
        );
        let check = format!("{CHECK} --mask @mask.vg --merged @merged.vg");
        let text = done(place, &check);
        assert!(
            text.out
                .contains("25 of 42 rows in 1 mini-batch, each kept one once"),
            "{}",
            text.out
        );
        let checked = done(place, &format!("{check} --table @merged.csv --json")).last();
        assert_eq!((&checked["kept"], &checked["of"]), (&25.into(), &42.into()));
        let naive = merging.contains("naive");
        assert_eq!(checked["method"], if naive { "naive" } else { "planned" });
        for error in ["feature_error", "label_error", "empty_error"] {
            let error = checked[error].as_f64().unwrap();
            assert!(error > 0.0 && error < 1e-4, "{error}");
        }
        for what in ["features", "labels"] {
            let level = |name: String| checked[&name].as_u64().unwrap();
            let merged = level(format!("{what}_level"));
            assert_eq!(level(format!("encrypted_{what}_level")), merged + 1);
        }
        let places = table(
            place,
            "merged.csv",
            "merged_mini_batch,merged_row,mini_batch,place,row,class,weight,error",
        );
        let (empty, full): (Vec<_>, Vec<_>) = places.iter().partition(|line| line[2].is_empty());
        assert_eq!(empty.len() as u64, checked["empty"].as_u64().unwrap());
        assert!(empty.iter().all(|line| line[3..7].concat().is_empty()));
        // Mini-batch, place, row, class and weight.
        let merged: BTreeSet<Vec<String>> = full.iter().map(|line| line[2..7].to_vec()).collect();
        let of_mask = kept.iter().map(|line| [&line[..4], &line[5..]].concat());
        assert_eq!(merged, of_mask.collect());
        assert_eq!(full.len(), kept.len(), "each once");
    }
}

#[test]
fn what_is_of_other_rows_or_of_another_training_set_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path();
    scored(place);
    for (rule, out) in [("hardest", "mask"), ("random", "other")] {
        done(
            place,
            &format!("{MASK} --prune 0.4 --prune-rule {rule} --out @{out}.vg"),
        );
    }
    done(
        place,
        &format!("prune merge {SERVER} --mask @mask.vg --out @merged.vg"),
    );
    // The same rows once more: another training set.
    encrypt(place, "again.vg");
    score(place, "again.vg", "scores-again.vg");
    let again = MASK.replace("@scores.vg", "@scores-again.vg");
    done(place, &format!("{again} --prune 0.4 --out @mask-again.vg"));
    // As many rows of as many features and classes, in another order.
    let text = fs::read_to_string(place.join("tiny.csv")).unwrap();
    let turned = text.replace(",0\n", ",2\n").replace(",1\n", ",0\n");
    fs::write(place.join("turned.csv"), turned.replace(",2\n", ",1\n")).unwrap();

    let mask = format!("{MASK} --prune 0.4 --out @m.vg");
    let check = format!("{CHECK} --mask @mask.vg --merged @merged.vg");
    let merge_again = format!("prune merge {SERVER} --out @m.vg").replace("@data.vg", "@again.vg");
    for (line, words) in [
        (format!("{mask} --seed 7"), ["scores.vg", "--seed"]),
        (
            mask.replace("@tiny.csv", "@turned.csv"),
            ["scores.vg", "--data"],
        ),
        (format!("{check} --seed 7"), ["mask.vg", "--seed"]),
        (
            check.replace("@tiny.csv", "@turned.csv"),
            ["mask.vg", "--data"],
        ),
        (
            format!("{merge_again} --mask @mask.vg"),
            ["mask.vg", "another training set than"],
        ),
        (
            check.replace("@mask.vg", "@mask-again.vg"),
            ["mask-again.vg", "another training set than"],
        ),
        (
            check.replace("@mask.vg", "@other.vg"),
            ["merged.vg: row ", "of mini-batch 0: "],
        ),
    ] {
        let outcome = attempt(place, &format!("{line} --json"));
        assert_eq!(outcome.code, 1, "{line}");
        let message = outcome.last();
        assert_eq!(message["event"], "error");
        let message = message["message"].as_str().unwrap();
        for word in words {
            assert!(message.contains(word), "{line}: {message}");
        }
    }
    assert!(!place.join("m.vg").exists());
    done(place, &format!("{merge_again} --mask @mask-again.vg"));

    // A byte that is another one is found wherever it is.
    let sound = fs::read(place.join("mask.vg")).unwrap();
    for at in [20, 177, sound.len() / 2, sound.len() - 5] {
        let mut damaged = sound.clone();
        damaged[at] ^= 4;
        fs::write(place.join("damaged.vg"), damaged).unwrap();
        let line = format!("prune merge {SERVER} --mask @damaged.vg --out @m.vg");
        let outcome = attempt(place, &line);
        assert_eq!(outcome.code, 1, "byte {at}");
        assert!(outcome.err.contains("damaged.vg"), "{}", outcome.err);
    }
}

/// Bytes of the sections of a file, and those around them.
fn bytes(file: &Path) -> (u64, u64) {
    let expected = Expected {
        kind: None,
        parameters: None,
        max_section_bytes: 1 << 30,
    };
    let reader = Reader::open(file, &expected).unwrap();
    let content = reader.sections().map(|(_, bytes)| bytes).sum();
    (content, fs::metadata(file).unwrap().len() - content)
}

#[test]
fn the_sizes_of_messages_that_are_told_are_those_of_their_files() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path();
    scored(place);
    let told = score(place, "data.vg", "scores.vg");
    // Logits of a mini-batch are one ciphertext.
    let expected = 3 * params("insecure-10").ciphertext_bytes(Level(0)) as u64;
    let (content, around) = bytes(&place.join("scores.vg"));
    assert_eq!((told, content), (expected, expected));
    assert!(around < 1000, "{around}");
    // Two bytes of bits for 14 rows, and a weight for each of the kept ones where they differ.
    let (bits, weights) = (3 * 2, 25 * 4);
    for (rule, expected) in [
        ("hardest", &[bits][..]),
        ("importance", &[bits, bits + weights]),
    ] {
        let line = format!("{MASK} --prune 0.4 --prune-rule {rule} --out @mask.vg --json");
        let told = done(place, &line).last()["bytes"].as_u64().unwrap();
        let (content, around) = bytes(&place.join("mask.vg"));
        assert!(
            told == content && expected.contains(&told),
            "{rule}: {told}, {content}"
        );
        assert!(around < 1000, "{around}");
    }
}

#[test]
fn keys_for_random_rows_have_nothing_to_score_and_choose_without() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path();
    tiny_csv(place);
    done(
        place,
        "keygen --params insecure-10 --allow-insecure --data @tiny.csv --prune-score random --out @keys",
    );
    let outcome = attempt(
        place,
        &format!("prune score {SERVER} --model @model.vg --out @scores.vg"),
    );
    assert_eq!(outcome.code, 1);
    for words in ["evaluation.vg", "nothing to score", "--prune-rule random"] {
        assert!(outcome.err.contains(words), "{}", outcome.err);
    }
    encrypt(place, "data.vg");
    let mask = MASK.replace("--scores @scores.vg", "--training-set @data.vg --prune 0.5");
    let outcome = attempt(
        place,
        &format!("{mask} --prune-rule importance --out @mask.vg"),
    );
    assert_eq!(outcome.code, 2);
    assert!(
        outcome.err.contains("without scores is importance"),
        "{}",
        outcome.err
    );
    // The rule that needs no scores is the one that is meant, here and by the server.
    let (trained, _) = with_owner(
        place,
        &format!("train {SERVER} --epochs 2 --prune 0.5 --out @model.vg"),
    );
    assert_eq!(trained.last()["prune_rounds"], 2);
    let mask = format!("{mask} --class-balance --out @mask.vg --json");
    let chosen = done(place, &mask).last();
    assert_eq!((&chosen["kept"], &chosen["of"]), (&21.into(), &42.into()));
    done(
        place,
        &format!("prune merge {SERVER} --mask @mask.vg --out @merged.vg"),
    );
    let check = format!("{CHECK} --mask @mask.vg --merged @merged.vg --json");
    assert_eq!(done(place, &check).last()["kept"], 21);
}

#[test]
fn accuracies_of_shares_are_a_table() {
    let simulate = [
        "prune", "simulate", "--seeds", "1", "--epochs", "2", "--keep",
    ];
    let text = veilgrad(&[&simulate[..], &["0.5,10"]].concat());
    assert_eq!(text.code, 0, "{}", text.err);
    let lines: Vec<&str> = text.out.lines().collect();
    assert!(lines[0].contains("1 trainings of 2 epochs"), "{}", text.out);
    for begin in [
        "### digits",
        "| kept | steps |",
        "| 0.5 % |",
        "| 10 % |",
        "| 100 % |",
    ] {
        let found = lines.iter().filter(|line| line.starts_with(begin)).count();
        assert_eq!(found, 1, "{begin}: {}", text.out);
    }
    let json = veilgrad(&[&simulate[..], &["10", "--json"]].concat());
    assert_eq!(json.code, 0, "{}", json.err);
    let last = json.last();
    assert_eq!(last["event"], "done");
    assert_eq!((&last["seeds"], &last["epochs"]), (&1.into(), &2.into()));
    let ways: Vec<String> = json
        .events()
        .iter()
        .filter(|event| event["event"] == "sweep")
        .map(|event| event["way"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(ways.len(), 7, "{ways:?}");
    assert!(ways.contains(&"hardest".to_owned()) && ways.contains(&"full".to_owned()));
}

#[test]
fn quotas_move_no_row_even_where_mini_batches_are_shorter_than_a_tile() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path();
    tiny_csv(place);
    done(
        place,
        "keygen --params insecure-10 --allow-insecure --data @tiny.csv --batch 16 --prune-score logit-margin --out @keys",
    );
    encrypt(place, "data.vg");
    with_owner(place, &format!("train {SERVER} --epochs 2 --out @model.vg"));
    score(place, "data.vg", "scores.vg");
    done(place, &format!("{MASK} --prune 0.5 --out @mask.vg"));
    let merge = format!("prune merge {SERVER} --mask @mask.vg --out @merged.vg");
    let merged = done(place, &format!("{merge} --json")).last();
    assert_eq!((&merged["kept"], &merged["of"]), (&21.into(), &42.into()));
    assert_eq!(merged["feature_rotations"], 0);
    let check = format!("{CHECK} --mask @mask.vg --merged @merged.vg --json");
    let checked = done(place, &check).last();
    assert_eq!(
        (&checked["kept"], &checked["batches"]),
        (&21.into(), &2.into()),
        "two of the three rows in each of fourteen places"
    );
    assert_eq!(checked["method"], "within-rows");
    let (pruned, _) = with_owner(
        place,
        &format!("train {SERVER} --epochs 4 --prune 0.5 --prune-every 2 --out @pruned.vg"),
    );
    let pruned = pruned.last();
    assert_eq!(
        (&pruned["steps"], &pruned["prune_rounds"]),
        (&8.into(), &2.into())
    );
}

#[test]
fn scores_of_a_model_that_diverged_are_not_believed() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path();
    tiny_csv(place);
    done(
        place,
        "keygen --params insecure-11-boot --allow-insecure --data @tiny.csv --prune-score logit-margin --out @keys",
    );
    encrypt(place, "data.vg");
    done(
        place,
        &format!("train {SERVER} --epochs 3 --lr 1000 --out @model.vg"),
    );
    done(
        place,
        &format!("prune score {SERVER} --model @model.vg --out @scores.vg"),
    );
    let refused = attempt(place, &format!("{MASK} --prune 0.5 --out @mask.vg"));
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("diverges"), "{}", refused.err);
    assert!(!place.join("mask.vg").exists());
}

#[test]
fn steps_of_a_warm_up_are_counted() {
    let rows = |warmup: &str| {
        let simulate = [
            "prune", "simulate", "--seeds", "1", "--epochs", "2", "--keep", "10", "--json",
        ];
        veilgrad(&[&simulate[..], &["--prune-warmup", warmup]].concat())
    };
    let steps = |way: &str, warmup: &str| {
        let events = rows(warmup).events();
        let row = events.iter().find(|event| event["way"] == way);
        row.unwrap()["steps"].as_u64().unwrap()
    };
    let full = steps("full", "0") / 2;
    let pruned = steps("importance", "0") / 2;
    assert!(pruned < full);
    for way in ["importance", "full-same-steps"] {
        assert_eq!(steps(way, "1"), full + pruned, "{way}");
    }
    let refused = rows("2");
    assert_eq!(refused.code, 2);
    assert!(
        refused.err.contains("below the number of epochs"),
        "{}",
        refused.err
    );
}

//! Trainings that prune.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::SEEDS;
use super::place::{Chance, Place, VG};

/// The rule that draws nothing: trainings by it differ only in what ciphertexts differ in. Two epochs on all rows, and three
/// choices of half of them.
const HARDEST: &str = "--prune 0.5 --prune-rule hardest --prune-warmup 2 --prune-every 2";
const ANSWERING: &str =
    "refresh --secret-key @keys/secret.vg --data @data.csv --exchange @exchange --wait 2m";
const TRAIN: &str = "train --evaluation-keys @keys/evaluation.vg --data @data.vg --lr 1 --threads 2 --exchange @exchange \
                     --wait 2m";
const RESUME: &str = "resume --checkpoint @model.vg.checkpoint";

/// What a report says of choices, without their time.
fn choices(done: &Value) -> [&Value; 5] {
    [
        "kept_fraction",
        "prune_rounds",
        "scorings",
        "bytes_to_owner",
        "bytes_to_server",
    ]
    .map(|field| &done[field])
}

/// Trains once as a whole, then kills trainings at any moment. Each ends with a model that `same` takes for that of the
/// whole one, and asked for as much.
fn killed_as_whole(params: &str, epochs: usize, steps: u64, same: impl Fn(&Place) -> bool) {
    let place = Place::for_pruning(params);
    let line = format!("{TRAIN} {HARDEST} --epochs {epochs}");
    let begun = Instant::now();
    let mut whole = Value::Null;
    let asked = place.with_owner(ANSWERING, || {
        whole = place.done(&format!("{line} --out @whole.vg"));
    });
    let lasted = begun.elapsed();
    assert_eq!(whole["steps"], steps);
    let scorings = (epochs as u64 - 2) / 2;
    let counts = |report: &Value, names: [&str; 2]| names.map(|name| report[name].as_u64());
    let all = [Some(scorings); 2];
    assert_eq!(counts(&whole, ["prune_rounds", "scorings"]), all);
    assert_eq!(asked["masks"], scorings);
    for seed in SEEDS {
        println!("seed {seed}");
        let _ = fs::remove_file(place.path("model.vg"));
        let mut told = None;
        let again = place.with_owner(ANSWERING, || {
            let mut chance = Chance(seed);
            let line = format!("{line} --out @model.vg");
            // Not before the training has its name: an owner answers a training that was begun anew, too.
            told = place.kill_again_and_again(&line, RESUME, VG, |_| {
                while !place.path("model.vg.checkpoint").exists() {
                    thread::sleep(Duration::from_millis(1));
                }
                thread::sleep(lasted.mul_f64(0.5 * chance.next()));
            });
        });
        let questions = ["refreshes", "masks"];
        assert_eq!(
            counts(&again, questions),
            counts(&asked, questions),
            "seed {seed}: no question is answered twice"
        );
        if let Some(told) = told {
            assert_eq!(choices(&told), choices(&whole), "seed {seed}");
        }
        assert!(same(&place), "seed {seed}");
        assert!(!place.path("model.vg.checkpoint").exists());
        assert_eq!(place.parts("."), [""; 0], "nothing is left");
    }
}

#[test]
fn a_killed_pruned_training_ends_with_the_same_bytes() {
    // Two mini-batches in each of the first two epochs, one in each of the others.
    killed_as_whole("insecure-11-boot", 6, 8, |place| {
        place.bytes("model.vg") == place.bytes("whole.vg")
    });
}

#[test]
fn a_pruned_training_that_its_owner_refreshes_goes_on_too() {
    killed_as_whole("insecure-10", 8, 10, |place| {
        let pairs = place.decrypted("whole.vg").into_iter();
        let mut pairs = pairs.zip(place.decrypted("model.vg"));
        pairs.all(|(a, b)| (a - b).abs() < 1e-3)
    });
}

#[test]
fn a_mask_that_was_drawn_is_kept_with_the_steps_behind_it() {
    let place = Place::for_pruning("insecure-11-boot");
    // One choice by importance, after the first epoch; it holds until the end.
    let line = format!("{TRAIN} --prune 0.5 --prune-warmup 1 --prune-every 9 --epochs 4");
    let mut whole = Value::Null;
    let asked = place.with_owner(ANSWERING, || {
        place.kill_after_steps(&format!("{line} --out @model.vg"), 3);
        fs::copy(place.path("model.vg.checkpoint"), place.path("kept")).unwrap();
        whole = place.done(RESUME);
    });
    assert_eq!((&whole["steps"], &asked["masks"]), (&5.into(), &1.into()));
    let model = place.bytes("model.vg");
    // Nobody is there to draw another.
    fs::rename(place.path("kept"), place.path("model.vg.checkpoint")).unwrap();
    let again = place.done(RESUME);
    assert_eq!(choices(&again), choices(&whole));
    assert!(place.bytes("model.vg") == model);
}

#[test]
fn a_killed_pruned_run_ends_with_the_same_model() {
    let place = Place::new();
    // The owner of a run draws by its seed: the same mask for the same scores.
    let line = "run --params insecure-11-boot --allow-insecure --activation sigmoid --data @data.csv --batch 32 --epochs 5 \
                --lr 1 --prune 0.5 --prune-warmup 1 --prune-every 2 --out @model.safetensors --work @work";
    place.kill_after_steps(line, 1);
    for name in ["again", "late"] {
        place.copy("work", name);
    }
    let begun = Instant::now();
    let whole = place.done("resume --work @work --out @whole.safetensors");
    let lasted = begun.elapsed();
    let counts = ["steps", "prune_rounds", "scorings"].map(|name| whole[name].as_u64());
    assert_eq!(counts, [6, 2, 2].map(Some));
    let same = |told: &Value, model: &str| {
        assert_eq!(choices(told), choices(&whole));
        assert_eq!(told["weight_error"], whole["weight_error"]);
        assert!(place.bytes(model) == place.bytes("whole.safetensors"));
    };
    let mut chance = Chance(5);
    let resume = "resume --work @again --out @model.safetensors";
    let files = ["again/checkpoint.vg", "model.safetensors"];
    let told = place.kill_again_and_again(resume, resume, files, |_| {
        thread::sleep(lasted.mul_f64(chance.next()));
    });
    same(&told.unwrap_or_else(|| whole.clone()), "model.safetensors");
    // Right behind each choice: what was not kept with a step yet is chosen again.
    let resume = "resume --work @late --out @late.safetensors";
    for choices in [1, 2] {
        place.kill_after(resume, "prune", choices);
    }
    same(&place.done(resume), "late.safetensors");
}

//! The trainings of a server.

use std::fs;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::SEEDS;
use super::place::{Chance, PROGRAM, Place, VG};

const BOOT: &str =
    "train --evaluation-keys @keys/evaluation.vg --data @data.vg --epochs 3 --lr 1 --threads 2";

#[test]
fn a_killed_training_ends_with_the_same_model() {
    let place = Place::with_keys("insecure-11-boot");
    let begun = Instant::now();
    let whole = place.done(&format!("{BOOT} --out @whole.vg"));
    let lasted = begun.elapsed();
    assert_eq!(whole["steps"], 6);
    let model = place.bytes("whole.vg");
    for seed in SEEDS {
        println!("seed {seed}");
        let mut chance = Chance(seed);
        let (line, resume) = (
            format!("{BOOT} --out @model.vg"),
            "resume --checkpoint @model.vg.checkpoint",
        );
        place.kill_again_and_again(&line, resume, VG, |_| {
            thread::sleep(lasted.mul_f64(chance.next()));
        });
        assert!(place.bytes("model.vg") == model, "seed {seed}");
        assert!(!place.path("model.vg.checkpoint").exists());
        assert_eq!(place.parts("."), [""; 0], "nothing is left");
        fs::remove_file(place.path("model.vg")).unwrap();
    }
    // While the checkpoint is being written.
    let (line, resume) = (
        format!("{BOOT} --out @model.vg"),
        "resume --checkpoint @model.vg.checkpoint",
    );
    place.kill_again_and_again(&line, resume, VG, |child| {
        let writes = || {
            place
                .parts(".")
                .iter()
                .any(|name| name.contains("checkpoint"))
        };
        // A state is written before the second step at the latest.
        let mut seen = false;
        while child.try_wait().unwrap().is_none() && !(seen && writes()) {
            seen |= place.path("model.vg.checkpoint").exists();
        }
    });
    assert!(place.bytes("model.vg") == model);
    assert_eq!(place.parts("."), [""; 0], "nothing is left");
}

#[test]
fn a_checkpoint_is_for_its_own_keys_and_data() {
    let place = Place::with_keys("insecure-11-boot");
    let line = format!("{BOOT} --out @model.vg");
    let resume = "resume --checkpoint @model.vg.checkpoint";
    place.failed(
        resume,
        &[
            "model.vg.checkpoint",
            "no unfinished training",
            "veilgrad train",
        ],
    );
    place.kill_after_steps(&line, 2);

    // A finished step is not thrown away by accident.
    place.failed(
        &line,
        &["model.vg.checkpoint", "veilgrad resume --checkpoint"],
    );
    place.make_keys("insecure-11-boot", "others");
    place.failed(
        &format!("{resume} --evaluation-keys @others/evaluation.vg"),
        &["model.vg.checkpoint", "other keys", "others"],
    );
    place.done(
        "encrypt --secret-key @keys/secret.vg --data @data.csv --batch 32 --out @again.vg \
         --normalization @normalization.json",
    );
    place.failed(
        &format!("{resume} --data @again.vg"),
        &["again.vg", "training set", "model.vg.checkpoint"],
    );
    place.failed(&format!("{resume} --data @none.vg"), &["none.vg"]);

    // Damage, wherever it is, and what is no checkpoint.
    let sound = place.bytes("model.vg.checkpoint");
    for at in [
        20,
        200,
        sound.len() / 2,
        sound.len() - 2000,
        sound.len() - 5,
    ] {
        let mut bytes = sound.clone();
        bytes[at] ^= 4;
        fs::write(place.path("model.vg.checkpoint"), &bytes).unwrap();
        place.failed(resume, &["model.vg.checkpoint"]);
    }
    fs::write(place.path("model.vg.checkpoint"), &sound[..sound.len() - 1]).unwrap();
    place.failed(resume, &["model.vg.checkpoint", "truncated or damaged"]);
    fs::copy(place.path("data.vg"), place.path("model.vg.checkpoint")).unwrap();
    place.failed(resume, &["model.vg.checkpoint", "not a checkpoint"]);

    // Where it is sound and the files have moved, all goes on.
    fs::write(place.path("model.vg.checkpoint"), &sound).unwrap();
    fs::rename(place.path("data.vg"), place.path("moved.vg")).unwrap();
    let done = place.done(&format!("{resume} --data @moved.vg"));
    assert_eq!(
        (&done["event"], &done["steps"]),
        (&"done".into(), &6.into())
    );
    assert!(place.path("model.vg").exists());
}

/// A full disk: files may have no more than so many kilobytes, which is told as an error and not by a signal.
#[cfg(unix)]
fn limited(place: &Place, line: &str, kilobytes: usize) -> Output {
    let program = place.command(line);
    let words = program
        .get_args()
        .map(|arg| arg.to_str().unwrap().to_owned());
    let script = format!("trap '' XFSZ; ulimit -f {kilobytes}; exec \"$0\" \"$@\"");
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(script).arg(PROGRAM).args(words);
    shell.stdin(Stdio::null()).output().unwrap()
}

#[cfg(unix)]
#[test]
fn a_full_disk_loses_nothing() {
    let place = Place::with_keys("insecure-11-boot");
    let line = format!("{BOOT} --out @model.vg");
    let told = |output: &Output, names: &[&str]| {
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{text}");
        for name in names {
            assert!(text.contains(name), "{name} is not in: {text}");
        }
    };
    // No room for a state.
    let output = limited(&place, &line, 8);
    told(&output, &["model.vg", "cannot be written", "caused by"]);
    // Later there is none: what was kept before stays.
    place.kill_after_steps(&line, 2);
    let kept = place.bytes("model.vg.checkpoint");
    let resume = "resume --checkpoint @model.vg.checkpoint";
    let room = fs::metadata(place.path("model.vg.checkpoint"))
        .unwrap()
        .len()
        / 2048;
    let output = limited(&place, resume, usize::try_from(room).unwrap());
    told(&output, &["model.vg.checkpoint", "cannot be written"]);
    assert!(place.bytes("model.vg.checkpoint") == kept);
    assert_eq!(place.parts("."), [""; 0]);
    let done = place.done(resume);
    assert_eq!(done["steps"], 6);
}

#[test]
fn a_training_that_its_owner_refreshes_goes_on_too() {
    let place = Place::with_keys("insecure-10");
    let answering =
        "refresh --secret-key @keys/secret.vg --data @data.csv --exchange @exchange --wait 2m";
    let line = "train --evaluation-keys @keys/evaluation.vg --data @data.vg --epochs 8 --lr 1 --exchange @exchange \
                --wait 2m --early-stopping";
    let train = |run: &dyn Fn()| {
        let answered = place.with_owner(answering, run);
        answered["refreshes"].as_u64().unwrap()
    };
    let begun = Instant::now();
    let asked = train(&|| {
        assert_eq!(place.done(&format!("{line} --out @whole.vg"))["steps"], 16);
    });
    let lasted = begun.elapsed();
    assert_eq!(asked, 16);
    let whole = place.decrypted("whole.vg");
    for seed in SEEDS {
        println!("seed {seed}");
        let _ = fs::remove_file(place.path("model.vg"));
        let asked = train(&|| {
            let mut chance = Chance(seed);
            let (line, resume) = (
                format!("{line} --out @model.vg"),
                "resume --checkpoint @model.vg.checkpoint",
            );
            // Not before the training has its name: an owner answers a training that was begun anew, too.
            place.kill_again_and_again(&line, resume, VG, |_| {
                while !place.path("model.vg.checkpoint").exists() {
                    thread::sleep(Duration::from_millis(1));
                }
                thread::sleep(lasted.mul_f64(0.5 * chance.next()));
            });
        });
        assert_eq!(asked, 16, "no question is answered twice");
        let pairs = whole.iter().zip(place.decrypted("model.vg"));
        for (a, b) in pairs {
            assert!((a - b).abs() < 1e-3, "seed {seed}: {a} {b}");
        }
    }
}

#[test]
fn an_owner_who_is_killed_judges_as_before() {
    let place = Place::with_keys("insecure-10");
    // Labels that have nothing to do with the features: what is learned is wrong, and soon gets no better.
    let mut chance = Chance(8);
    let row = |_| {
        let [x, y, label] = [(); 3].map(|()| 2.0 * chance.next() - 1.0);
        format!("{x},{y},{}\n", u8::from(label > 0.0))
    };
    let rows: String = (0..60).map(row).collect();
    fs::write(place.path("noise.csv"), format!("left,right,label\n{rows}")).unwrap();
    place.done(
        "encrypt --secret-key @keys/secret.vg --data @noise.csv --batch 32 --out @data.vg \
         --normalization @normalization.json",
    );
    let answering = "refresh --secret-key @keys/secret.vg --data @noise.csv --patience 2 --exchange @exchange --wait 2m";
    let train = "train --evaluation-keys @keys/evaluation.vg --data @data.vg --epochs 12 --lr 2 --exchange @exchange \
                 --wait 2m --early-stopping --out @model.vg";
    let owners: [&(dyn Fn() + Sync); 2] = [
        &|| {
            place.done(answering);
        },
        &|| {
            for _ in 0..2 {
                place.kill_after(answering, "validation", 1);
                assert!(place.path("keys/secret.vg.losses").exists());
            }
            place.done(answering);
        },
    ];
    let stopped = owners.map(|owner| {
        thread::scope(|scope| {
            let owner = scope.spawn(owner);
            let done = place.done(train);
            owner.join().unwrap();
            (done["steps"].clone(), done["best_epoch"].clone())
        })
    });
    assert_eq!(stopped[0], stopped[1]);
    assert!(stopped[0].0.as_u64().unwrap() < 24, "nobody stopped it");
    assert!(!place.path("keys/secret.vg.losses").exists());
}

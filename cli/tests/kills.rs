//! Trainings that are killed at any moment, and go on: the real program, as processes of its own.
#![expect(
    clippy::unwrap_used,
    reason = "all of this is a test, helpers among it"
)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_veilgrad");
/// Each kills one training several times.
const SEEDS: [u64; 3] = [1, 2, 3];
/// After so many kills a training is let alone.
const KILLS: usize = 3;

/// A sequence of numbers below one (splitmix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// A directory, and command lines in which `@` stands before the names of its files.
struct Place(tempfile::TempDir);

impl Place {
    /// With a data set that a line separates.
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        let row = |row: u32| {
            let (class, wave) = (row % 2, f64::from(row * 7 % 13) / 13.0);
            let away = if class == 0 { -1.0 } else { 1.0 };
            format!("{},{},{class}\n", away + 0.3 * wave, away - 0.2 * wave)
        };
        let rows: String = (0..60).map(row).collect();
        fs::write(place.path("data.csv"), format!("left,right,label\n{rows}")).unwrap();
        place
    }

    /// The same, with keys and a training set for them: two mini-batches.
    fn with_keys(params: &str) -> Self {
        let place = Self::new();
        place.make_keys(params, "keys");
        place.done(
            "encrypt --secret-key @keys/secret.vg --data @data.csv --batch 32 --out @data.vg \
             --normalization @normalization.json",
        );
        place
    }

    fn make_keys(&self, params: &str, out: &str) {
        self.done(&format!(
            "keygen --params {params} --allow-insecure --activation sigmoid --data @data.csv --batch 32 --out @{out}"
        ));
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(PROGRAM);
        for word in line.split_whitespace() {
            match word.strip_prefix('@') {
                Some(file) => command.arg(self.path(file)),
                None => command.arg(word),
            };
        }
        command.stdin(Stdio::null());
        command
    }

    fn output(&self, line: &str) -> Output {
        self.command(line).output().unwrap()
    }

    /// Runs what must be done; its last JSON line.
    fn done(&self, line: &str) -> Value {
        let output = self.output(&format!("{line} --json"));
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line}: {told}");
        last_line(&output.stdout)
    }

    /// Runs what must fail; what it says.
    fn failed(&self, line: &str, names: &[&str]) {
        let output = self.output(line);
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{line}: {told}");
        for name in names {
            assert!(told.contains(name), "{line}: {name} is not in: {told}");
        }
    }

    fn start(&self, line: &str) -> Child {
        let mut command = self.command(line);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().unwrap()
    }

    /// Runs until so many steps are told, and kills then.
    fn kill_after_steps(&self, line: &str, steps: usize) {
        self.kill_after(line, "step", steps);
    }

    /// Runs until an event was told so often, and kills then.
    fn kill_after(&self, line: &str, event: &str, times: usize) {
        let mut command = self.command(&format!("{line} --json"));
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let told = lines.map_while(Result::ok);
        let event = format!(r#""event":"{event}""#);
        let of_events = told.filter(|line| line.contains(&event));
        assert_eq!(of_events.take(times).count(), times, "{line}");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    /// Names of files that are not complete.
    fn parts(&self, directory: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(directory)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.ends_with(".part")).collect()
    }

    /// Begins with `line` and goes on with `resume`, killed each time when `moment` says so, until `KILLS` kills are over or
    /// a process ends by itself before.
    fn kill_again_and_again(
        &self,
        line: &str,
        resume: &str,
        [checkpoint, model]: [&str; 2],
        mut moment: impl FnMut(&mut Child),
    ) {
        let mut child = self.start(line);
        for _ in 0..KILLS {
            moment(&mut child);
            if let Some(status) = child.try_wait().unwrap() {
                assert!(status.success(), "{line}: {status}");
                return;
            }
            child.kill().unwrap();
            child.wait().unwrap();
            if !self.path(checkpoint).exists() && self.path(model).exists() {
                // It was about to end.
                return;
            }
            // Nothing was kept yet: there is nothing to go on with, and nothing lost.
            let line = if self.path(checkpoint).exists() {
                resume
            } else {
                line
            };
            child = self.start(line);
        }
        let status = child.wait().unwrap();
        assert!(status.success(), "{resume}: {status}");
    }
}

/// The checkpoint and the model of a training.
const VG: [&str; 2] = ["model.vg.checkpoint", "model.vg"];

fn last_line(out: &[u8]) -> Value {
    let text = String::from_utf8_lossy(out);
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

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
    let decrypted = |model: &str| {
        let line = format!(
            "decrypt --secret-key @keys/secret.vg --model @{model} --normalization @normalization.json --out @out.safetensors"
        );
        place.done(&line);
        let bytes = place.bytes("out.safetensors");
        let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let words = tensors.tensor("weight").unwrap().data().to_vec();
        let (words, _) = words.as_chunks();
        words
            .iter()
            .map(|word| f32::from_le_bytes(*word))
            .collect::<Vec<_>>()
    };
    let train = |run: &dyn Fn()| {
        let owner = place.command(&format!("{answering} --json"));
        let mut owner = owner;
        let owner = owner
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        run();
        let answered = owner.wait_with_output().unwrap();
        assert!(answered.status.success());
        last_line(&answered.stdout)["refreshes"].as_u64().unwrap()
    };
    let begun = Instant::now();
    let asked = train(&|| {
        assert_eq!(place.done(&format!("{line} --out @whole.vg"))["steps"], 16);
    });
    let lasted = begun.elapsed();
    assert_eq!(asked, 16);
    let whole = decrypted("whole.vg");
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
        let pairs = whole.iter().zip(decrypted("model.vg"));
        for (a, b) in pairs {
            assert!((a - b).abs() < 1e-3, "seed {seed}: {a} {b}");
        }
        let left = fs::read_dir(place.path("exchange")).unwrap().count();
        assert_eq!(left, 0, "all was read");
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

/// Copies the files of a directory.
fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn a_killed_run_ends_with_the_same_model() {
    let place = Place::new();
    let line = "run --params insecure-11-boot --allow-insecure --activation sigmoid --data @data.csv --batch 32 --epochs 3 \
                --lr 1 --patience 2 --out @model.safetensors --work @work";
    place.failed("resume --work @work", &["run.vg", "veilgrad run --work"]);
    place.kill_after_steps(line, 2);
    place.failed(line, &["checkpoint.vg", "veilgrad resume --work"]);
    #[cfg(unix)]
    for (name, mode) in [("work", 0o700), ("work/run.vg", 0o600)] {
        use std::os::unix::fs::PermissionsExt;
        let found = fs::metadata(place.path(name)).unwrap().permissions().mode();
        assert_eq!(found & 0o777, mode, "{name}");
    }
    for name in ["again", "copy"] {
        copy(&place.path("work"), &place.path(name));
    }
    let begun = Instant::now();
    let whole = place.done("resume --work @work --out @whole.safetensors");
    let lasted = begun.elapsed();
    assert_eq!(
        (&whole["event"], &whole["steps"]),
        (&"done".into(), &6.into())
    );
    assert!(whole["test_accuracy"].as_f64().unwrap() > 0.9, "{whole}");
    assert_eq!(
        fs::read_dir(place.path("work")).unwrap().count(),
        0,
        "secrets are gone"
    );
    let mut chance = Chance(4);
    let resume = "resume --work @again --out @model.safetensors";
    let files = ["again/checkpoint.vg", "model.safetensors"];
    place.kill_again_and_again(resume, resume, files, |_| {
        thread::sleep(lasted.mul_f64(chance.next()));
    });
    assert!(place.bytes("model.safetensors") == place.bytes("whole.safetensors"));

    // Other data, or a checkpoint of another run, is refused by name.
    fs::write(place.path("other.csv"), "1,2,0\n2,1,1\n".repeat(30)).unwrap();
    let resume = "resume --work @copy";
    place.failed(
        &format!("{resume} --data @other.csv"),
        &["other.csv", "copy"],
    );
    place.failed(
        "resume --checkpoint @copy/checkpoint.vg",
        &["checkpoint.vg", "veilgrad resume --work"],
    );
    let again = place.done(&format!("{resume} --out @third.safetensors"));
    assert!(place.bytes("third.safetensors") == place.bytes("whole.safetensors"));
    for field in [
        "test_accuracy",
        "validation_accuracy",
        "weight_error",
        "best_epoch",
    ] {
        assert_eq!(again[field], whole[field], "{field}");
    }
}

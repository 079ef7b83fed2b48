//! A directory where trainings are begun, killed, and gone on with.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_veilgrad");
/// After so many kills a training is let alone.
const KILLS: usize = 3;

/// A sequence of numbers below one (splitmix64).
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// A directory, and command lines in which `@` stands before the names of its files.
pub(crate) struct Place(tempfile::TempDir);

impl Place {
    /// With a data set that a line separates.
    pub(crate) fn new() -> Self {
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
    pub(crate) fn with_keys(params: &str) -> Self {
        let place = Self::new();
        place.make_keys(params, "keys");
        place.encrypt();
        place
    }

    /// The same, for trainings that prune.
    pub(crate) fn for_pruning(params: &str) -> Self {
        let place = Self::new();
        place.make_keys(&format!("{params} --prune-score logit-margin"), "keys");
        place.encrypt();
        place
    }

    fn encrypt(&self) {
        self.done(
            "encrypt --secret-key @keys/secret.vg --data @data.csv --batch 32 --out @data.vg \
             --normalization @normalization.json",
        );
    }

    pub(crate) fn make_keys(&self, params: &str, out: &str) {
        self.done(&format!(
            "keygen --params {params} --allow-insecure --activation sigmoid --data @data.csv --batch 32 --out @{out}"
        ));
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn command(&self, line: &str) -> Command {
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

    pub(crate) fn output(&self, line: &str) -> Output {
        self.command(line).output().unwrap()
    }

    /// Runs what must be done; its last JSON line.
    pub(crate) fn done(&self, line: &str) -> Value {
        let output = self.output(&format!("{line} --json"));
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line}: {told}");
        last_line(&output.stdout)
    }

    /// Runs what must fail; what it says.
    pub(crate) fn failed(&self, line: &str, names: &[&str]) {
        let output = self.output(line);
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{line}: {told}");
        for name in names {
            assert!(told.contains(name), "{line}: {name} is not in: {told}");
        }
    }

    /// Starts a process that tells into the file `told`.
    fn start(&self, line: &str) -> Child {
        let mut command = self.command(&format!("{line} --json"));
        let told = fs::File::create(self.path("told")).unwrap();
        command.stdout(told).stderr(Stdio::null());
        command.spawn().unwrap()
    }

    /// Runs with an owner at the other end of the exchange, until both are done; the owner's last JSON line.
    pub(crate) fn with_owner(&self, answering: &str, run: impl FnOnce()) -> Value {
        let mut owner = self.command(&format!("{answering} --json"));
        let owner = owner
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        run();
        let answered = owner.wait_with_output().unwrap();
        assert!(answered.status.success());
        let left = fs::read_dir(self.path("exchange")).unwrap().count();
        assert_eq!(left, 0, "all was read");
        last_line(&answered.stdout)
    }

    /// The weights of an encrypted model.
    pub(crate) fn decrypted(&self, model: &str) -> Vec<f32> {
        let line = format!(
            "decrypt --secret-key @keys/secret.vg --model @{model} --normalization @normalization.json --out @out.safetensors"
        );
        self.done(&line);
        let bytes = self.bytes("out.safetensors");
        let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let words = tensors.tensor("weight").unwrap().data().to_vec();
        let (words, _) = words.as_chunks();
        words.iter().map(|word| f32::from_le_bytes(*word)).collect()
    }

    /// Runs until so many steps are told, and kills then.
    pub(crate) fn kill_after_steps(&self, line: &str, steps: usize) {
        self.kill_after(line, "step", steps);
    }

    /// Runs until an event was told so often, and kills then.
    pub(crate) fn kill_after(&self, line: &str, event: &str, times: usize) {
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

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    /// Copies the files of a directory.
    pub(crate) fn copy(&self, from: &str, to: &str) {
        fs::create_dir(self.path(to)).unwrap();
        for entry in fs::read_dir(self.path(from)).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), self.path(to).join(entry.file_name())).unwrap();
        }
    }

    /// Names of files that are not complete.
    pub(crate) fn parts(&self, directory: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(directory)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.ends_with(".part")).collect()
    }

    /// Begins with `line` and goes on with `resume`, killed each time when `moment` says so, until `KILLS` kills are over or
    /// a process ends by itself before. The last line of what ended by itself; nothing of a process that was killed when it
    /// was about to end.
    pub(crate) fn kill_again_and_again(
        &self,
        line: &str,
        resume: &str,
        [checkpoint, model]: [&str; 2],
        mut moment: impl FnMut(&mut Child),
    ) -> Option<Value> {
        let told = || Some(last_line(&self.bytes("told")));
        let mut child = self.start(line);
        for _ in 0..KILLS {
            moment(&mut child);
            if let Some(status) = child.try_wait().unwrap() {
                assert!(status.success(), "{line}: {status}");
                return told();
            }
            child.kill().unwrap();
            child.wait().unwrap();
            if !self.path(checkpoint).exists() && self.path(model).exists() {
                return None;
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
        told()
    }
}

/// The checkpoint and the model of a training.
pub(crate) const VG: [&str; 2] = ["model.vg.checkpoint", "model.vg"];

pub(crate) fn last_line(out: &[u8]) -> Value {
    let text = String::from_utf8_lossy(out);
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

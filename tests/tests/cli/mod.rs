//! The command line, in process: output, messages and exit codes.

mod devices;
mod help;
mod params;
mod parties;
mod plan;
mod profile;
mod pruned;
mod pruning;
mod report;
mod run;
mod usage;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// What a command line did.
struct Outcome {
    code: u8,
    out: String,
    err: String,
}

impl Outcome {
    /// The lines of standard output, each of which must be a JSON object with an event.
    fn events(&self) -> Vec<Value> {
        let parse = |line: &str| serde_json::from_str::<Value>(line).unwrap();
        let events: Vec<Value> = self.out.lines().map(parse).collect();
        assert!(events.iter().all(|event| event["event"].is_string()));
        events
    }

    /// The last event.
    fn last(&self) -> Value {
        self.events().pop().unwrap()
    }
}

/// Commands that look for a calibration.
const CALIBRATED: [&str; 4] = ["run", "plan", "keygen", "calibrate"];

/// Runs `veilgrad` with these arguments; where they name no calibrations, with none, whoever's home directory this is.
fn veilgrad(args: &[&str]) -> Outcome {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let nowhere = tempfile::tempdir().unwrap();
    let calibrations = ["--calibrations", nowhere.path().to_str().unwrap()];
    let calibrated = args.first().is_some_and(|name| CALIBRATED.contains(name));
    let named = args.iter().any(|arg| arg.starts_with("--calibrations"));
    let args = std::iter::once("veilgrad").chain(args.iter().copied());
    let args = args.chain(calibrations.into_iter().filter(|_| calibrated && !named));
    let code = veilgrad::run(args, &mut out, &mut err);
    Outcome {
        code,
        out: String::from_utf8(out).unwrap(),
        err: String::from_utf8(err).unwrap(),
    }
}

/// Rows of two features and two classes that a line separates.
fn tiny_csv(directory: &Path) -> PathBuf {
    let mut text = "left,right,label\n".to_owned();
    for row in 0..60 {
        let class = row % 2;
        let wave = f64::from(row * 7 % 13) / 13.0;
        let away = if class == 0 { -1.0 } else { 1.0 };
        writeln!(text, "{},{},{class}", away + 0.3 * wave, away - 0.2 * wave).unwrap();
    }
    let file = directory.join("tiny.csv");
    std::fs::write(&file, text).unwrap();
    file
}

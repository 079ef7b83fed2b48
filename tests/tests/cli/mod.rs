//! The command line, in process: output, messages and exit codes.

mod help;
mod params;
mod run;
mod usage;

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

/// Runs `veilgrad` with these arguments.
fn veilgrad(args: &[&str]) -> Outcome {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let args = std::iter::once("veilgrad").chain(args.iter().copied());
    let code = veilgrad::run(args, &mut out, &mut err);
    Outcome {
        code,
        out: String::from_utf8(out).unwrap(),
        err: String::from_utf8(err).unwrap(),
    }
}

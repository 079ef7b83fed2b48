//! A trace in Chrome's format, which Perfetto opens.

use serde::Serialize;

use crate::file::AtomicFile;
use crate::job::{JobError, json};
use crate::profile::{Cost, Span};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Trace<'a> {
    trace_events: Vec<Event<'a>>,
    display_time_unit: &'static str,
}

/// A complete event: `ts` and `dur` in microseconds.
#[derive(Serialize)]
struct Event<'a> {
    name: &'a str,
    ph: &'static str,
    pid: u32,
    tid: u32,
    ts: f64,
    dur: f64,
    args: Cost,
}

/// Completes a file with the spans, in the order of their commands on one track.
pub(super) fn write(file: AtomicFile, spans: &[Span]) -> Result<(), JobError> {
    let events = spans.iter().map(|span| Event {
        name: span.kernel,
        ph: "X",
        pid: 1,
        tid: 1,
        ts: 1e6 * span.begin,
        dur: 1e6 * span.seconds,
        args: span.cost,
    });
    let trace = Trace {
        trace_events: events.collect(),
        display_time_unit: "ms",
    };
    let json = json(file.target(), &trace)?;
    Ok(file.complete(&json)?)
}

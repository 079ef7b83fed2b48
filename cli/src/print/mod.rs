//! Plans and reports: text for people, JSON lines for programs.

mod parties;

use std::path::Path;

use host::job::{
    ActivationReport, ActivationsReport, EarlierReport, EpochReport, PhaseReport, PlanReport,
    RunReport, SimulateReport, ValidationReport,
};
use serde::Serialize;

use crate::prune;
use crate::streams::{Failure, Streams};
use crate::units::{bytes, count, percent, percentage_points, seconds, things};

pub(crate) use parties::{decrypt, encrypt, evaluate, keygen, refresh, train};

/// A line for programs: the name of the event, then its fields.
#[derive(Serialize)]
struct Line<'a, T> {
    event: &'static str,
    #[serde(flatten)]
    fields: &'a T,
}

/// The one field of notes and errors.
#[derive(Serialize)]
pub(crate) struct Message<'a> {
    pub(crate) message: &'a str,
}

/// Writes one JSON line to standard output.
pub(crate) fn json_line<T: Serialize>(streams: &mut Streams<'_>, event: &'static str, fields: &T) {
    match serde_json::to_string(&Line { event, fields }) {
        Ok(line) => streams.out_line(&line),
        Err(error) => streams.err_line(&format_args!("warning: event {event} is lost: {error}")),
    }
}

/// Writes the last line for programs, or `text` for people.
pub(crate) fn done<R: Serialize>(
    streams: &mut Streams<'_>,
    json: bool,
    report: &R,
    text: impl FnOnce(&R) -> String,
) {
    if json {
        json_line(streams, "done", report);
    } else {
        streams.out(&text(report));
    }
}

/// Tells why a command failed, and what to do.
pub(crate) fn failure(streams: &mut Streams<'_>, failure: &Failure, json: bool) {
    let mut text = match failure {
        Failure::Usage(message) => message.clone(),
        Failure::Job(error) => error.to_string(),
    };
    if let Failure::Job(error) = failure {
        for cause in error.chain().skip(1).map(ToString::to_string) {
            // Some errors quote their cause.
            if !text.contains(&cause) {
                text += &format!("\n  caused by: {cause}");
            }
        }
        text = visible(&text);
    }
    streams.err_line(&format_args!("error: {text}"));
    if json {
        let message = text.replace("\n  caused by: ", ": ");
        json_line(streams, "error", &Message { message: &message });
    }
}

/// A text without the characters that move the cursor of a terminal or change its colours: it may quote a file.
fn visible(text: &str) -> String {
    let mut visible = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() && c != '\n' {
            visible.extend(c.escape_default());
        } else {
            visible.push(c);
        }
    }
    visible
}

/// Tells what is wrong with a command line.
pub(crate) fn usage(streams: &mut Streams<'_>, error: &clap::Error, json: bool) {
    let text = error.render().to_string();
    streams.err_line(&text.trim_end());
    if json {
        let message = text.strip_prefix("error: ").unwrap_or(&text);
        // What follows repeats the help.
        let message = ["\n\nUsage:", "\n\nFor more information"]
            .iter()
            .fold(message, |rest, end| rest.split(end).next().unwrap_or(rest));
        let message = message.trim_end();
        json_line(streams, "error", &Message { message });
    }
}

/// Lines of a name and what it is, the second column aligned.
pub(crate) fn list(rows: &[(&str, String)]) -> String {
    let width = rows.iter().map(|row| row.0.len()).max().unwrap_or(0);
    rows.iter()
        .map(|(name, what)| format!("{name:width$}  {what}\n"))
        .collect()
}

/// How secure a set is, in one line.
pub(crate) fn security(bits: u32, log_n: u32, log_qp: f64, limit: f64) -> String {
    if bits == 0 {
        format!(
            "NONE, for tests only: log2(QP) = {log_qp:.1}; the limit of 128 bits at N = 2^{log_n} is {limit:.0}"
        )
    } else {
        format!(
            "{bits} bits, classical: log2(QP) = {log_qp:.1}; the limit of 128 bits at N = 2^{log_n} is {limit:.0}"
        )
    }
}

/// What a run is going to do and make, before it does.
pub(crate) fn plan(plan: &PlanReport) -> String {
    list(&[
        (
            "Parameters",
            format!("{}, N = 2^{}", plan.params, plan.log_n),
        ),
        (
            "Security",
            security(
                plan.security_bits,
                plan.log_n,
                plan.log_qp,
                plan.log_qp_limit,
            ),
        ),
        (
            "Data",
            format!(
                "{}: {}, {}, {}",
                plan.data,
                things(plan.train_rows, "training row"),
                things(plan.features, "feature"),
                // Two at least.
                format_args!("{} classes", plan.classes)
            ),
        ),
        (
            "Training",
            format!(
                "{} ({}), mini-batches of {}, learning rate {}",
                things(plan.steps, "step"),
                things(plan.epochs, "epoch"),
                things(plan.batch, "row"),
                plan.learning_rate
            ),
        ),
        (
            "Each step",
            format!(
                "{} with {}, {} key switches; {} refreshed by: {}",
                things(plan.levels_per_step, "level"),
                plan.activation,
                count(plan.key_switches_per_step),
                things(plan.refreshes_per_step, "ciphertext"),
                plan.refresh
            ),
        ),
        (
            if plan.simulated {
                "Encrypted"
            } else {
                "To be made"
            },
            format!(
                "{}, {}; a fresh ciphertext has {}",
                things(plan.keys, "key"),
                bytes(plan.key_bytes as u64),
                bytes(plan.ciphertext_bytes as u64)
            ),
        ),
        (
            "Device",
            format!("{}, {}", plan.device, things(plan.threads, "thread")),
        ),
    ])
}

/// The result of `veilgrad run`.
pub(crate) fn run(report: &RunReport, model: Option<&Path>) -> String {
    let mut rows = vec![
        (
            "Test accuracy",
            format!(
                "{} encrypted, {} clear: {}",
                percent(report.test_accuracy),
                percent(report.clear_test_accuracy),
                percentage_points(report.test_accuracy - report.clear_test_accuracy)
            ),
        ),
        (
            "Validation accuracy",
            format!("{} encrypted", percent(report.validation_accuracy)),
        ),
        (
            "Weights",
            format!(
                "encryption changes one by {:.1e} at most",
                report.weight_error
            ),
        ),
        (
            "Time",
            format!(
                "{} per step ({}, {}); keys {}, encryption {}, in all {}",
                seconds(report.seconds_per_step),
                things(report.steps, "step"),
                things(report.epochs, "epoch"),
                seconds(report.seconds_keys),
                seconds(report.seconds_encrypt),
                seconds(report.seconds_total)
            ),
        ),
        ("Of the steps", phases(&report.phases)),
        (
            "Peak memory",
            match report.peak_memory_bytes {
                0 => "not told by this system".to_owned(),
                peak => bytes(peak),
            },
        ),
    ];
    if let Some(epoch) = report.best_epoch {
        rows.push(("Weights of", format!("epoch {epoch}, the best one")));
    }
    if let Some(pruning) = &report.pruning {
        rows.extend(prune::summary(pruning));
    }
    if let Some(model) = model {
        rows.push(("Model", model.display().to_string()));
    }
    format!("\n{}", list(&rows))
}

/// How the time of a training divides, the largest part first.
fn phases(phases: &[PhaseReport]) -> String {
    let mut told: Vec<_> = phases.iter().filter(|part| part.share >= 0.0005).collect();
    told.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    let part = |part: &&PhaseReport| format!("{} {:.1} %", part.phase, 100.0 * part.share);
    told.iter().map(part).collect::<Vec<_>>().join(", ")
}

/// What an earlier process did of a job.
pub(crate) fn earlier(report: &EarlierReport) -> String {
    format!(
        "going on behind {}",
        things(report.steps.len(), "finished step")
    )
}

/// An epoch, beside that of exact training.
pub(crate) fn epoch(report: &EpochReport) -> String {
    format!(
        "epoch {:>3} of {}: validation {} (exact {}), test {} (exact {}), largest logit {:.1}",
        report.epoch,
        report.epochs,
        percent(report.validation_accuracy),
        percent(report.exact_validation_accuracy),
        percent(report.test_accuracy),
        percent(report.exact_test_accuracy),
        report.largest_logit
    )
}

/// What was decided after an epoch.
pub(crate) fn validation(report: &ValidationReport) -> String {
    let mut text = format!("validation: epoch {}", report.epoch);
    if let (Some(loss), Some(accuracy)) = (report.loss, report.accuracy) {
        text += &format!(", loss {loss:.4}, accuracy {}", percent(accuracy));
    }
    text += if report.best {
        ", the best so far"
    } else {
        ", no better"
    };
    if report.stop {
        text += "; stop";
    }
    text
}

/// The result of `veilgrad simulate`.
pub(crate) fn simulate(report: &SimulateReport) -> String {
    let rows = [
        (
            "Test accuracy",
            format!(
                "{} simulated, {} exact: {}",
                percent(report.test_accuracy),
                percent(report.exact_test_accuracy),
                percentage_points(report.test_accuracy - report.exact_test_accuracy)
            ),
        ),
        (
            "Validation accuracy",
            format!("{} simulated", percent(report.validation_accuracy)),
        ),
        (
            "Weights",
            format!(
                "approximation and noise change one by {:.1e} at most",
                report.weight_error
            ),
        ),
        (
            "Logits",
            format!("{:.1} at most in exact training", report.largest_logit),
        ),
        (
            "Time",
            format!(
                "{} for {}",
                seconds(report.seconds_total),
                things(report.steps, "step")
            ),
        ),
    ];
    format!("\n{}", list(&rows))
}

/// What stands over the lines of `veilgrad activations`.
pub(crate) const ACTIVATIONS_HEAD: &str = "\
| activation | range | classes | levels | refreshes | key switches | largest error | mean error | largest, with noise | \
largest, encrypted | seconds |
|---|---|---|---|---|---|---|---|---|---|---|
";

/// A line of `veilgrad activations`.
pub(crate) fn activation(report: &ActivationReport) -> String {
    let encrypted = report
        .encrypted_error
        .map_or(String::new(), |error| format!("{error:.1e}"));
    let seconds = report
        .seconds
        .map_or(String::new(), |seconds| format!("{seconds:.1}"));
    format!(
        "| {} | {} | {} | {} | {} | {} | {:.1e} | {:.1e} | {:.1e} | {encrypted} | {seconds} |\n",
        report.activation,
        report.range,
        report.classes,
        report.levels,
        report.refreshes,
        report.key_switches,
        report.max_error,
        report.mean_error,
        report.noisy_error,
    )
}

/// What stands under them.
pub(crate) fn activations(report: &ActivationsReport) -> String {
    format!(
        "\n{}, {} samples a line; {}, {}\n",
        report.params,
        count(report.samples as u64),
        report.device,
        things(report.threads, "thread")
    )
}

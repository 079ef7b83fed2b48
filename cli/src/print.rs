//! Plans and reports: text for people, JSON lines for programs.

use std::path::Path;

use host::job::{
    DecryptReport, EncryptReport, EvaluateReport, KeygenReport, ParamsReport, PlanReport,
    RefreshReport, RunReport, TrainReport,
};
use serde::Serialize;

use crate::streams::{Failure, Streams};
use crate::units::{bytes, count, percent, percentage_points, seconds};

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

/// The one field of the end of `veilgrad params`.
#[derive(Serialize)]
struct Sets {
    sets: usize,
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
    }
    streams.err_line(&format_args!("error: {text}"));
    if json {
        let message = text.replace("\n  caused by: ", ": ");
        json_line(streams, "error", &Message { message: &message });
    }
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
fn list(rows: &[(&str, String)]) -> String {
    let width = rows.iter().map(|row| row.0.len()).max().unwrap_or(0);
    rows.iter()
        .map(|(name, what)| format!("{name:width$}  {what}\n"))
        .collect()
}

/// Rows under a head, columns aligned: the first and the last to the left, numbers to the right.
fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let last = head.len().saturating_sub(1);
    let widths: Vec<usize> = (0..head.len())
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            let longest = cells.map(|cell| cell.chars().count()).max();
            longest.unwrap_or(0).max(head[column].chars().count())
        })
        .collect();
    let line = |cells: Vec<&str>| {
        let cells = cells.iter().zip(&widths).enumerate();
        let cells = cells.map(|(column, (cell, &width))| match column {
            0 => format!("{cell:width$}"),
            _ if column == last && head[last] == "for" => (*cell).to_owned(),
            _ => format!("{cell:>width$}"),
        });
        cells.collect::<Vec<_>>().join("  ") + "\n"
    };
    let mut text = line(head.to_vec());
    for row in rows {
        text += &line(row.iter().map(String::as_str).collect());
    }
    text
}

/// How secure a set is, in one line.
fn security(bits: u32, log_n: u32, log_qp: f64, limit: f64) -> String {
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
    let counted = |number: usize| count(number as u64);
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
                "{}: {} training rows, {} features, {} classes",
                plan.data,
                counted(plan.train_rows),
                counted(plan.features),
                plan.classes
            ),
        ),
        (
            "Training",
            format!(
                "{} steps ({} epochs), mini-batches of {} rows, learning rate {}",
                counted(plan.steps),
                counted(plan.epochs),
                counted(plan.batch),
                plan.learning_rate
            ),
        ),
        (
            "Each step",
            format!(
                "{} levels, {} key switches; refreshed by: {}",
                plan.levels_per_step,
                count(plan.key_switches_per_step),
                plan.refresh
            ),
        ),
        (
            "To be made",
            format!(
                "{} keys, {}; a fresh ciphertext has {}",
                counted(plan.keys),
                bytes(plan.key_bytes as u64),
                bytes(plan.ciphertext_bytes as u64)
            ),
        ),
        (
            "Device",
            format!("{}, threads: {}", plan.device, plan.threads),
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
                "largest difference from clear training {:.1e}",
                report.weight_error
            ),
        ),
        (
            "Time",
            format!(
                "{} per step ({} steps, {} epochs); keys {}, encryption {}, in all {}",
                seconds(report.seconds_per_step),
                count(report.steps as u64),
                count(report.epochs as u64),
                seconds(report.seconds_keys),
                seconds(report.seconds_encrypt),
                seconds(report.seconds_total)
            ),
        ),
        (
            "Peak memory",
            match report.peak_memory_bytes {
                0 => "not told by this system".to_owned(),
                peak => bytes(peak),
            },
        ),
    ];
    if let Some(model) = model {
        rows.push(("Model", model.display().to_string()));
    }
    format!("\n{}", list(&rows))
}

/// The result of `veilgrad keygen`.
pub(crate) fn keygen(report: &KeygenReport) -> String {
    list(&[
        (
            "Secret key",
            format!(
                "{}; keep it, and keep it private",
                report.secret_key.display()
            ),
        ),
        (
            "Evaluation keys",
            format!(
                "{}, for the server: {} keys, {}",
                report.evaluation_keys.display(),
                count(report.keys as u64),
                bytes(report.bytes)
            ),
        ),
        ("Time", seconds(report.seconds)),
    ])
}

/// The result of `veilgrad encrypt`.
pub(crate) fn encrypt(report: &EncryptReport) -> String {
    list(&[
        (
            "Training set",
            format!(
                "{}, for the server: {} ciphertexts, {}",
                report.out.display(),
                count(report.ciphertexts as u64),
                bytes(report.bytes)
            ),
        ),
        ("Time", seconds(report.seconds)),
    ])
}

/// The result of `veilgrad train`.
pub(crate) fn train(report: &TrainReport) -> String {
    list(&[
        (
            "Model",
            format!("{}, encrypted, for the owner", report.out.display()),
        ),
        (
            "Time",
            format!(
                "{} for {} steps",
                seconds(report.seconds),
                count(report.steps as u64)
            ),
        ),
    ])
}

/// The result of `veilgrad refresh`.
pub(crate) fn refresh(report: &RefreshReport) -> String {
    list(&[
        ("Refreshes", count(report.refreshes as u64)),
        ("Time", seconds(report.seconds)),
    ])
}

/// The result of `veilgrad decrypt`.
pub(crate) fn decrypt(report: &DecryptReport) -> String {
    list(&[
        (
            "Model",
            format!("{}, not protected any more", report.out.display()),
        ),
        ("Time", seconds(report.seconds)),
    ])
}

/// The result of `veilgrad evaluate`.
pub(crate) fn evaluate(report: &EvaluateReport) -> String {
    let mut text = list(&[
        ("Training accuracy", percent(report.train_accuracy)),
        ("Validation accuracy", percent(report.validation_accuracy)),
        ("Test accuracy", percent(report.test_accuracy)),
    ]);
    for (class, accuracy) in report.class_accuracies.iter().enumerate() {
        // A share of no rows is not a number.
        let accuracy = if accuracy.is_nan() {
            "no test rows".to_owned()
        } else {
            percent(*accuracy)
        };
        text += &format!("  of class {class:<10}  {accuracy}\n");
    }
    text
}

/// All sets in one table.
pub(crate) fn params(sets: &[ParamsReport]) -> String {
    let head = [
        "set",
        "N",
        "primes",
        "levels",
        "scale",
        "log2(QP)",
        "limit",
        "security",
        "one key",
        "ciphertext",
        "for",
    ];
    let rows: Vec<Vec<String>> = sets
        .iter()
        .map(|set| {
            vec![
                set.name.clone(),
                format!("2^{}", set.log_n),
                format!("{} + {}", set.ordinary_primes, set.special_primes),
                set.levels.to_string(),
                format!("2^{:.1}", set.log_scale),
                format!("{:.1}", set.log_qp),
                format!("{:.0}", set.log_qp_limit),
                if set.secure {
                    format!("{} bits", set.security_bits)
                } else {
                    "NONE".to_owned()
                },
                bytes(set.relinearization_key_bytes as u64),
                bytes(set.fresh_ciphertext_bytes as u64),
                set.purpose.clone(),
            ]
        })
        .collect();
    format!(
        "{}\n\
         primes      ordinary + special\n\
         limit       the largest log2(QP) with 128 bits of classical security, for a uniform ternary secret and an error\n\
         {:12}of standard deviation 3.2 (Security Guidelines, eprint 2024/463, table 5.2); what is above it needs\n\
         {:12}--allow-insecure\n\
         one key     a relinearisation key in memory, at the highest level for use; ciphertext: the same\n\
         \n\
         The levels of one set: veilgrad params --set NAME\n",
        table(&head, &rows),
        "",
        ""
    )
}

/// Each set with its levels.
pub(crate) fn levels(sets: &[ParamsReport]) -> String {
    sets.iter().map(set).collect::<Vec<_>>().join("\n")
}

fn set(set: &ParamsReport) -> String {
    let summary = list(&[
        ("Set", format!("{}: {}", set.name, set.purpose)),
        (
            "Ring",
            format!(
                "N = 2^{} = {}, {} slots",
                set.log_n,
                count(set.degree as u64),
                count(set.slots as u64)
            ),
        ),
        (
            "Modulus",
            format!(
                "log2(Q) = {:.1} ({} primes), log2(P) = {:.1} ({} special primes)",
                set.log_q, set.ordinary_primes, set.log_p, set.special_primes
            ),
        ),
        (
            "Security",
            security(set.security_bits, set.log_n, set.log_qp, set.log_qp_limit),
        ),
        (
            "Levels",
            format!("{} for use, scale 2^{:.2}", set.levels, set.log_scale),
        ),
        ("One key", bytes(set.relinearization_key_bytes as u64)),
        ("Ciphertext", bytes(set.fresh_ciphertext_bytes as u64)),
    ]);
    let rows: Vec<Vec<String>> = set
        .rows
        .iter()
        .map(|row| {
            vec![
                row.level.to_string(),
                row.limbs.to_string(),
                format!("{:.1}", row.log_q),
                format!("{:.3}", row.log_scale),
            ]
        })
        .collect();
    let head = ["level", "limbs", "log2(q)", "log2(scale)"];
    format!("{summary}\n{}", table(&head, &rows))
}

/// One line for each set.
pub(crate) fn params_json(streams: &mut Streams<'_>, sets: &[ParamsReport]) {
    for set in sets {
        json_line(streams, "params", set);
    }
    json_line(streams, "done", &Sets { sets: sets.len() });
}

//! The page around the figures.

use std::fmt::Write;

use host::job::{EpochReport, PhaseReport, PlanReport};

use super::chart::escape;
use super::{Outcome, Record, figures, learned};
use crate::progress::stage_name;
use crate::units::{bytes, count, percent, percentage_points, seconds, things};
use crate::{print, prune};

const STYLE: &str = include_str!("style.css");

/// The whole report.
pub(super) fn html(record: &Record, outcome: &Outcome<'_>) -> String {
    let (title, lead) = head(record, outcome);
    let mut body = format!(
        "<header><h1>{}</h1><p>{}</p></header>",
        escape(&title),
        escape(&lead)
    );
    let tiles: String = tiles(record, outcome)
        .iter()
        .map(|(value, name)| {
            format!(
                r#"<div class="tile"><b>{}</b><span>{}</span></div>"#,
                escape(value),
                escape(name)
            )
        })
        .collect();
    body += &format!(r#"<div class="tiles">{tiles}</div><div class="cards">"#);
    for card in cards(record, outcome) {
        body += &card;
    }
    body += "</div>";
    format!(
        r#"<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title><style>{STYLE}</style></head>
<body>{body}<footer>veilgrad {}. This file asks for nothing from elsewhere.</footer></body></html>
"#,
        env!("CARGO_PKG_VERSION"),
        title = escape(&title),
    )
}

fn head(record: &Record, outcome: &Outcome<'_>) -> (String, String) {
    let Some(plan) = &record.plan else {
        return ("A job".to_owned(), String::new());
    };
    let title = match outcome {
        Outcome::Run(_) | Outcome::Train(_) => format!("Encrypted training on {}", plan.data),
        Outcome::Simulate(_) => format!("Simulated training on {}", plan.data),
    };
    let lead = format!(
        "{}, {}, {} classes; {} in {}; parameter set {}; {}",
        things(plan.train_rows, "training row"),
        things(plan.features, "feature"),
        plan.classes,
        things(plan.steps, "step"),
        things(plan.epochs, "epoch"),
        plan.params,
        plan.device,
    );
    (title, lead)
}

/// The numbers on top.
fn tiles(record: &Record, outcome: &Outcome<'_>) -> Vec<(String, String)> {
    let tile = |value: String, name: &str| (value, name.to_owned());
    let security = record.plan.as_ref().map(|plan| match plan.security_bits {
        0 => tile("none".to_owned(), "security: for tests only"),
        bits => tile(format!("{bits} bits"), "classical security"),
    });
    let mut tiles = match outcome {
        Outcome::Run(report) => vec![
            tile(
                percent(report.test_accuracy),
                "test accuracy, trained encrypted",
            ),
            tile(
                percent(report.clear_test_accuracy),
                &format!(
                    "the same in the clear ({})",
                    percentage_points(report.test_accuracy - report.clear_test_accuracy)
                ),
            ),
            tile(seconds(report.seconds_per_step), "for each step"),
            tile(seconds(report.seconds_total), "in all"),
            match report.peak_memory_bytes {
                0 => tile("unknown".to_owned(), "peak memory"),
                peak => tile(bytes(peak), "peak memory"),
            },
        ],
        Outcome::Train(report) => {
            let all: f64 = report.phases.iter().map(|part| part.seconds).sum();
            vec![
                tile(count(report.steps as u64), "steps"),
                tile(seconds(all / report.steps.max(1) as f64), "for each step"),
                tile(seconds(report.seconds), "in all"),
            ]
        }
        Outcome::Simulate(report) => vec![
            tile(percent(report.test_accuracy), "test accuracy, simulated"),
            tile(
                percent(report.exact_test_accuracy),
                &format!(
                    "exact ({})",
                    percentage_points(report.test_accuracy - report.exact_test_accuracy)
                ),
            ),
            tile(format!("{:.1}", report.largest_logit), "largest logit"),
            tile(seconds(report.seconds_total), "in all"),
        ],
    };
    tiles.extend(security);
    tiles
}

fn card(title: &str, text: &str, content: &str) -> String {
    let text = if text.is_empty() {
        String::new()
    } else {
        format!("<p>{}</p>", escape(text))
    };
    format!(
        r#"<section class="card"><h2>{}</h2>{text}{content}</section>"#,
        escape(title)
    )
}

fn cards(record: &Record, outcome: &Outcome<'_>) -> Vec<String> {
    let mut cards = Vec::new();
    let model = match outcome {
        Outcome::Simulate(_) => "simulated",
        Outcome::Run(_) | Outcome::Train(_) => "encrypted",
    };
    let mut curve =
        |title: &str, values: fn(&EpochReport) -> [f64; 2], label: fn(f64) -> String| {
            let figure = figures::curve(&record.epochs, title, model, values, label);
            cards.extend(figure.map(|figure| card(title, "", &figure)));
        };
    curve(
        "Loss of the validation rows",
        |epoch| [epoch.validation_loss, epoch.exact_validation_loss],
        |loss| format!("{loss}"),
    );
    curve(
        "Accuracy on the test rows",
        |epoch| [epoch.test_accuracy, epoch.exact_test_accuracy],
        |share| {
            format!("{:.4} %", 100.0 * share)
                .replace(".0000", "")
                .replace("000 %", " %")
        },
    );
    if record.epochs.is_empty() {
        let text =
            "The server learns neither loss nor accuracy; the owner sees them after decryption.";
        cards.push(card("Loss and accuracy", text, ""));
    }
    let (phases, steps): (&[PhaseReport], usize) = match outcome {
        Outcome::Run(report) => (&report.phases, report.steps),
        Outcome::Train(report) => (&report.phases, report.steps),
        Outcome::Simulate(_) => (&[], 0),
    };
    let divided = figures::phases(phases, steps);
    let of_steps = divided.zip(figures::steps(&record.steps));
    if let Some((divided, steps)) = of_steps {
        let text = "Mean over all steps.";
        cards.push(card("Where a step's time goes", text, &divided));
        let text = "By phase, in the same colours.";
        cards.push(card("Seconds of each step", text, &steps));
    }
    if let Some(plan) = &record.plan {
        let text = "Each phase as wide as it has key switches; dashed where levels are given back.";
        let figure = figures::levels(&plan.passages);
        cards.extend(figure.map(|figure| card("Levels in a step", text, &figure)));
        let learned = learned::learned(plan, outcome, record);
        cards.push(card("What each side learns", "", &list(&learned)));
        cards.push(card("Job", "", &job(plan, outcome, record)));
        cards.push(card("Parameters", "", &parameters(plan)));
    }
    if !record.notes.is_empty() {
        cards.push(card("Notes", "", &list(&record.notes)));
    }
    cards
}

fn list(items: &[String]) -> String {
    let items: String = items
        .iter()
        .map(|item| format!("<li>{}</li>", escape(item)))
        .collect();
    format!("<ul>{items}</ul>")
}

fn table(rows: &[(&str, String)]) -> String {
    let mut text = String::from("<table>");
    for (name, value) in rows {
        // Writing to a string does not fail.
        let _ = write!(
            text,
            "<tr><td>{}</td><td>{}</td></tr>",
            escape(name),
            escape(value)
        );
    }
    text + "</table>"
}

fn job(plan: &PlanReport, outcome: &Outcome<'_>, record: &Record) -> String {
    let mut rows = vec![
        (
            "Data",
            format!("{}: {}", plan.data, things(plan.train_rows, "training row")),
        ),
        (
            "Model",
            format!(
                "{} features, {} classes",
                count(plan.features as u64),
                plan.classes
            ),
        ),
        (
            "Mini-batches",
            format!(
                "{}, learning rate {}",
                things(plan.batch, "row"),
                plan.learning_rate
            ),
        ),
        (
            "Activation",
            format!("{}, logits up to {}", plan.activation, plan.logit_range),
        ),
        (
            "Each step",
            format!(
                "{}, {} key switches, {} refreshed by {}",
                things(plan.levels_per_step, "level"),
                count(plan.key_switches_per_step),
                things(plan.refreshes_per_step, "ciphertext"),
                plan.refresh
            ),
        ),
        (
            "Device",
            format!("{}, {}", plan.device, things(plan.threads, "thread")),
        ),
    ];
    for (stage, spent) in &record.stages {
        let name = match stage_name(*stage) {
            "data" => "Reading data",
            "keys" => "Keys",
            "encrypt" => "Encryption",
            "train" => "Training",
            "decrypt" => "Decryption",
            _ => "Evaluation",
        };
        rows.push((name, seconds(*spent)));
    }
    match outcome {
        Outcome::Run(report) => {
            rows.push((
                "Weights",
                format!(
                    "encryption changes one by {:.1e} at most",
                    report.weight_error
                ),
            ));
            rows.push(("Validation accuracy", percent(report.validation_accuracy)));
        }
        Outcome::Simulate(report) => rows.push((
            "Weights",
            format!(
                "approximation and noise change one by {:.1e} at most",
                report.weight_error
            ),
        )),
        Outcome::Train(report) => rows.push(("Model file", report.out.display().to_string())),
    }
    let best = match outcome {
        Outcome::Run(report) => report.best_epoch,
        Outcome::Train(report) => report.best_epoch,
        Outcome::Simulate(_) => None,
    };
    rows.extend(best.map(|epoch| ("Weights of", format!("epoch {epoch}, the best one"))));
    rows.extend(outcome.pruning().into_iter().flat_map(prune::summary));
    table(&rows)
}

fn parameters(plan: &PlanReport) -> String {
    table(&[
        ("Parameter set", plan.params.clone()),
        ("Ring", format!("N = 2^{}", plan.log_n)),
        (
            "Security",
            print::security(
                plan.security_bits,
                plan.log_n,
                plan.log_qp,
                plan.log_qp_limit,
            ),
        ),
        (
            "Evaluation keys",
            format!(
                "{}, {}",
                count(plan.keys as u64),
                bytes(plan.key_bytes as u64)
            ),
        ),
        (
            "A ciphertext of features",
            bytes(plan.ciphertext_bytes as u64),
        ),
    ])
}

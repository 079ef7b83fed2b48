//! What a training will take.

mod pruning;

use std::collections::BTreeMap;

use host::job::{CircuitOperation, OperationCount, PredictionReport};

use crate::print::list;
use crate::sets::table;
use crate::units::{bytes, count, percent, seconds, things};

/// Operations by phase, by kind and by level, refreshes, and what it all takes; of a training that prunes, its parts beside
/// those of the training on all rows.
pub(crate) fn prediction(report: &PredictionReport) -> String {
    match &report.pruning {
        None => of_step(report),
        Some(pruning) => {
            let mut rows = pruning::rounds(report, pruning);
            rows.extend(totals(report));
            rows.extend(pruning::speedups(pruning));
            format!("{}\n{}", pruning::parts(report, pruning), list(&rows))
        }
    }
}

fn of_step(report: &PredictionReport) -> String {
    let of_step: f64 = report.operations.iter().map(|row| row.seconds).sum();
    let refreshing: f64 = report.refreshes.iter().map(|refresh| refresh.seconds).sum();
    let whole = of_step + refreshing;
    let by_kind = kinds(report, refreshing, whole);
    let head = [
        "operations of a step",
        "count",
        "levels",
        "time",
        "share",
        "",
    ];
    let by_kind = table(&head, &by_kind);
    let head = ["phases of a step", "key switches", "time", "share", ""];
    let by_phase = table(&head, &phases(report, refreshing, whole));
    let head = [
        "level",
        "key switches",
        "products",
        "rescales",
        "others",
        "time",
        "share",
        "",
    ];
    let by_level = table(&head, &levels(&report.operations, whole));
    let head = [
        "refresh",
        "vectors",
        "from level",
        "to level",
        "values up to",
        "time",
        "",
    ];
    let refreshes = (1..).zip(&report.refreshes).map(|(number, refresh)| {
        let place = if number == report.refreshes.len() {
            "behind the step"
        } else {
            "within the step"
        };
        vec![
            place.to_owned(),
            refresh.vectors.to_string(),
            refresh.from.to_string(),
            refresh.to.to_string(),
            format!("{:.2}", refresh.bound),
            seconds(refresh.seconds),
            String::new(),
        ]
    });
    let refreshes = table(&head, &refreshes.collect::<Vec<_>>());
    format!(
        "{by_phase}\n{by_kind}\n{by_level}\n{refreshes}\n{}",
        list(&totals(report))
    )
}

fn totals(report: &PredictionReport) -> Vec<(&'static str, String)> {
    let each = match &report.pruning {
        None => format!(
            "{}: {} key switches, {}",
            seconds(report.seconds_per_step),
            count(report.key_switches_per_step),
            things(report.refreshes_per_step, "refreshed ciphertext")
        ),
        Some(_) => format!("{}, mean", seconds(report.seconds_per_step)),
    };
    let mut rows = vec![
        ("Each step", each),
        ("Keys", seconds(report.seconds_keys)),
        ("Encryption", seconds(report.seconds_encrypt)),
    ];
    if report.seconds_bootstrap_preparation > 0.0 {
        let preparation = report.seconds_bootstrap_preparation;
        rows.push((
            "Bootstraps",
            format!("{} to prepare them", seconds(preparation)),
        ));
    }
    rows.push((
        "Training",
        format!(
            "{} for {}; {} of it for encodings, {} for validation",
            seconds(report.seconds_train),
            things(report.steps, "step"),
            seconds(report.seconds_masks),
            seconds(report.seconds_validation)
        ),
    ));
    rows.extend([
        (
            "In all",
            format!(
                "{}, with {} of training in the clear to compare",
                seconds(report.seconds_total),
                seconds(report.seconds_compare)
            ),
        ),
        (
            "Memory",
            format!("about {} at most", bytes(report.peak_memory_bytes)),
        ),
        (
            "Files",
            format!(
                "evaluation keys {}, training set {}, model {}",
                bytes(report.key_file_bytes),
                bytes(report.training_set_bytes),
                bytes(report.model_bytes)
            ),
        ),
        (
            "Messages",
            match (report.bytes_to_owner, report.bytes_to_server) {
                (0, 0) => "none: the owner is not asked".to_owned(),
                (owner, server) => {
                    format!("{} to the owner, {} back", bytes(owner), bytes(server))
                }
            },
        ),
    ]);
    rows
}

/// A row for each phase, in the order in which a step enters them.
fn phases(report: &PredictionReport, refreshing: f64, whole: f64) -> Vec<Vec<String>> {
    let mut sums: Vec<(&str, u64, f64)> = Vec::new();
    for row in &report.operations {
        if sums.last().is_none_or(|last| last.0 != row.phase) {
            sums.push((row.phase, 0, 0.0));
        }
        if let Some((_, switches, time)) = sums.last_mut() {
            *switches += if row.operation.switches_key() {
                row.count
            } else {
                0
            };
            *time += row.seconds;
        }
    }
    sums.push((CircuitOperation::Refresh.plural(), 0, refreshing));
    let row = |(phase, switches, time): (&str, u64, f64)| {
        let (switches, share) = (count(switches), percent(time / whole));
        vec![
            phase.to_owned(),
            switches,
            seconds(time),
            share,
            String::new(),
        ]
    };
    sums.into_iter().map(row).collect()
}

/// A row for each kind of operation, the longest first, and one for the refreshes.
fn kinds(report: &PredictionReport, refreshing: f64, whole: f64) -> Vec<Vec<String>> {
    #[derive(Default)]
    struct Sum {
        count: u64,
        seconds: f64,
        levels: Option<(usize, usize)>,
    }
    let mut sums: BTreeMap<CircuitOperation, Sum> = BTreeMap::new();
    for row in &report.operations {
        let sum = sums.entry(row.operation).or_default();
        sum.count += row.count;
        sum.seconds += row.seconds;
        let (low, high) = sum.levels.unwrap_or((row.level, row.level));
        sum.levels = Some((low.min(row.level), high.max(row.level)));
    }
    let refreshed = Sum {
        count: report.refreshes_per_step as u64,
        seconds: refreshing,
        levels: None,
    };
    sums.insert(CircuitOperation::Refresh, refreshed);
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_by(|a, b| b.1.seconds.total_cmp(&a.1.seconds));
    let row = |(operation, sum): (CircuitOperation, Sum)| {
        let levels = sum.levels.map(|(low, high)| format!("{low} to {high}"));
        vec![
            operation.plural().to_owned(),
            count(sum.count),
            levels.unwrap_or_default(),
            seconds(sum.seconds),
            percent(sum.seconds / whole),
            String::new(),
        ]
    };
    sums.into_iter().map(row).collect()
}

/// A row for each level, the highest first.
fn levels(operations: &[OperationCount], whole: f64) -> Vec<Vec<String>> {
    use CircuitOperation as Op;
    let mut sums: BTreeMap<usize, ([u64; 4], f64)> = BTreeMap::new();
    for row in operations {
        let (counts, seconds) = sums.entry(row.level).or_default();
        let column = match row.operation {
            operation if operation.switches_key() => 0,
            Op::TensorProduct | Op::PlainProduct | Op::ConstantProduct => 1,
            Op::Rescale => 2,
            _ => 3,
        };
        counts[column] += row.count;
        *seconds += row.seconds;
    }
    let row = |(level, (counts, time)): (usize, ([u64; 4], f64))| {
        let mut row = vec![level.to_string()];
        row.extend(counts.map(count));
        row.extend([seconds(time), percent(time / whole), String::new()]);
        row
    };
    sums.into_iter().rev().map(row).collect()
}

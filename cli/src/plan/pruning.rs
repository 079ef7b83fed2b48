//! What a training that prunes will take, beside that on all rows.

use host::job::{PartPrediction, PredictionReport, PruningPrediction, ScoreRefresh};

use crate::sets::table;
use crate::units::{bytes, count, percent, seconds, things};

/// A row for each part of both trainings.
pub(super) fn parts(report: &PredictionReport, pruning: &PruningPrediction) -> String {
    let took: f64 = pruning.parts.iter().map(|part| part.seconds).sum();
    let cells = |switches: u64, time: f64| {
        if time > 0.0 {
            [count(switches), seconds(time)]
        } else {
            [String::new(), String::new()]
        }
    };
    let row = |part: &PartPrediction| {
        let mut row = vec![part.part.to_owned()];
        row.extend(cells(part.key_switches, part.seconds));
        row.push(percent(part.seconds / took));
        row.extend(cells(part.full_key_switches, part.full_seconds));
        row.push(String::new());
        row
    };
    let mut rows: Vec<_> = pruning.parts.iter().map(row).collect();
    rows.push(row(&PartPrediction {
        part: "all",
        key_switches: pruning.parts.iter().map(|part| part.key_switches).sum(),
        seconds: took,
        full_key_switches: pruning
            .parts
            .iter()
            .map(|part| part.full_key_switches)
            .sum(),
        full_seconds: pruning.parts.iter().map(|part| part.full_seconds).sum(),
    }));
    let steps = format!("{} steps", count(report.steps as u64));
    let full_steps = format!("{} on all rows", count(pruning.full_steps as u64));
    let head = [
        "the whole training",
        "key switches",
        steps.as_str(),
        "share",
        "key switches",
        full_steps.as_str(),
        "",
    ];
    table(&head, &rows)
}

/// What choices of rows do and take.
pub(super) fn rounds(
    report: &PredictionReport,
    pruning: &PruningPrediction,
) -> Vec<(&'static str, String)> {
    let merge = &pruning.merge;
    vec![
        (
            "Rounds",
            format!(
                "{} ({} by scores), {} in all; {} on all rows, {} on kept ones",
                things(pruning.prune_rounds, "choice"),
                pruning.scorings,
                seconds(report.seconds_pruning),
                things(pruning.steps_on_all_rows, "step"),
                things(pruning.steps_on_kept_rows, "step")
            ),
        ),
        (
            "Merging",
            format!(
                "{} of {} rows, {} ciphertexts into {} with {} masks, {} products and {} rotations (published, one by one: {}), \
                 about",
                count(merge.kept as u64),
                count(pruning.of as u64),
                count(merge.ciphertexts_before as u64),
                count(merge.ciphertexts_after as u64),
                count(merge.masks as u64),
                count(merge.products as u64),
                count((merge.feature_rotations + merge.label_rotations) as u64),
                count(merge.naive_rotations as u64)
            ),
        ),
        ("Its level", merge_levels(pruning)),
        ("Scores", scores(pruning)),
    ]
}

/// Where the level is from that merging takes.
fn merge_levels(pruning: &PruningPrediction) -> String {
    let levels = &pruning.merge_levels;
    let higher = if levels.labels_encrypted > levels.labels_used + 1 {
        ", higher for their scores"
    } else {
        ""
    };
    let refreshed = match pruning.merge_refreshes {
        0 => "nothing is refreshed".to_owned(),
        refreshed => format!("{} ciphertexts are refreshed", count(refreshed)),
    };
    format!(
        "the training set is encrypted one level above its first use (features: level {} to {}; labels: level {} to {}{higher}): \
         {refreshed}",
        levels.features_encrypted,
        levels.features_used,
        levels.labels_encrypted,
        levels.labels_used
    )
}

/// What the scores of one choice need refreshed.
fn scores(pruning: &PruningPrediction) -> String {
    if pruning.scorings == 0 {
        return "none: the owner is not asked".to_owned();
    }
    if pruning.score_refreshes.is_empty() {
        return format!("{}, with no refresh", pruning.score);
    }
    let refresh = |of: &ScoreRefresh| {
        let refresh = &of.refresh;
        format!(
            "{} from level {} to {}, {}",
            things(refresh.vectors, "ciphertext"),
            refresh.from,
            refresh.to,
            match of.times {
                1 => "once".to_owned(),
                times => format!("for each of {times} mini-batches"),
            }
        )
    };
    let refreshes = pruning.score_refreshes.iter().map(refresh);
    let refreshes = refreshes.collect::<Vec<_>>().join("; ");
    format!("{}; refreshed for a choice: {refreshes}", pruning.score)
}

/// The training on all rows, and what is gained.
pub(super) fn speedups(pruning: &PruningPrediction) -> [(&'static str, String); 2] {
    [
        (
            "On all rows",
            format!(
                "{} in all, {} of it for {}; about {} at most",
                seconds(pruning.full_seconds_total),
                seconds(pruning.full_seconds_train),
                things(pruning.full_steps, "step"),
                bytes(pruning.full_peak_memory_bytes)
            ),
        ),
        (
            "Speed-up",
            format!(
                "{:.1} of the training, {:.1} with keys, encryption and the rest; predicted",
                pruning.speedup_over_full, pruning.speedup_in_all
            ),
        ),
    ]
}

//! What is told of choices of rows.

use std::path::Path;

use host::job::{
    MergeMethod, PruneCheckReport, PruneMaskReport, PruneMergeReport, PruneReport,
    PruneScoreReport, PruneSummary, ScoreSeconds,
};

use crate::print::list;
use crate::units::{bytes, count, percent, seconds, things};

/// A round of a training that prunes.
pub(crate) fn round(report: &PruneReport) -> String {
    let mut text = format!(
        "prune: round {} from epoch {} on, {} of {} rows by {}",
        report.round,
        report.epoch,
        count(report.merge.kept as u64),
        count(report.of as u64),
        report.rule
    );
    if report.bytes_to_owner > 0 {
        text += &format!(
            " of {}; {} to the owner, {} back",
            report.score,
            bytes(report.bytes_to_owner),
            bytes(report.bytes_to_server)
        );
    }
    text += &format!(
        "; {} ciphertexts into {} with {} masks and {} rotations (one by one: {}); {}merging {}",
        count(report.merge.ciphertexts_before as u64),
        count(report.merge.ciphertexts_after as u64),
        count(report.merge.masks as u64),
        count((report.merge.feature_rotations + report.merge.label_rotations) as u64),
        count(report.merge.naive_rotations as u64),
        scoring(&report.scoring),
        seconds(report.seconds_merge)
    );
    text
}

/// What scores took; nothing if there were none.
fn scoring(spent: &ScoreSeconds) -> String {
    if spent.total() == 0.0 {
        return String::new();
    }
    format!(
        "forward pass {} ({} per mini-batch), scores {} ({} per mini-batch), ",
        seconds(spent.seconds_forward),
        seconds(spent.seconds_forward_per_batch),
        seconds(spent.seconds_score),
        seconds(spent.seconds_score_per_batch)
    )
}

/// The lines of a closing report.
pub(crate) fn summary(summary: &PruneSummary) -> Vec<(&'static str, String)> {
    let mut lines = vec![(
        "Pruned",
        format!(
            "{} of the rows kept, {} ({} by scores) in {}; {} to the owner, {} back",
            percent(summary.kept_fraction),
            things(summary.prune_rounds, "choice"),
            summary.scorings,
            seconds(summary.seconds_pruning),
            bytes(summary.bytes_to_owner),
            bytes(summary.bytes_to_server)
        ),
    )];
    if let (Some(forward), Some(score)) = (
        summary.seconds_forward_per_batch,
        summary.seconds_score_per_batch,
    ) {
        lines.push((
            "Scores",
            format!(
                "{} per mini-batch, one ciphertext, behind a forward pass of {}",
                seconds(score),
                seconds(forward)
            ),
        ));
    }
    lines.push((
        "Speed-up",
        format!(
            "{:.1} over as many epochs on all rows, {}",
            summary.speedup_over_full, summary.speedup_is
        ),
    ));
    lines
}

/// The result of `veilgrad prune score`.
pub(crate) fn score(report: &PruneScoreReport) -> String {
    list(&[
        (
            "Scores",
            format!(
                "{}, for the owner: {} of {}, {}, {}",
                report.out.display(),
                report.score,
                things(report.samples, "row"),
                things(report.ciphertexts, "ciphertext"),
                bytes(report.bytes)
            ),
        ),
        (
            "Time",
            format!(
                "{} for {}: {}files the rest",
                seconds(report.seconds),
                things(report.batches, "mini-batch"),
                scoring(&report.scoring)
            ),
        ),
    ])
}

/// The result of `veilgrad prune mask`.
pub(crate) fn mask(report: &PruneMaskReport) -> String {
    let mut rows = vec![(
        "Mask",
        format!(
            "{}, for the server: {} of {} kept by {}, {}, {}",
            report.out.display(),
            count(report.kept as u64),
            things(report.of, "row"),
            report.rule,
            if report.weighted {
                "weighted"
            } else {
                "all alike"
            },
            bytes(report.bytes)
        ),
    )];
    rows.extend(table(report.table.as_deref()));
    rows.push(("Time", seconds(report.seconds)));
    list(&rows)
}

/// The line of a table, if there is one.
fn table(path: Option<&Path>) -> Option<(&'static str, String)> {
    path.map(|path| {
        let text = format!("{}, not protected; keep it private", path.display());
        ("Table", text)
    })
}

/// The result of `veilgrad prune merge`.
pub(crate) fn merge(report: &PruneMergeReport) -> String {
    let merge = &report.merge;
    list(&[
        (
            "Merged set",
            format!(
                "{}: {} of {} in {}, from {}",
                report.out.display(),
                count(merge.kept as u64),
                things(report.of, "row"),
                things(merge.ciphertexts_after, "ciphertext"),
                merge.ciphertexts_before
            ),
        ),
        (
            "Made by",
            format!(
                "{}, {} of features and {} of labels; the published algorithm rotates {} times",
                things(merge.masks, "mask"),
                things(merge.feature_rotations, "rotation"),
                merge.label_rotations,
                count(merge.naive_rotations as u64)
            ),
        ),
        (
            "Levels",
            "one, which the training set has above its use: nothing is refreshed".to_owned(),
        ),
        (
            "Time",
            format!(
                "{}; merging {}",
                seconds(report.seconds),
                seconds(report.seconds_merge)
            ),
        ),
    ])
}

/// The result of `veilgrad prune check`.
pub(crate) fn check(report: &PruneCheckReport) -> String {
    let method = match report.method {
        MergeMethod::WithinRows => "within rows",
        MergeMethod::Planned => "planned",
        MergeMethod::Naive => "naive",
    };
    let mut rows = vec![
        (
            "Merged set",
            format!(
                "{}: {} of {} in {}, each kept one once and in its place ({method}); {} zero",
                report.merged.display(),
                count(report.kept as u64),
                things(report.of, "row"),
                things(report.batches, "mini-batch"),
                things(report.empty, "empty place"),
            ),
        ),
        (
            "Largest error",
            format!(
                "{:.1e} of a feature, {:.1e} of a label, {:.1e} in an empty place",
                report.feature_error, report.label_error, report.empty_error
            ),
        ),
        (
            "Levels",
            format!(
                "features {}, encrypted at {}; labels {}, encrypted at {}",
                report.features_level,
                report.encrypted_features_level,
                report.labels_level,
                report.encrypted_labels_level
            ),
        ),
    ];
    rows.extend(table(report.table.as_deref()));
    rows.push(("Time", seconds(report.seconds)));
    list(&rows)
}

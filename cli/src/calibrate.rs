//! What operations take.

use std::collections::BTreeMap;

use host::job::{CalibrateReport, CircuitOperation};

use crate::print::list;
use crate::sets::table;
use crate::units::{seconds, things};

/// A row for each operation, a column for some of the levels.
pub(crate) fn all(report: &CalibrateReport) -> String {
    let how = if report.measured {
        format!("measured now, in {}", seconds(report.seconds))
    } else {
        "known; --again measures anew".to_owned()
    };
    let mut rows = vec![
        ("Parameters", report.params.clone()),
        (
            "Device",
            format!("{}, {}", report.device, things(report.threads, "thread")),
        ),
        ("Refreshed by", report.refresh.clone()),
        ("Calibration", format!("{}: {how}", report.file.display())),
        (
            "Clear training",
            format!(
                "{:.2} ns for each sample, feature and class",
                1e9 * report.clear_product
            ),
        ),
    ];
    if report.bootstrap_preparation > 0.0 {
        rows.push((
            "Bootstraps",
            format!(
                "{} once, to prepare them",
                seconds(report.bootstrap_preparation)
            ),
        ));
    }
    let mut by_operation: BTreeMap<CircuitOperation, Vec<(usize, f64)>> = BTreeMap::new();
    for cost in &report.operations {
        let points = by_operation.entry(cost.operation).or_default();
        points.push((cost.level, cost.seconds));
    }
    let others = [
        ("keys, each", &report.key),
        ("encryptions", &report.encryption),
        ("decryptions", &report.decryption),
    ];
    let others = others.map(|(name, curve)| {
        let points = curve
            .points()
            .iter()
            .map(|&(level, seconds)| (level.0, seconds));
        (name, points.collect::<Vec<_>>())
    });
    let named = by_operation
        .iter()
        .map(|(operation, points)| (operation.plural(), points.clone()));
    let named: Vec<_> = named.chain(others).collect();
    let levels = spread(named.first().map_or(&[][..], |(_, points)| points));
    let head: Vec<String> = levels
        .iter()
        .map(|level| format!("level {level}"))
        .collect();
    let head: Vec<&str> = ["milliseconds"]
        .into_iter()
        .chain(head.iter().map(String::as_str))
        .chain([""])
        .collect();
    let cells = named.iter().map(|(name, points)| {
        let at = |level: &usize| {
            let found = points.iter().find(|(known, _)| known == level);
            found.map_or_else(String::new, |(_, seconds)| format!("{:.3}", 1e3 * seconds))
        };
        let mut row = vec![(*name).to_owned()];
        row.extend(levels.iter().map(at));
        row.push(String::new());
        row
    });
    let cells: Vec<_> = cells.collect();
    format!("{}\n{}", list(&rows), table(&head, &cells))
}

/// Few enough levels for a line.
fn spread(points: &[(usize, f64)]) -> Vec<usize> {
    const COLUMNS: usize = 6;
    let last = points.len().saturating_sub(1);
    let mut places: Vec<usize> = (0..COLUMNS).map(|i| i * last / (COLUMNS - 1)).collect();
    places.dedup();
    let level = |place: usize| points.get(place).map(|point| point.0);
    places.into_iter().filter_map(level).collect()
}

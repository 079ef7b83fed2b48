//! Kernels and their times.

use host::job::ProfileReport;

use crate::print::list;
use crate::sets::table;
use crate::units::{bytes, count, seconds, things};

/// The whole operation, the ceilings of the device, and a row for each kernel.
pub(crate) fn all(report: &ProfileReport) -> String {
    let ceilings = &report.ceilings;
    let of = format!(
        "{} ({}) at level {} ({}), batch of {}",
        report.operation,
        report.params,
        report.level,
        things(report.limbs, "limb"),
        count(report.batch as u64)
    );
    let median = format!(
        "{} (median of {})",
        seconds(report.median_ms / 1e3),
        report.repetitions
    );
    let mut rows = vec![
        ("Operation", of),
        (
            "Device",
            format!("{}, {}", report.device, things(report.threads, "thread")),
        ),
        (
            "Ceilings",
            format!(
                "copy {:.1} GB/s, multiply {:.2} Gmul/s, measured here",
                ceilings.copy_gb_per_s, ceilings.multiply_gmul_per_s
            ),
        ),
        ("Time", median),
        (
            "Result",
            format!("{}, the same on every device", &report.result[..16]),
        ),
    ];
    if let Some(trace) = &report.trace {
        rows.push(("Trace", trace.display().to_string()));
    }
    let head = [
        "kernel",
        "calls",
        "ms",
        "share",
        "bytes",
        "Mmul",
        "GB/s",
        "of copy",
        "Gmul/s",
        "of multiply",
    ];
    let total: f64 = report.kernels.iter().map(|row| row.ms).sum();
    let cells = report.kernels.iter().map(|row| {
        vec![
            row.kernel.clone(),
            row.calls.to_string(),
            format!("{:.3}", row.ms),
            format!("{:.1} %", 100.0 * row.ms / total),
            bytes(row.bytes),
            format!("{:.1}", row.products as f64 / 1e6),
            format!("{:.2}", row.gb_per_s),
            format!("{:.1} %", 100.0 * row.copy_share),
            format!("{:.3}", row.gmul_per_s),
            format!("{:.1} %", 100.0 * row.multiply_share),
        ]
    });
    let cells: Vec<_> = cells.collect();
    let calls: usize = report.kernels.iter().map(|row| row.calls).sum();
    format!(
        "{}\n{}\n{} in {:.3} ms, each timed by itself\n",
        list(&rows),
        table(&head, &cells),
        things(calls, "call"),
        total
    )
}

//! Kernels by name, with what they achieve of what the device can do.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use crate::profile::{Ceilings, Cost, Span};

/// What was found out about an operation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProfileReport {
    /// The operation.
    pub operation: String,
    /// Parameter set.
    pub params: String,
    /// Level of the operands.
    pub level: usize,
    /// Limbs of that level.
    pub limbs: usize,
    /// Ciphertexts or polynomials at once.
    pub batch: usize,
    /// Device.
    pub device: String,
    /// Threads of the processor.
    pub threads: usize,
    /// How often the whole was measured.
    pub repetitions: usize,
    /// A hash (BLAKE3) of all words of the result, which are the same on every device.
    pub result: String,
    /// The median of the whole, without any timing inside, in milliseconds.
    pub median_ms: f64,
    /// What the device does at most.
    #[serde(flatten)]
    pub ceilings: Ceilings,
    /// The kernels of one more run in which each is [timed by itself](crate::profile::Profiled); the longest first.
    pub kernels: Vec<KernelRow>,
    /// The trace, if one was written.
    pub trace: Option<PathBuf>,
}

/// All calls of a kernel.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KernelRow {
    /// Its name.
    pub kernel: String,
    /// How often it was called.
    pub calls: usize,
    /// All calls together, in milliseconds.
    pub ms: f64,
    /// Bytes read and written.
    pub bytes: u64,
    /// Modular multiplications, [counted](Cost) alike on every device.
    pub products: u64,
    /// 10^9 bytes in a second.
    pub gb_per_s: f64,
    /// Of what a copy moves.
    pub copy_share: f64,
    /// 10^9 modular multiplications in a second.
    pub gmul_per_s: f64,
    /// Of what the device multiplies, in the sense of [`Ceilings`], which some kernels may exceed.
    pub multiply_share: f64,
}

/// The calls of each kernel added up.
pub(super) fn rows(spans: &[Span], ceilings: Ceilings) -> Vec<KernelRow> {
    let mut sums: BTreeMap<&str, (usize, f64, Cost)> = BTreeMap::new();
    for span in spans {
        let (calls, seconds, cost) = sums.entry(span.kernel).or_default();
        *calls += 1;
        *seconds += span.seconds;
        *cost += span.cost;
    }
    let rate = |amount: u64, seconds: f64| match seconds {
        0.0 => 0.0,
        seconds => amount as f64 / seconds / 1e9,
    };
    let rows = sums.into_iter().map(|(kernel, (calls, seconds, cost))| {
        let (gb_per_s, gmul_per_s) = (rate(cost.bytes, seconds), rate(cost.products, seconds));
        KernelRow {
            kernel: kernel.to_owned(),
            calls,
            ms: 1e3 * seconds,
            bytes: cost.bytes,
            products: cost.products,
            gb_per_s,
            copy_share: gb_per_s / ceilings.copy_gb_per_s,
            gmul_per_s,
            multiply_share: gmul_per_s / ceilings.multiply_gmul_per_s,
        }
    });
    let mut rows: Vec<_> = rows.collect();
    rows.sort_by(|a, b| b.ms.total_cmp(&a.ms));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_add_calls_up_and_compare_them_with_the_ceilings() {
        let span = |kernel, seconds, bytes, products| Span {
            kernel,
            begin: 0.0,
            seconds,
            cost: Cost { bytes, products },
        };
        let spans = [
            span("short", 0.5, 1_000_000_000, 0),
            span("long", 1.0, 2_000_000_000, 3_000_000_000),
            span("long", 1.0, 2_000_000_000, 3_000_000_000),
        ];
        let ceilings = Ceilings {
            copy_gb_per_s: 8.0,
            multiply_gmul_per_s: 30.0,
        };
        let [long, short] = &rows(&spans, ceilings)[..] else {
            panic!("two kernels");
        };
        assert_eq!(
            (long.kernel.as_str(), long.calls, long.ms),
            ("long", 2, 2000.0)
        );
        assert_eq!((long.bytes, long.products), (4_000_000_000, 6_000_000_000));
        assert_eq!((long.gb_per_s, long.copy_share), (2.0, 0.25));
        assert_eq!((long.gmul_per_s, long.multiply_share), (3.0, 0.1));
        assert_eq!((short.gb_per_s, short.gmul_per_s), (2.0, 0.0));
    }
}

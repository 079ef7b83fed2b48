//! Kernels of the processor, each on every instruction set, on one thread.

mod base_conversion;
mod elementwise;
mod ntt;

use std::time::Duration;

use criterion::{BenchmarkGroup, Criterion, measurement::WallTime};

criterion::criterion_group!(
    benches,
    ntt::bench,
    base_conversion::bench,
    elementwise::bench
);

/// A group with few long samples: one run touches all limbs.
fn group<'a>(criterion: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2));
    group
}

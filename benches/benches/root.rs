//! All benchmarks in one binary: `cargo bench -p benches -- <filter>`.

mod bootstrap;
mod evaluator;
mod kernels;
mod key_switch;
mod prune;
mod ring;
mod train;

// What needs no keys comes first.
criterion::criterion_main!(
    prune::benches,
    ring::benches,
    kernels::benches,
    key_switch::benches,
    evaluator::benches,
    bootstrap::benches,
    train::benches
);

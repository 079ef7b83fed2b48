//! One binary for all benchmarks.

mod cpu;

criterion::criterion_main!(cpu::benches);

//! Shared configuration and fixtures of the benchmarks.

use std::sync::Arc;
use std::time::Duration;

use criterion::Criterion;
use engine::backend::{Shape, Transfer};
use engine::ckks::{
    Encoder, EvaluationKeys, KeyGenerator, KeyPlan, Level, Params, SecretKey, presets,
};
use engine::ring::Basis;
use engine::ring::sampling::{Seed, uniform};
use host::cpu::simd::Isa;
use host::cpu::{Cpu, CpuBuffer};

/// Whether every body shall run once, on small rings (`BENCH_SMOKE=1`).
pub fn is_smoke() -> bool {
    std::env::var_os("BENCH_SMOKE").is_some_and(|value| value != "0")
}

/// Samples and times that suit operations of milliseconds.
pub fn config() -> Criterion {
    let seconds = if is_smoke() { 0.1 } else { 3.0 };
    Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_secs_f64(seconds / 3.0))
        .measurement_time(Duration::from_secs_f64(seconds))
}

/// The chain of `boot-39`, at full size or on the small ring.
pub fn bootstrappable() -> Params {
    named(if is_smoke() {
        "insecure-11-boot"
    } else {
        "boot-39"
    })
}

/// The set of the default training job, or a small one.
pub fn training() -> Params {
    named(if is_smoke() {
        "insecure-10"
    } else {
        "leveled-15"
    })
}

/// The checked set of this name.
pub fn named(name: &str) -> Params {
    presets::named(name).unwrap().unwrap()
}

/// One thread and two.
pub fn threads() -> std::ops::RangeInclusive<usize> {
    1..=if is_smoke() { 1 } else { 2 }
}

/// Random residues.
pub fn random(cpu: &Cpu, basis: &Basis, seed: u8) -> CpuBuffer {
    let shape = Shape {
        batch: 1,
        basis: basis.clone(),
    };
    cpu.upload(&shape, &uniform(cpu.context(), basis, &Seed([seed; 32])))
        .unwrap()
}

/// Keys on a backend.
pub struct Keyed {
    /// The device.
    pub cpu: Cpu,
    /// Of the set's degree.
    pub encoder: Arc<Encoder>,
    /// The owner's key.
    pub secret: SecretKey,
    /// The server's keys.
    pub keys: EvaluationKeys<Cpu>,
}

impl Keyed {
    /// The keys of a plan.
    pub fn new(params: &Params, plan: &KeyPlan, threads: usize) -> Self {
        let cpu = Cpu::with(Arc::clone(params.ring()), Isa::detect(), threads).unwrap();
        let secret = SecretKey::generate(params, &Seed([1; 32]));
        let generator = KeyGenerator::new(&cpu, params, &secret);
        let keys = generator.evaluation_keys(plan, &Seed([2; 32])).unwrap();
        Self {
            encoder: Arc::new(Encoder::new(params.degree())),
            secret,
            keys,
            cpu,
        }
    }
}

/// The level at which operations are measured.
pub fn middle(params: &Params) -> Level {
    Level(params.max_level().0 / 2)
}

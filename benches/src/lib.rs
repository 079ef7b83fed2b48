//! Shared configuration and fixtures of the benchmarks.

pub mod devices;

use std::sync::Arc;
use std::time::Duration;

use criterion::Criterion;
use engine::backend::{Backend, Shape};
use engine::ckks::{
    Ciphertext, Decryptor, Encoder, Encryptor, EvaluationKeys, Evaluator, KeyGenerator, KeyPlan,
    Level, Params, Plaintext, SecretKey, presets,
};
use engine::ring::Basis;
use engine::ring::sampling::{Seed, uniform};
use num_complex::Complex64;

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
pub fn random<B: Backend>(backend: &B, basis: &Basis, batch: usize, seed: u8) -> B::Buffer {
    let shape = Shape {
        batch,
        basis: basis.clone(),
    };
    let seed = Seed([seed; 32]);
    let polys = (0..batch as u64).flat_map(|i| uniform(backend.context(), basis, &seed.derive(i)));
    backend.upload(&shape, &polys.collect::<Vec<_>>()).unwrap()
}

/// Owner and server in one, on a backend.
pub struct Keyed<'a, B: Backend> {
    /// The device.
    pub backend: &'a B,
    /// The parameter set.
    pub params: &'a Params,
    encoder: Arc<Encoder>,
    secret: SecretKey,
    keys: EvaluationKeys<B>,
}

impl<'a, B: Backend> Keyed<'a, B> {
    /// With the keys of a plan.
    pub fn new(backend: &'a B, params: &'a Params, plan: &KeyPlan) -> Self {
        let secret = SecretKey::generate(params, &Seed([1; 32]));
        let generator = KeyGenerator::new(backend, params, &secret);
        let keys = generator.evaluation_keys(plan, &Seed([2; 32])).unwrap();
        Self {
            encoder: Arc::new(Encoder::new(params.degree())),
            backend,
            params,
            secret,
            keys,
        }
    }

    /// The server.
    pub fn evaluator(&self) -> Evaluator<'_, B> {
        Evaluator::new(
            self.backend,
            self.params,
            Arc::clone(&self.encoder),
            &self.keys,
        )
    }

    /// The values at the scale of a level, not encrypted.
    pub fn encode(&self, slots: &[Complex64], level: Level) -> Plaintext<B> {
        let scale = self.params.scale(level);
        Plaintext::encode(
            self.backend,
            &self.encoder,
            self.params,
            &[slots],
            level,
            scale,
        )
        .unwrap()
    }

    /// Encrypted with the secret key.
    pub fn encrypt(&self, vectors: &[&[Complex64]], level: Level) -> Ciphertext<B> {
        let encryptor = Encryptor::new(self.backend, self.params, Arc::clone(&self.encoder));
        let encrypted = encryptor.with_secret(&self.secret, vectors, level, &Seed([3; 32]));
        encrypted.unwrap().0
    }

    /// The first vector.
    pub fn decrypt(&self, x: &Ciphertext<B>) -> Vec<Complex64> {
        let encoder = Arc::clone(&self.encoder);
        let decryptor = Decryptor::new(self.backend, self.params, encoder, &self.secret);
        decryptor.decrypt(x).unwrap().remove(0)
    }
}

/// The level at which operations are measured.
pub fn middle(params: &Params) -> Level {
    Level(params.max_level().0 / 2)
}

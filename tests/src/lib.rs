//! Fixtures of the test suites.

pub mod backends;
pub mod big;

use std::sync::Arc;

use engine::backend::{Backend, Reference};
use engine::circuits::{Parts, Refresh};
use engine::ckks::{
    Ciphertext, Decryptor, Encoder, Encryptor, EvalError, EvaluationKeys, Evaluator, KeyGenerator,
    KeyPlan, Level, Params, SecretKey, presets,
};
use engine::protocol::{Owner, RefreshRequest};
use engine::ring::Rotation;
use engine::ring::sampling::Seed;
use host::cpu::Cpu;
use num_complex::Complex64;

/// A parameter set with keys on a backend: owner and server in one, for tests.
pub struct Fixture<B: Backend> {
    /// The set.
    pub params: Params,
    /// Owner's and server's device.
    pub backend: B,
    /// Of this degree.
    pub encoder: Arc<Encoder>,
    /// The owner's.
    pub secret: SecretKey,
    /// The server's.
    pub keys: EvaluationKeys<B>,
}

/// The checked set of this name.
pub fn params(name: &str) -> Params {
    presets::named(name).unwrap().unwrap()
}

/// A backend of the plain kind.
pub fn reference(params: &Params) -> Reference {
    Reference::new(Arc::clone(params.ring()))
}

/// The CPU backend.
pub fn cpu(params: &Params) -> Cpu {
    Cpu::new(Arc::clone(params.ring())).unwrap()
}

/// For circuits that do without.
pub struct NoRefresh;

impl<B: Backend> Refresh<B> for NoRefresh {
    fn refresh(
        &self,
        _: &Ciphertext<B>,
        _: Level,
        _: f64,
        _: Parts,
    ) -> Result<Ciphertext<B>, EvalError> {
        Err(EvalError::Refresh("nobody refreshes here".to_owned()))
    }
}

/// An owner in the same process, whose answers follow from nothing but the question.
pub struct AtHand<'a, B: Backend>(pub &'a Owner<'a, B>);

impl<B: Backend> Refresh<B> for AtHand<'_, B> {
    fn refresh(
        &self,
        x: &Ciphertext<B>,
        to: Level,
        bound: f64,
        _: Parts,
    ) -> Result<Ciphertext<B>, EvalError> {
        let request = RefreshRequest {
            ciphertext: x.clone(),
            to,
            bound,
        };
        Ok(self.0.refresh(&request, &Seed([7; 32]))?.ciphertext)
    }
}

impl<B: Backend> Fixture<B> {
    /// Keys for these rotations, products and conjugations at every level up to `level`.
    pub fn new(params: Params, backend: B, level: Level, rotations: &[i32]) -> Self {
        let plan = KeyPlan {
            relinearization: Some(level),
            conjugation: Some(level),
            encapsulation: false,
            rotations: rotations.iter().map(|r| (Rotation(*r), level)).collect(),
        };
        Self::with_plan(params, backend, &plan)
    }

    /// The keys of a plan.
    pub fn with_plan(params: Params, backend: B, plan: &KeyPlan) -> Self {
        let secret = SecretKey::generate(&params, &Seed([1; 32]));
        let generator = KeyGenerator::new(&backend, &params, &secret);
        let keys = generator.evaluation_keys(plan, &Seed([2; 32])).unwrap();
        let encoder = Arc::new(Encoder::new(params.degree()));
        Self {
            encoder,
            secret,
            keys,
            params,
            backend,
        }
    }

    /// The server's half.
    pub fn evaluator(&self) -> Evaluator<'_, B> {
        Evaluator::new(
            &self.backend,
            &self.params,
            Arc::clone(&self.encoder),
            &self.keys,
        )
    }

    /// Encrypts with the secret key.
    pub fn encrypt(&self, vectors: &[&[Complex64]], level: Level, seed: u8) -> Ciphertext<B> {
        let encryptor = Encryptor::new(&self.backend, &self.params, Arc::clone(&self.encoder));
        encryptor
            .with_secret(&self.secret, vectors, level, &Seed([seed; 32]))
            .unwrap()
            .0
    }

    /// Decrypts.
    pub fn decrypt(&self, x: &Ciphertext<B>) -> Vec<Vec<Complex64>> {
        let encoder = Arc::clone(&self.encoder);
        Decryptor::new(&self.backend, &self.params, encoder, &self.secret)
            .decrypt(x)
            .unwrap()
    }
}

/// Pseudo-random slots with both parts in `[-1, 1]`.
pub fn slots(n: usize, seed: u64) -> Vec<Complex64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    };
    (0..n).map(|_| Complex64::new(next(), next())).collect()
}

/// `-log2` of the largest error in either part of a slot.
pub fn bits(want: &[Complex64], have: &[Complex64]) -> f64 {
    assert_eq!(want.len(), have.len());
    let errors = want
        .iter()
        .zip(have)
        .map(|(a, b)| (a - b).re.abs().max((a - b).im.abs()));
    -errors.fold(f64::MIN_POSITIVE, f64::max).log2()
}

//! Owner and server in one, for measurements on random values.

use std::sync::Arc;

use engine::backend::Backend;
use engine::circuits::{Parts, Refresh};
use engine::ckks::{
    Ciphertext, Encoder, Encryptor, EvalError, Evaluator, KeyGenerator, KeyPlan, Level, Params,
    SecretKey,
};
use engine::protocol::{Owner, RefreshRequest};
use engine::ring::sampling::Seed;
use num_complex::Complex64;

use super::JobError;

/// Owner and server in one.
pub(super) struct Keyed<'a, B: Backend> {
    pub(super) backend: &'a B,
    pub(super) params: &'a Params,
    pub(super) encoder: Arc<Encoder>,
    /// Of everything that is drawn.
    pub(super) seed: Seed,
    pub(super) secret: SecretKey,
    pub(super) keys: engine::ckks::EvaluationKeys<B>,
}

impl<'a, B: Backend> Keyed<'a, B> {
    pub(super) fn new(
        params: &'a Params,
        backend: &'a B,
        plan: &KeyPlan,
        seed: Seed,
    ) -> Result<Self, JobError> {
        let secret = secret(params, &seed);
        let generator = KeyGenerator::new(backend, params, &secret);
        let keys = generator.evaluation_keys(plan, &keys_seed(&seed))?;
        let encoder = Arc::new(Encoder::new(params.degree()));
        Ok(Self {
            backend,
            params,
            encoder,
            seed,
            secret,
            keys,
        })
    }

    pub(super) fn evaluator(&self) -> Evaluator<'_, B> {
        Evaluator::new(
            self.backend,
            self.params,
            Arc::clone(&self.encoder),
            &self.keys,
        )
    }

    /// Always the same ciphertexts.
    pub(super) fn encrypt(&self, batch: usize, level: Level) -> Result<Ciphertext<B>, JobError> {
        let slots = self.params.slots();
        let value = |i: usize| Complex64::new((i % 17) as f64 / 17.0, (i % 5) as f64 / -5.0);
        let vector: Vec<_> = (0..slots).map(value).collect();
        let vectors = vec![vector.as_slice(); batch];
        let encryptor = Encryptor::new(self.backend, self.params, Arc::clone(&self.encoder));
        let seed = self.seed.derive(2);
        Ok(encryptor
            .with_secret(&self.secret, &vectors, level, &seed)?
            .0)
    }
}

/// The secret key of a seed.
pub(super) fn secret(params: &Params, seed: &Seed) -> SecretKey {
    SecretKey::generate(params, &seed.derive(0))
}

/// That of the keys, for a generator.
pub(super) fn keys_seed(seed: &Seed) -> Seed {
    seed.derive(1)
}

/// The owner in the same process.
pub(super) struct AtHand<'a, B: Backend>(pub(super) &'a Owner<'a, B>, pub(super) Seed);

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
        Ok(self.0.refresh(&request, &self.1)?.ciphertext)
    }
}

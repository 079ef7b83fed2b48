//! Arithmetic on ciphertexts, without any secret.

mod add;
mod linear;
mod mul;
mod raise;
mod rescale;
mod rotate;

pub use linear::GiantStep;
pub use mul::Tensor;

use std::sync::{Arc, OnceLock};

use super::{Ciphertext, Encoder, EvalError, EvaluationKeys, Level, Params};
use crate::backend::{Backend, Coeff, Eval, Poly, Shape};

/// Evaluates on ciphertexts of one parameter set with the keys of one owner.
///
/// Every result is at the canonical scale of its level; operands of different levels meet at the lowest.
pub struct Evaluator<'a, B: Backend> {
    backend: &'a B,
    params: &'a Params,
    encoder: Arc<Encoder>,
    keys: &'a EvaluationKeys<B>,
    monomial: OnceLock<Poly<B, Eval>>,
}

impl<'a, B: Backend> Evaluator<'a, B> {
    /// An evaluator on the server's backend.
    #[must_use]
    pub fn new(
        backend: &'a B,
        params: &'a Params,
        encoder: Arc<Encoder>,
        keys: &'a EvaluationKeys<B>,
    ) -> Self {
        Self {
            backend,
            params,
            encoder,
            keys,
            monomial: OnceLock::new(),
        }
    }

    /// The device.
    #[must_use]
    pub fn backend(&self) -> &'a B {
        self.backend
    }

    /// The parameter set.
    #[must_use]
    pub fn params(&self) -> &'a Params {
        self.params
    }

    /// The encoder.
    #[must_use]
    pub fn encoder(&self) -> &Encoder {
        &self.encoder
    }

    /// Ciphertexts in a batch.
    #[must_use]
    pub fn batch(&self, x: &Ciphertext<B>) -> usize {
        x.batch(self.backend)
    }

    /// The operands at their lowest level.
    fn aligned(&self, xs: &[&Ciphertext<B>]) -> Result<Vec<Ciphertext<B>>, EvalError> {
        let level = xs.iter().map(|x| x.level()).min().unwrap_or(Level(0));
        xs.iter().map(|x| self.lower(x, level)).collect()
    }

    /// The level below, if there is one.
    fn below(op: &'static str, left: Level) -> Result<Level, EvalError> {
        let below = left.0.checked_sub(1).map(Level);
        below.ok_or(EvalError::LevelExhausted {
            op,
            needed: Level(1),
            left,
        })
    }

    /// The scale of a plaintext that takes a ciphertext of level `level` to exactly the canonical scale of the level below,
    /// once rescaled.
    #[must_use]
    pub fn plaintext_scale(&self, level: Level) -> f64 {
        let Some(below) = level.0.checked_sub(1).map(Level) else {
            return 1.0;
        };
        let step = self
            .params
            .rescale_factor(self.params.basis(level), self.params.basis(below));
        self.params.scale(below) * step / self.params.scale(level)
    }

    /// `X^(N/2)`: the constant `i` in every slot.
    fn monomial(&self) -> Result<&Poly<B, Eval>, EvalError> {
        if let Some(monomial) = self.monomial.get() {
            return Ok(monomial);
        }
        let (ring, degree) = (self.params.ring(), self.params.degree());
        let shape = Shape {
            batch: 1,
            basis: ring.ordinary(),
        };
        let mut words = vec![0; shape.rows() * degree];
        words
            .chunks_exact_mut(degree)
            .for_each(|row| row[degree / 2] = 1);
        let poly = Poly::<B, Coeff>::upload(self.backend, &shape, &words)?;
        let poly = poly.into_eval(self.backend)?;
        Ok(self.monomial.get_or_init(|| poly))
    }
}

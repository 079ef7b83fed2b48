//! Encrypted slot vectors.

use std::sync::Arc;

use super::{EvalError, Level, Params};
use crate::arith::Word;
use crate::backend::{Backend, Eval, Poly, Shape};

/// A batch of ciphertexts `(b, a)` with `b + a s` close to the scaled message, at one level and its canonical scale. Cheap to
/// clone.
pub struct Ciphertext<B: Backend> {
    halves: Arc<[Poly<B, Eval>; 2]>,
    level: Level,
}

impl<B: Backend> Clone for Ciphertext<B> {
    fn clone(&self) -> Self {
        Self {
            halves: Arc::clone(&self.halves),
            level: self.level,
        }
    }
}

impl<B: Backend> Ciphertext<B> {
    pub(crate) fn new(b: B::Buffer, a: B::Buffer, level: Level) -> Self {
        Self {
            halves: Arc::new([Poly::new(b), Poly::new(a)]),
            level,
        }
    }

    pub(crate) fn halves(&self) -> [&B::Buffer; 2] {
        [self.halves[0].buffer(), self.halves[1].buffer()]
    }

    /// Rescalings left.
    #[must_use]
    pub fn level(&self) -> Level {
        self.level
    }

    /// Ciphertexts in the batch.
    #[must_use]
    pub fn batch(&self, backend: &B) -> usize {
        backend.shape(self.halves()[0]).batch
    }

    /// Both halves as words, row-major, in the evaluation domain.
    ///
    /// # Errors
    /// Those of the device.
    pub fn download(&self, backend: &B) -> Result<[Vec<Word>; 2], EvalError> {
        let [b, a] = self.halves();
        Ok([backend.download(b)?, backend.download(a)?])
    }

    /// The ciphertexts with these halves, as [`download`](Self::download) gives them.
    ///
    /// # Errors
    /// [`EvalError::LevelRaised`] for a level above the highest, [`EvalError::Backend`] for a word count that does not fit.
    /// Residues must be canonical: whoever reads them from outside checks them.
    pub fn upload(
        backend: &B,
        params: &Params,
        level: Level,
        batch: usize,
        halves: [&[Word]; 2],
    ) -> Result<Self, EvalError> {
        if level > params.max_level() {
            return Err(EvalError::LevelRaised {
                op: "upload",
                from: params.max_level(),
                to: level,
            });
        }
        let shape = Shape {
            batch,
            basis: params.basis(level).clone(),
        };
        Ok(Self::new(
            backend.upload(&shape, halves[0])?,
            backend.upload(&shape, halves[1])?,
            level,
        ))
    }
}

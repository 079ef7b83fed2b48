//! Encryption, with the secret key (smaller noise, half the bytes) or the public one.

use num_complex::Complex64;
use std::sync::Arc;

use super::keys::{PublicKey, SecretKey, SecretPoly};
use super::plaintext::encode;
use super::{Ciphertext, Encoder, EvalError, Level, Params};
use crate::backend::{Backend, Coeff, Poly, Shape};
use crate::ring::sampling::{self, Seed};

/// Encodes and encrypts batches of slot vectors.
pub struct Encryptor<'a, B: Backend> {
    backend: &'a B,
    params: &'a Params,
    encoder: Arc<Encoder>,
}

impl<'a, B: Backend> Encryptor<'a, B> {
    /// An encryptor on the data owner's backend.
    #[must_use]
    pub fn new(backend: &'a B, params: &'a Params, encoder: Arc<Encoder>) -> Self {
        Self {
            backend,
            params,
            encoder,
        }
    }

    /// Encrypts with the secret key: `(-a s + m + e, a)` with `a` made from a seed that is returned, so that the second half
    /// need not be stored. `seed` is secret and must not be used twice.
    ///
    /// # Cost
    /// Noise `3.2 sqrt(N/2)` in each part of a slot, against the scale. One transform of each limb.
    ///
    /// # Errors
    /// [`EvalError::LevelRaised`] above the highest level, [`EvalError::SlotCount`], [`EvalError::OutOfRange`], [`EvalError::Empty`].
    pub fn with_secret(
        &self,
        secret: &SecretKey,
        vectors: &[&[Complex64]],
        level: Level,
        seed: &Seed,
    ) -> Result<(Ciphertext<B>, Seed), EvalError> {
        let shape = self.shape(vectors, level)?;
        let public = seed.derive(0);
        let a = uniform_batch(self.backend, &shape, &public)?;
        let errors = seed.derive(1);
        let error = |i: usize| sampling::gaussian(self.params.degree(), &errors.derive(i as u64));
        let mut b = self.message(vectors, &shape, level, error)?;
        let secret = SecretPoly::new(self.backend, secret, &shape.basis)?;
        let product = self.backend.mul_sum(&[(&a, secret.buffer())])?;
        self.backend.sub_assign(&mut b, &product)?;
        Ok((Ciphertext::new(b, a, level), public))
    }

    /// Encrypts with the public key: over Q and P, divided by P. `seed` is secret and must not be used twice.
    ///
    /// # Cost
    /// Noise about that of one rescaling. Three transforms of each limb.
    ///
    /// # Errors
    /// As [`with_secret`](Self::with_secret).
    pub fn with_public(
        &self,
        public: &PublicKey<B>,
        vectors: &[&[Complex64]],
        level: Level,
        seed: &Seed,
    ) -> Result<Ciphertext<B>, EvalError> {
        use super::keys::{error, small};
        let shape = self.shape(vectors, level)?;
        let basis = shape.basis.union(&self.params.ring().special());
        let extended = Shape {
            batch: shape.batch,
            basis: basis.clone(),
        };
        let v = small(self.backend, &extended, &seed.derive(0), sampling::ternary)?;
        let mut halves = Vec::with_capacity(2);
        for (i, key) in (1..).zip(&public.halves) {
            let mut half = self.backend.mul_sum(&[(&v, key.buffer())])?;
            self.backend
                .add_assign(&mut half, &error(self.backend, &extended, &seed.derive(i))?)?;
            halves.push(self.backend.mod_down(&half, &shape.basis)?);
        }
        let message = self.message(vectors, &shape, level, |_| Vec::new())?;
        let (Some(a), Some(mut b)) = (halves.pop(), halves.pop()) else {
            return Err(EvalError::Empty { op: "encrypt" });
        };
        self.backend.add_assign(&mut b, &message)?;
        Ok(Ciphertext::new(b, a, level))
    }

    fn shape(&self, vectors: &[&[Complex64]], level: Level) -> Result<Shape, EvalError> {
        let from = self.params.max_level();
        if level > from {
            return Err(EvalError::LevelRaised {
                op: "encrypt",
                from,
                to: level,
            });
        }
        Ok(Shape {
            batch: vectors.len(),
            basis: self.params.basis(level).clone(),
        })
    }

    /// The scaled messages plus small polynomials, in the evaluation domain.
    fn message(
        &self,
        vectors: &[&[Complex64]],
        shape: &Shape,
        level: Level,
        small: impl Fn(usize) -> Vec<i8>,
    ) -> Result<B::Buffer, EvalError> {
        let ring = self.params.ring();
        let scale = self.params.scale(level);
        let mut words = encode(&self.encoder, ring, &shape.basis, vectors, scale)?;
        let mut rows = words.chunks_exact_mut(ring.degree());
        for i in 0..shape.batch {
            let small = small(i);
            for (limb, row) in shape.basis.iter().zip(rows.by_ref()) {
                let q = ring.modulus(limb);
                for (word, e) in row.iter_mut().zip(&small) {
                    *word = q.add(*word, q.reduce_signed(i64::from(*e)));
                }
            }
        }
        let poly = Poly::<B, Coeff>::upload(self.backend, shape, &words)?;
        Ok(poly.into_eval(self.backend)?.into_buffer())
    }
}

/// The uniform halves of a batch, in the evaluation domain, another stream for each.
pub(super) fn uniform_batch<B: Backend>(
    backend: &B,
    shape: &Shape,
    seed: &Seed,
) -> Result<B::Buffer, EvalError> {
    let one = |i: usize| sampling::uniform(backend.context(), &shape.basis, &seed.derive(i as u64));
    let words: Vec<_> = (0..shape.batch).flat_map(one).collect();
    Ok(backend.upload(shape, &words)?)
}

impl<B: Backend> Ciphertext<B> {
    /// The ciphertexts with first halves `b`, as [`download`](Self::download) gives them, and the uniform second halves of
    /// `seed`.
    ///
    /// # Errors
    /// As [`upload`](Self::upload).
    pub fn from_seed(
        backend: &B,
        params: &Params,
        level: Level,
        batch: usize,
        b: &[crate::arith::Word],
        seed: &Seed,
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
        let a = uniform_batch(backend, &shape, seed)?;
        Ok(Self::new(backend.upload(&shape, b)?, a, level))
    }
}

//! Products: with ciphertexts (relinearized), plaintexts and constants.

use super::Evaluator;
use crate::backend::Backend;
use crate::ckks::plaintext::integer;
use crate::ckks::{Ciphertext, EvalError, Level, Plaintext};

/// A sum of products `d0 + d1 s + d2 s^2`, not relinearized, at the square of the canonical scale.
pub struct Tensor<B: Backend> {
    parts: [B::Buffer; 3],
    level: Level,
}

impl<B: Backend> Evaluator<'_, B> {
    /// `a * b`, relinearized and rescaled.
    ///
    /// # Cost
    /// One level, one key switch.
    ///
    /// # Errors
    /// As [`dot`](Self::dot).
    pub fn mul(&self, a: &Ciphertext<B>, b: &Ciphertext<B>) -> Result<Ciphertext<B>, EvalError> {
        self.dot(&[(a, b)])
    }

    /// `sum of a * b`, relinearized and rescaled once.
    ///
    /// # Cost
    /// One level, one key switch whatever the number of pairs.
    ///
    /// # Errors
    /// [`EvalError::LevelExhausted`] at level 0, [`EvalError::MissingKey`], [`EvalError::Empty`], [`EvalError::Backend`] if the
    /// batches do not fit.
    pub fn dot(
        &self,
        pairs: &[(&Ciphertext<B>, &Ciphertext<B>)],
    ) -> Result<Ciphertext<B>, EvalError> {
        self.relinearize_rescale(&self.tensor(pairs)?)
    }

    /// `sum of a * b + sum of c * a + constant`, relinearized and rescaled once.
    ///
    /// # Cost
    /// One level, one key switch whatever the numbers of pairs and terms. The constants `c` are rounded to multiples of the
    /// inverse of the level's scale.
    ///
    /// # Errors
    /// As [`dot`](Self::dot); [`EvalError::OutOfRange`] for constants too large.
    pub fn quadratic(
        &self,
        pairs: &[(&Ciphertext<B>, &Ciphertext<B>)],
        terms: &[(&Ciphertext<B>, f64)],
        constant: f64,
    ) -> Result<Ciphertext<B>, EvalError> {
        let operands = pairs.iter().flat_map(|(a, b)| [*a, *b]);
        let operands: Vec<_> = operands.chain(terms.iter().map(|(a, _)| *a)).collect();
        let operands = self.aligned(&operands)?;
        let (factors, others) = operands.split_at(2 * pairs.len());
        let pairs: Vec<_> = factors.chunks_exact(2).map(|p| (&p[0], &p[1])).collect();
        let mut tensor = self.tensor(&pairs)?;
        for (a, (_, c)) in others.iter().zip(terms) {
            self.add_multiple(&mut tensor, a, *c)?;
        }
        let sum = self.relinearize_rescale(&tensor)?;
        if constant == 0.0 {
            Ok(sum)
        } else {
            self.add_const(&sum, constant)
        }
    }

    /// `tensor + c * a` for a ciphertext of the same level, of the same batch or of one.
    fn add_multiple(
        &self,
        tensor: &mut Tensor<B>,
        a: &Ciphertext<B>,
        c: f64,
    ) -> Result<(), EvalError> {
        let scale = self.params.scale(tensor.level);
        let constants = self.constants(tensor.level, integer(c * scale, scale)?);
        for (part, half) in tensor.parts.iter_mut().zip(a.halves()) {
            let multiple = self.backend.scale_sum(&[(half, &constants)])?;
            self.backend.add_assign(part, &multiple)?;
        }
        Ok(())
    }

    /// `sum of a * b`, neither relinearized nor rescaled.
    ///
    /// # Errors
    /// [`EvalError::Empty`], [`EvalError::Backend`] if the batches do not fit.
    pub fn tensor(
        &self,
        pairs: &[(&Ciphertext<B>, &Ciphertext<B>)],
    ) -> Result<Tensor<B>, EvalError> {
        let flat: Vec<_> = pairs.iter().flat_map(|(a, b)| [*a, *b]).collect();
        let flat = self.aligned(&flat)?;
        let level = flat
            .first()
            .ok_or(EvalError::Empty { op: "product" })?
            .level();
        // The larger batch leads in each pair, and the pair with the largest one leads them all.
        let mut terms: Vec<_> = flat
            .chunks_exact(2)
            .map(|pair| {
                let swap = self.batch(&pair[0]) < self.batch(&pair[1]);
                if swap {
                    (&pair[1], &pair[0])
                } else {
                    (&pair[0], &pair[1])
                }
            })
            .collect();
        terms.sort_by_key(|(a, _)| std::cmp::Reverse(self.batch(a)));
        let terms: Vec<_> = terms
            .iter()
            .map(|(a, b)| (a.halves(), b.halves()))
            .collect();
        Ok(Tensor {
            parts: self.backend.tensor_sum(&terms)?,
            level,
        })
    }

    /// The ciphertext of the level below with the same message: one key switch whose mod-down divides by P and by the
    /// outgoing limbs at once.
    ///
    /// # Errors
    /// [`EvalError::LevelExhausted`] at level 0, [`EvalError::MissingKey`].
    pub fn relinearize_rescale(&self, x: &Tensor<B>) -> Result<Ciphertext<B>, EvalError> {
        let below = Self::below("product", x.level)?;
        let key = self.keys.relinearization(x.level)?;
        let [d0, d1, d2] = &x.parts;
        let to = self.params.basis(below);
        let [b, a] = self.backend.key_switch(d2, key, [Some(d0), Some(d1)], to)?;
        Ok(Ciphertext::new(b, a, below))
    }

    /// `sum of a * b` for plaintexts encoded at the level of their partner or above with
    /// [`plaintext_scale`](Self::plaintext_scale) of it, rescaled once. All ciphertexts must be at one level.
    ///
    /// # Cost
    /// One level, no key switch.
    ///
    /// # Errors
    /// [`EvalError::LevelExhausted`] at level 0, [`EvalError::ScaleMismatch`], [`EvalError::Empty`], [`EvalError::Backend`].
    pub fn dot_plain(
        &self,
        terms: &[(&Ciphertext<B>, &Plaintext<B>)],
    ) -> Result<Ciphertext<B>, EvalError> {
        let (first, _) = terms.first().ok_or(EvalError::Empty {
            op: "plaintext product",
        })?;
        let level = first.level();
        let below = Self::below("plaintext product", level)?;
        for (a, b) in terms {
            self.check_scale(
                "plaintext product",
                b.scale,
                self.plaintext_scale(a.level()),
            )?;
        }
        let mut terms = terms.to_vec();
        terms.sort_by_key(|(a, _)| std::cmp::Reverse(self.batch(a)));
        let half = |i: usize| {
            let products: Vec<_> = terms
                .iter()
                .map(|(a, b)| (a.halves()[i], b.poly.buffer()))
                .collect();
            self.backend
                .mod_down(&self.backend.mul_sum(&products)?, self.params.basis(below))
        };
        Ok(Ciphertext::new(half(0)?, half(1)?, below))
    }

    /// `sum of c * a + constant`, rescaled once.
    ///
    /// # Cost
    /// One level, no key switch. The constants are rounded to multiples of the inverse
    /// [`plaintext_scale`](Self::plaintext_scale).
    ///
    /// # Errors
    /// [`EvalError::LevelExhausted`] at level 0, [`EvalError::OutOfRange`] for constants too large, [`EvalError::Empty`],
    /// [`EvalError::Backend`].
    pub fn linear_combination(
        &self,
        terms: &[(&Ciphertext<B>, f64)],
        constant: f64,
    ) -> Result<Ciphertext<B>, EvalError> {
        let mut terms = terms.to_vec();
        terms.sort_by_key(|(a, _)| std::cmp::Reverse(self.batch(a)));
        let operands: Vec<_> = terms.iter().map(|(a, _)| *a).collect();
        let operands = self.aligned(&operands)?;
        let level = operands
            .first()
            .ok_or(EvalError::Empty {
                op: "linear combination",
            })?
            .level();
        let below = Self::below("linear combination", level)?;
        let scale = self.plaintext_scale(level);
        let constants = terms
            .iter()
            .map(|(_, c)| Ok(self.constants(level, integer(c * scale, scale)?)));
        let constants = constants.collect::<Result<Vec<_>, EvalError>>()?;
        let half = |i: usize| {
            let products: Vec<_> = operands
                .iter()
                .zip(&constants)
                .map(|(a, c)| (a.halves()[i], c.as_slice()))
                .collect();
            self.backend.mod_down(
                &self.backend.scale_sum(&products)?,
                self.params.basis(below),
            )
        };
        let sum = Ciphertext::new(half(0)?, half(1)?, below);
        if constant == 0.0 {
            Ok(sum)
        } else {
            self.add_const(&sum, constant)
        }
    }
}

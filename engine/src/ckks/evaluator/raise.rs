//! Raising the modulus of level 0 to that of the top level, through a sparse secret.

use super::Evaluator;
use crate::backend::{Backend, Coeff, Eval, Poly};
use crate::ckks::{Ciphertext, EvalError, Level, SwitchingKey};
use crate::ring::Basis;

impl<B: Backend> Evaluator<'_, B> {
    /// A ciphertext at the top level whose polynomial is that of `x` plus `q0 I`, where `q0` is the modulus of level 0 and
    /// `I` a polynomial with small integer coefficients.
    ///
    /// The secret is exchanged for one of weight [`SPARSE_WEIGHT`](crate::ckks::SPARSE_WEIGHT) first, and back afterwards, so
    /// that `I` is small: a sum of 33 residues over `q0` (sparse-secret encapsulation: Bossuat, Troncoso-Pastoriza, Hubaux,
    /// ACNS'22). What is switched back is smaller than `q0`, so it is a digit by itself.
    ///
    /// # Cost
    /// Two products with keys of one digit; transforms of all limbs for both halves.
    ///
    /// # Errors
    /// [`EvalError::LevelRaised`] for a ciphertext above level 0, [`EvalError::MissingKey`].
    pub fn raise(&self, x: &Ciphertext<B>) -> Result<Ciphertext<B>, EvalError> {
        let top = self.params.top_level();
        if x.level() != Level(0) {
            return Err(EvalError::LevelRaised {
                op: "raise",
                from: x.level(),
                to: top,
            });
        }
        let missing = |kind| EvalError::MissingKey { kind, level: top };
        let key = self.keys.to_sparse.as_ref();
        let key = key.ok_or(missing("encapsulation"))?;
        let bottom = self.params.basis(Level(0));
        let [b, a] = x.halves();
        let special = self.params.encapsulation_special();
        let [mut kb, ka] = self.switch_small(&self.coefficients(a, x)?, key, &special)?;
        kb = self.backend.mod_down(&kb, bottom)?;
        self.backend.add_assign(&mut kb, b)?;
        let sparse = Ciphertext::<B>::new(kb, self.backend.mod_down(&ka, bottom)?, Level(0));

        let key = self.keys.to_dense.as_ref();
        let key = key.ok_or(missing("decapsulation"))?;
        let [b, a] = sparse.halves();
        let all = self.params.basis(top);
        let b = self.coefficients(b, x)?;
        let b = Poly::<B, Coeff>::new(self.backend.mod_up(b.buffer(), bottom, all)?);
        let special = self.params.ring().special();
        let [mut kb, ka] = self.switch_small(&self.coefficients(a, x)?, key, &special)?;
        self.backend
            .add_lifted_assign(&mut kb, b.into_eval(self.backend)?.buffer())?;
        Ok(Ciphertext::new(
            self.backend.mod_down(&kb, all)?,
            self.backend.mod_down(&ka, all)?,
            top,
        ))
    }

    fn coefficients(
        &self,
        half: &B::Buffer,
        x: &Ciphertext<B>,
    ) -> Result<Poly<B, Coeff>, EvalError> {
        let bottom = self.params.basis(Level(0));
        let half = self.backend.copy(half, 0..self.batch(x), bottom)?;
        Ok(Poly::<B, Eval>::new(half).into_coeff(self.backend)?)
    }

    /// `x` over the limbs of level 0, as an integer polynomial, times the only pair of a key; over the limbs of the key.
    fn switch_small(
        &self,
        x: &Poly<B, Coeff>,
        key: &SwitchingKey<B>,
        special: &Basis,
    ) -> Result<[B::Buffer; 2], EvalError> {
        let bottom = self.params.basis(Level(0));
        let [key_b, key_a] = key.gadget().pairs.first().ok_or(EvalError::MissingKey {
            kind: "encapsulation",
            level: key.level(),
        })?;
        let basis = self.params.basis(key.level()).union(special);
        let digit = Poly::<B, Coeff>::new(self.backend.mod_up(x.buffer(), bottom, &basis)?);
        let digit = digit.into_eval(self.backend)?;
        Ok([
            self.backend.mul_sum(&[(digit.buffer(), key_b)])?,
            self.backend.mul_sum(&[(digit.buffer(), key_a)])?,
        ])
    }
}

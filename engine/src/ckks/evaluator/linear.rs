//! Linear maps by baby and giant steps, with double hoisting.

use std::borrow::Borrow;

use super::Evaluator;
use crate::backend::{Backend, GadgetKey, Shape};
use crate::ckks::{Ciphertext, EvalError, Level, Plaintext};
use crate::ring::{Basis, GaloisElement, Rotation};

/// The diagonals that one giant step gathers: for each the index of its baby step, and the plaintext.
pub type GiantStep<T> = (Rotation, Vec<(usize, T)>);

impl<B: Backend> Evaluator<'_, B> {
    /// `sum over the giant steps g of rotate(sum of d * rotate(x, baby) over its diagonals, g)`, rescaled once.
    ///
    /// One decomposition serves all baby steps. Their results stay in the modulus times P, and so do the sums of the giant
    /// steps, of which only the second half is brought down, to be decomposed for the giant rotation; one division at the
    /// end (double hoisting: Bossuat, Mouchet, Troncoso-Pastoriza, Hubaux, EUROCRYPT'21). At low levels, where most
    /// limbs would be special ones, every step is brought down instead.
    ///
    /// The plaintexts are encoded over [`map_basis`](Self::map_basis) of the ciphertext's level with its
    /// [`plaintext_scale`](Self::plaintext_scale).
    ///
    /// # Cost
    /// One level. `1 + giants` decompositions, `babies + giants` gadget products, `giants + 1` divisions (two polynomials
    /// only in the last), not counting steps by zero.
    ///
    /// # Errors
    /// [`EvalError::LevelExhausted`] at level 0, [`EvalError::MissingRotation`], [`EvalError::ScaleMismatch`],
    /// [`EvalError::Empty`], [`EvalError::Backend`].
    pub fn linear_map<T: Borrow<Plaintext<B>>>(
        &self,
        x: &Ciphertext<B>,
        babies: &[Rotation],
        giants: &[GiantStep<T>],
    ) -> Result<Ciphertext<B>, EvalError> {
        const OP: &str = "linear map";
        let below = Self::below(OP, x.level())?;
        for (_, diagonals) in giants {
            for (_, diagonal) in diagonals {
                let scale = diagonal.borrow().scale;
                self.check_scale(OP, scale, self.plaintext_scale(x.level()))?;
            }
        }
        let babies = self.baby_steps(x, babies)?;
        let mut total: Option<[B::Buffer; 2]> = None;
        for (giant, diagonals) in giants {
            let sum = self.gather(&babies, diagonals)?;
            let sum = self.giant_step(x, sum, *giant)?;
            match &mut total {
                None => total = Some(sum),
                Some(total) => {
                    for (total, half) in total.iter_mut().zip(&sum) {
                        self.backend.add_assign(total, half)?;
                    }
                }
            }
        }
        let [b, a] = total.ok_or(EvalError::Empty { op: OP })?;
        let to = self.params.basis(below);
        Ok(Ciphertext::new(
            self.backend.mod_down(&b, to)?,
            self.backend.mod_down(&a, to)?,
            below,
        ))
    }

    /// The limbs over which the sums of a linear map are taken at a level: the special ones too, unless they are the more.
    #[must_use]
    pub fn map_basis(&self, level: Level) -> Basis {
        let (limbs, special) = (self.params.basis(level), self.params.ring().special());
        if special.len() < limbs.len() {
            limbs.union(&special)
        } else {
            limbs.clone()
        }
    }

    /// Whether the sums at a level are `P` times what they stand for.
    fn is_extended(&self, level: Level) -> bool {
        self.map_basis(level).len() > self.params.limbs_at(level)
    }

    /// Each rotation of `x` over the map's basis.
    fn baby_steps(
        &self,
        x: &Ciphertext<B>,
        by: &[Rotation],
    ) -> Result<Vec<[B::Buffer; 2]>, EvalError> {
        let keys = by.iter().map(|by| self.rotation_key(x, *by));
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        let a = x.halves()[1];
        let digits = if keys.iter().any(Option::is_some) {
            self.backend.decompose(a)?
        } else {
            Vec::new()
        };
        let steps = keys.into_iter().map(|key| match key {
            None => self.unmoved(x),
            Some(key) => self.baby_step(x, &digits, key),
        });
        steps.collect()
    }

    /// `x` over the map's basis.
    fn unmoved(&self, x: &Ciphertext<B>) -> Result<[B::Buffer; 2], EvalError> {
        let shape = Shape {
            batch: self.batch(x),
            basis: self.map_basis(x.level()),
        };
        let half = |half: &B::Buffer| {
            if !self.is_extended(x.level()) {
                return self.backend.copy(half, 0..shape.batch, &shape.basis);
            }
            let mut lifted = self.backend.alloc(&shape)?;
            self.backend.add_lifted_assign(&mut lifted, half)?;
            Ok(lifted)
        };
        let [b, a] = x.halves();
        Ok([half(b)?, half(a)?])
    }

    fn baby_step(
        &self,
        x: &Ciphertext<B>,
        digits: &[B::Buffer],
        (g, key): (GaloisElement, &GadgetKey<B::Buffer>),
    ) -> Result<[B::Buffer; 2], EvalError> {
        let [b, _] = x.halves();
        let pair = if self.is_extended(x.level()) {
            let [mut kb, ka] = self.backend.gadget_product(digits, key)?;
            self.backend.add_lifted_assign(&mut kb, b)?;
            [kb, ka]
        } else {
            let basis = self.params.basis(x.level());
            self.backend
                .gadget_product_down(digits, key, [Some(b), None], basis)?
        };
        self.moved(pair, g)
    }

    /// `sum of d * baby` over the diagonals of a giant step.
    fn gather<T: Borrow<Plaintext<B>>>(
        &self,
        babies: &[[B::Buffer; 2]],
        diagonals: &[(usize, T)],
    ) -> Result<[B::Buffer; 2], EvalError> {
        let half = |i: usize| {
            let terms = diagonals.iter().filter_map(|(baby, diagonal)| {
                Some((&babies.get(*baby)?[i], diagonal.borrow().poly.buffer()))
            });
            self.backend.mul_sum(&terms.collect::<Vec<_>>())
        };
        Ok([half(0)?, half(1)?])
    }

    /// The rotation of a pair over the map's basis.
    fn giant_step(
        &self,
        x: &Ciphertext<B>,
        [b, a]: [B::Buffer; 2],
        by: Rotation,
    ) -> Result<[B::Buffer; 2], EvalError> {
        let Some((g, key)) = self.rotation_key(x, by)? else {
            return Ok([b, a]);
        };
        let basis = self.params.basis(x.level());
        let pair = if self.is_extended(x.level()) {
            let digits = self.backend.decompose(&self.backend.mod_down(&a, basis)?)?;
            let [mut kb, ka] = self.backend.gadget_product(&digits, key)?;
            self.backend.add_assign(&mut kb, &b)?;
            [kb, ka]
        } else {
            self.backend.key_switch(&a, key, [Some(&b), None], basis)?
        };
        self.moved(pair, g)
    }

    fn moved(&self, [b, a]: [B::Buffer; 2], g: GaloisElement) -> Result<[B::Buffer; 2], EvalError> {
        Ok([
            self.backend.automorphism(&b, g)?,
            self.backend.automorphism(&a, g)?,
        ])
    }
}

//! Rotations and conjugation: key switch, then permute.

use super::Evaluator;
use crate::backend::{Backend, GadgetKey};
use crate::ckks::{Ciphertext, EvalError};
use crate::ring::{GaloisElement, Rotation};

impl<B: Backend> Evaluator<'_, B> {
    /// Rotates the slots of every message of the batch to the left by `by`.
    ///
    /// # Cost
    /// No level, one key switch.
    ///
    /// # Errors
    /// [`EvalError::MissingRotation`].
    pub fn rotate(&self, x: &Ciphertext<B>, by: Rotation) -> Result<Ciphertext<B>, EvalError> {
        match self.rotation_key(x, by)? {
            None => Ok(x.clone()),
            Some((g, key)) => self.automorphism(x, g, key),
        }
    }

    /// Several rotations of one batch, which share one decomposition (hoisting: Halevi, Shoup, CRYPTO'18).
    ///
    /// # Cost
    /// No level. One mod-up of every digit; one gadget product and mod-down for each rotation.
    ///
    /// # Errors
    /// [`EvalError::MissingRotation`].
    pub fn rotate_many(
        &self,
        x: &Ciphertext<B>,
        by: &[Rotation],
    ) -> Result<Vec<Ciphertext<B>>, EvalError> {
        let keys = by
            .iter()
            .map(|by| self.rotation_key(x, *by))
            .collect::<Result<Vec<_>, _>>()?;
        if keys.iter().flatten().count() < 2 {
            return by.iter().map(|by| self.rotate(x, *by)).collect();
        }
        let [b, a] = x.halves();
        let digits = self.backend.decompose(a)?;
        let basis = self.params.basis(x.level());
        let rotated = keys.into_iter().map(|key| {
            let Some((g, key)) = key else {
                return Ok(x.clone());
            };
            let pair = self
                .backend
                .gadget_product_down(&digits, key, [Some(b), None], basis)?;
            self.permute(pair, g, x)
        });
        rotated.collect()
    }

    /// The complex conjugate of every slot.
    ///
    /// # Cost
    /// No level, one key switch.
    ///
    /// # Errors
    /// [`EvalError::MissingKey`].
    pub fn conjugate(&self, x: &Ciphertext<B>) -> Result<Ciphertext<B>, EvalError> {
        let (g, level) = (GaloisElement::conjugation(self.params.degree()), x.level());
        let missing = EvalError::MissingKey {
            kind: "conjugation",
            level,
        };
        let key = self.keys.galois(g, level).ok_or(missing)?;
        self.automorphism(x, g, key)
    }

    /// The element and key of a rotation; nothing for the rotation by zero.
    #[expect(
        clippy::type_complexity,
        reason = "an element with its key, only used here"
    )]
    pub(super) fn rotation_key(
        &self,
        x: &Ciphertext<B>,
        rotation: Rotation,
    ) -> Result<Option<(GaloisElement, &GadgetKey<B::Buffer>)>, EvalError> {
        let (g, level) = (GaloisElement::of(rotation, self.params.degree()), x.level());
        if g.value() == 1 {
            return Ok(None);
        }
        let key = self.keys.galois(g, level);
        key.map(|key| Some((g, key)))
            .ok_or(EvalError::MissingRotation { rotation, level })
    }

    fn automorphism(
        &self,
        x: &Ciphertext<B>,
        g: GaloisElement,
        key: &GadgetKey<B::Buffer>,
    ) -> Result<Ciphertext<B>, EvalError> {
        let [b, a] = x.halves();
        let basis = self.params.basis(x.level());
        let pair = self.backend.key_switch(a, key, [Some(b), None], basis)?;
        self.permute(pair, g, x)
    }

    fn permute(
        &self,
        [b, a]: [B::Buffer; 2],
        g: GaloisElement,
        x: &Ciphertext<B>,
    ) -> Result<Ciphertext<B>, EvalError> {
        let b = self.backend.automorphism(&b, g)?;
        Ok(Ciphertext::new(
            b,
            self.backend.automorphism(&a, g)?,
            x.level(),
        ))
    }
}

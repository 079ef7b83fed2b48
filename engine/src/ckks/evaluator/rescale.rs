//! Moving down the levels.

use super::Evaluator;
use crate::backend::Backend;
use crate::ckks::plaintext::integer;
use crate::ckks::{Ciphertext, EvalError, Level};
use crate::ring::Basis;

/// Bits that the integer constant of a level change should have: it is rounded to a relative `2^-36`.
const CONSTANT_BITS: f64 = 36.0;

impl<B: Backend> Evaluator<'_, B> {
    /// The same message at a lower level (or the same one).
    ///
    /// Restricts to the limbs of both levels and a few of those that go, multiplies by the integer that makes the scale come
    /// out as the canonical one, and divides by the few.
    ///
    /// # Cost
    /// As one rescaling; nothing at the same level.
    ///
    /// # Errors
    /// [`EvalError::LevelRaised`] for a higher level.
    pub fn lower(&self, x: &Ciphertext<B>, to: Level) -> Result<Ciphertext<B>, EvalError> {
        if to == x.level() {
            return Ok(x.clone());
        }
        if to > x.level() {
            return Err(EvalError::LevelRaised {
                op: "lower",
                from: x.level(),
                to,
            });
        }
        let target = self.params.basis(to);
        let between = self.between(x.level(), to);
        let step = self.params.rescale_factor(&between, target);
        let factor = self.params.scale(to) * step / self.params.scale(x.level());
        let factor = integer(factor, 1.0)?;
        let constants: Vec<_> = between
            .iter()
            .map(|limb| self.params.ring().modulus(limb).reduce_signed(factor))
            .collect();
        let half = |i: usize| {
            let mut half = self
                .backend
                .copy(x.halves()[i], 0..self.batch(x), &between)?;
            self.backend.scale_assign(&mut half, &constants)?;
            self.backend.mod_down(&half, target)
        };
        Ok(Ciphertext::new(half(0)?, half(1)?, to))
    }

    /// The limbs of both levels and enough of those that go.
    fn between(&self, from: Level, to: Level) -> Basis {
        let ring = self.params.ring();
        let (source, target) = (self.params.basis(from), self.params.basis(to));
        let mut needed = CONSTANT_BITS + ring.log2(&target.difference(source));
        let going = source.difference(target);
        let extra = going.iter().take_while(|limb| {
            let take = needed > 0.0;
            needed -= f64::from(ring.modulus(*limb).value()).log2();
            take
        });
        let extra: Vec<_> = extra.collect();
        source.intersection(target).union(&Basis::new(extra))
    }
}

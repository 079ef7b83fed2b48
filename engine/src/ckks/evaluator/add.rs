//! Sums and differences with ciphertexts, plaintexts and constants; products that cost no level.

use super::Evaluator;
use crate::backend::Backend;
use crate::ckks::plaintext::integer;
use crate::ckks::{Ciphertext, EvalError, Level, Plaintext};

impl<B: Backend> Evaluator<'_, B> {
    /// `a + b`.
    ///
    /// # Cost
    /// No level; if the levels differ, one rescaling of the higher operand.
    ///
    /// # Errors
    /// [`EvalError::Backend`] if the batches do not fit.
    pub fn add(&self, a: &Ciphertext<B>, b: &Ciphertext<B>) -> Result<Ciphertext<B>, EvalError> {
        let (a, b) = if self.batch(a) < self.batch(b) {
            (b, a)
        } else {
            (a, b)
        };
        let level = a.level().min(b.level());
        let (a, b) = (self.lower(a, level)?, self.lower(b, level)?);
        self.each_half(&a, |half, i| self.backend.add_assign(half, b.halves()[i]))
    }

    /// `a - b`.
    ///
    /// # Cost
    /// As [`add`](Self::add).
    ///
    /// # Errors
    /// [`EvalError::Backend`] if the batches do not fit.
    pub fn sub(&self, a: &Ciphertext<B>, b: &Ciphertext<B>) -> Result<Ciphertext<B>, EvalError> {
        if self.batch(a) < self.batch(b) {
            return self.add(&self.mul_integer(b, -1)?, a);
        }
        let level = a.level().min(b.level());
        let (a, b) = (self.lower(a, level)?, self.lower(b, level)?);
        self.each_half(&a, |half, i| self.backend.sub_assign(half, b.halves()[i]))
    }

    /// The sum of a batch.
    ///
    /// # Errors
    /// Those of the device.
    pub fn sum(&self, x: &Ciphertext<B>) -> Result<Ciphertext<B>, EvalError> {
        let [b, a] = x.halves();
        Ok(Ciphertext::new(
            self.backend.sum(b)?,
            self.backend.sum(a)?,
            x.level(),
        ))
    }

    /// `a + b` for a plaintext encoded at the level of `a` or above, with the canonical scale of the level of `a`.
    ///
    /// # Errors
    /// [`EvalError::ScaleMismatch`] for another scale, [`EvalError::Backend`] if the batches do not fit.
    pub fn add_plain(
        &self,
        a: &Ciphertext<B>,
        b: &Plaintext<B>,
    ) -> Result<Ciphertext<B>, EvalError> {
        self.check_scale("add plaintext", b.scale, self.params.scale(a.level()))?;
        self.each_half(a, |half, i| match i {
            0 => self.backend.add_assign(half, b.poly.buffer()),
            _ => Ok(()),
        })
    }

    /// `a + c` in every slot.
    ///
    /// # Errors
    /// [`EvalError::OutOfRange`] if `c` times the scale does not fit 62 bits.
    pub fn add_const(&self, a: &Ciphertext<B>, c: f64) -> Result<Ciphertext<B>, EvalError> {
        let scale = self.params.scale(a.level());
        let constants = self.constants(a.level(), integer(c * scale, scale)?);
        self.each_half(a, |half, i| match i {
            0 => self.backend.add_constant_assign(half, &constants),
            _ => Ok(()),
        })
    }

    /// `c * a` for an integer. No level.
    ///
    /// # Errors
    /// Those of the device.
    pub fn mul_integer(&self, a: &Ciphertext<B>, c: i32) -> Result<Ciphertext<B>, EvalError> {
        let constants = self.constants(a.level(), i64::from(c));
        self.each_half(a, |half, _| self.backend.scale_assign(half, &constants))
    }

    /// `i * a`. No level, no key switch.
    ///
    /// # Errors
    /// Those of the device.
    pub fn mul_i(&self, a: &Ciphertext<B>) -> Result<Ciphertext<B>, EvalError> {
        let monomial = self.monomial()?.buffer();
        let [b, half] = a.halves();
        let b = self.backend.mul_sum(&[(b, monomial)])?;
        Ok(Ciphertext::new(
            b,
            self.backend.mul_sum(&[(half, monomial)])?,
            a.level(),
        ))
    }

    /// The batches one after the other, at their lowest level.
    ///
    /// # Errors
    /// [`EvalError::Empty`] without parts.
    pub fn stack(&self, parts: &[&Ciphertext<B>]) -> Result<Ciphertext<B>, EvalError> {
        let parts = self.aligned(parts)?;
        let level = parts
            .first()
            .ok_or(EvalError::Empty { op: "stack" })?
            .level();
        let basis = self.params.basis(level);
        let half = |i: usize| {
            let halves: Vec<_> = parts.iter().map(|part| part.halves()[i]).collect();
            self.backend.stack(&halves, basis)
        };
        Ok(Ciphertext::new(half(0)?, half(1)?, level))
    }

    /// Some ciphertexts of a batch.
    ///
    /// # Errors
    /// [`EvalError::Backend`] for a range beyond the batch.
    pub fn entries(
        &self,
        x: &Ciphertext<B>,
        range: std::ops::Range<usize>,
    ) -> Result<Ciphertext<B>, EvalError> {
        let [b, a] = x.halves();
        let basis = self.params.basis(x.level());
        let b = self.backend.copy(b, range.clone(), basis)?;
        Ok(Ciphertext::new(
            b,
            self.backend.copy(a, range, basis)?,
            x.level(),
        ))
    }

    /// One integer as a constant of each limb of a level.
    pub(super) fn constants(&self, level: Level, c: i64) -> Vec<u32> {
        let limbs = self.params.basis(level).iter();
        limbs
            .map(|limb| self.params.ring().modulus(limb).reduce_signed(c))
            .collect()
    }

    /// Scales are exact but for the rounding of doubles.
    pub(super) fn check_scale(
        &self,
        op: &'static str,
        found: f64,
        expected: f64,
    ) -> Result<(), EvalError> {
        if (found / expected - 1.0).abs() < 1e-9 {
            return Ok(());
        }
        Err(EvalError::ScaleMismatch {
            op,
            found: found.log2(),
            expected: expected.log2(),
        })
    }

    /// A copy with both halves changed in place.
    fn each_half(
        &self,
        x: &Ciphertext<B>,
        change: impl Fn(&mut B::Buffer, usize) -> Result<(), crate::backend::BackendError>,
    ) -> Result<Ciphertext<B>, EvalError> {
        let basis = self.params.basis(x.level());
        let half = |i: usize| {
            let mut half = self.backend.copy(x.halves()[i], 0..self.batch(x), basis)?;
            change(&mut half, i)?;
            Ok::<_, EvalError>(half)
        };
        Ok(Ciphertext::new(half(0)?, half(1)?, x.level()))
    }
}

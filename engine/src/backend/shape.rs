//! How many polynomials over which limbs, and which shapes go together.

use std::ops::Range;

use super::BackendError;
use crate::ring::Basis;

/// The shape of a buffer: `batch` polynomials over the limbs of `basis`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shape {
    /// Polynomials.
    pub batch: usize,
    /// Limbs of each.
    pub basis: Basis,
}

impl Shape {
    /// Rows of `N` words.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.batch * self.basis.len()
    }

    /// Checks that there are the limbs of `needed`.
    ///
    /// # Errors
    /// [`BackendError::Basis`].
    pub fn check_limbs(&self, op: &'static str, needed: &Basis) -> Result<(), BackendError> {
        if self.basis.contains(needed) {
            return Ok(());
        }
        Err(BackendError::Basis {
            op,
            expected: needed.len(),
            found: self.basis.len(),
        })
    }

    /// Checks that `right` can be used with every polynomial and limb of this shape.
    ///
    /// # Errors
    /// [`BackendError::Basis`], [`BackendError::Batch`].
    pub fn check_operand(&self, op: &'static str, right: &Self) -> Result<(), BackendError> {
        right.check_limbs(op, &self.basis)?;
        if right.batch != 1 && right.batch != self.batch {
            return Err(BackendError::Batch {
                op,
                left: self.batch,
                right: right.batch,
            });
        }
        Ok(())
    }

    /// Checks a number of per-limb constants.
    ///
    /// # Errors
    /// [`BackendError::Words`].
    pub fn check_constants(&self, op: &'static str, found: usize) -> Result<(), BackendError> {
        check_words(op, self.basis.len(), found)
    }

    /// Checks a number of words for polynomials of this degree.
    ///
    /// # Errors
    /// [`BackendError::Words`].
    pub fn check_words(
        &self,
        op: &'static str,
        degree: usize,
        found: usize,
    ) -> Result<(), BackendError> {
        check_words(op, self.rows() * degree, found)
    }

    /// The shape of some polynomials over some limbs of this one.
    ///
    /// # Errors
    /// [`BackendError::Batch`] for polynomials that are not there or none at all, [`BackendError::Basis`].
    pub fn part(
        &self,
        op: &'static str,
        batch: &Range<usize>,
        basis: &Basis,
    ) -> Result<Self, BackendError> {
        if batch.end > self.batch || batch.is_empty() {
            let (left, right) = (self.batch, batch.end);
            return Err(BackendError::Batch { op, left, right });
        }
        self.check_limbs(op, basis)?;
        Ok(Self {
            batch: batch.len(),
            basis: basis.clone(),
        })
    }

    /// The shape of all polynomials of all parts, over limbs that each of them has.
    ///
    /// # Errors
    /// [`BackendError::Basis`], [`BackendError::Empty`].
    pub fn stack<'a>(
        op: &'static str,
        parts: impl IntoIterator<Item = &'a Self>,
        basis: &Basis,
    ) -> Result<Self, BackendError> {
        let mut batch = 0;
        for part in parts {
            part.check_limbs(op, basis)?;
            batch += part.batch;
        }
        if batch == 0 {
            return Err(BackendError::Empty { op });
        }
        let basis = basis.clone();
        Ok(Self { batch, basis })
    }

    /// The shape of a sum over operands: that of the first, with which all others can be used.
    ///
    /// # Errors
    /// [`BackendError::Empty`], [`BackendError::Basis`], [`BackendError::Batch`].
    pub fn sum<'a>(
        op: &'static str,
        operands: impl IntoIterator<Item = &'a Self>,
    ) -> Result<&'a Self, BackendError> {
        let mut operands = operands.into_iter();
        let first = operands.next().ok_or(BackendError::Empty { op })?;
        for operand in operands {
            first.check_operand(op, operand)?;
        }
        Ok(first)
    }
}

fn check_words(op: &'static str, expected: usize, found: usize) -> Result<(), BackendError> {
    if found == expected {
        return Ok(());
    }
    Err(BackendError::Words {
        op,
        expected,
        found,
    })
}

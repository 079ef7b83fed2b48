//! The operations a program over slot vectors may use.

use num_complex::Complex64;
use std::ops::Range;

use super::Phase;
use crate::ckks::{EvalError, GiantStep, Level};
use crate::ring::Rotation;

/// Which parts of the slots carry values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Parts {
    /// Real vectors: what is in the imaginary parts is noise, and may be dropped.
    Real,
    /// Both parts: two real vectors as one.
    Complex,
}

/// A machine on which programs over slot vectors run: ciphertexts, or clear vectors in their place.
///
/// A [`Vector`](Slots::Vector) is a *batch* of slot vectors (at least one) that share one level. A two-operand
/// operation works entry by entry; an operand whose batch is one is used with every entry of the other. Operands of
/// different levels meet at the lower one. Scales are nobody's business up here: every result is at the canonical
/// scale of its level.
pub trait Slots {
    /// A batch of slot vectors at one level.
    type Vector: Clone;
    /// A slot vector known to everybody, prepared for use at any level; a batch of one.
    type Plain: Clone;

    /// Complex slots in a vector.
    fn slots(&self) -> usize;
    /// Vectors in the batch.
    fn batch(&self, x: &Self::Vector) -> usize;
    /// Rescalings left.
    fn level(&self, x: &Self::Vector) -> Level;

    /// Does `work`, of which the machine may tell that it belongs to `phase`. Within it, other phases may be entered and left.
    fn within<T>(&self, phase: Phase, work: impl FnOnce() -> T) -> T;

    /// The batches one after the other, at the lowest of their levels.
    ///
    /// # Errors
    /// [`EvalError::Empty`] without parts.
    fn stack(&self, parts: &[&Self::Vector]) -> Result<Self::Vector, EvalError>;
    /// Some entries of a batch.
    ///
    /// # Errors
    /// [`EvalError::Batch`] if the range is empty or reaches beyond the batch.
    fn entries(&self, x: &Self::Vector, range: Range<usize>) -> Result<Self::Vector, EvalError>;

    /// Prepares a known vector of [`slots`](Slots::slots) values.
    ///
    /// # Errors
    /// [`EvalError::SlotCount`] for any other length.
    fn plain(&self, values: &[Complex64]) -> Result<Self::Plain, EvalError>;

    /// Prepares a known vector of [`slots`](Slots::slots) values for one use only, as a diagonal of a
    /// [`linear_map`](Slots::linear_map) at `level`: now, and keeping nothing else.
    ///
    /// # Errors
    /// As [`plain`](Slots::plain); [`EvalError::OutOfRange`] for values too large.
    fn diagonal(&self, values: &[Complex64], level: Level) -> Result<Self::Plain, EvalError>;

    /// `a + b`. No level.
    ///
    /// # Errors
    /// [`EvalError::Batch`] if the batches do not fit.
    fn add(&self, a: &Self::Vector, b: &Self::Vector) -> Result<Self::Vector, EvalError>;
    /// `a - b`. No level.
    ///
    /// # Errors
    /// [`EvalError::Batch`] if the batches do not fit.
    fn sub(&self, a: &Self::Vector, b: &Self::Vector) -> Result<Self::Vector, EvalError>;
    /// The sum over the batch; a batch of one. No level.
    ///
    /// # Errors
    /// Those of the backend.
    fn sum(&self, x: &Self::Vector) -> Result<Self::Vector, EvalError>;
    /// `a + b` for a known `b`. No level.
    ///
    /// # Errors
    /// Those of the backend.
    fn add_plain(&self, a: &Self::Vector, b: &Self::Plain) -> Result<Self::Vector, EvalError>;
    /// `a + c` in every slot. No level.
    ///
    /// # Errors
    /// Those of the backend.
    fn add_const(&self, a: &Self::Vector, c: f64) -> Result<Self::Vector, EvalError>;

    /// `a * b`, slot by slot. One level, one key switch per entry.
    ///
    /// # Errors
    /// [`EvalError::LevelExhausted`] at level 0, [`EvalError::Batch`], [`EvalError::MissingKey`].
    fn mul(&self, a: &Self::Vector, b: &Self::Vector) -> Result<Self::Vector, EvalError> {
        self.dot(&[(a, b)])
    }
    /// `sum of a * b` over the pairs, entry by entry, relinearized and rescaled once. One level, one key switch per
    /// entry of the result.
    ///
    /// # Errors
    /// [`EvalError::LevelExhausted`], [`EvalError::Batch`], [`EvalError::MissingKey`], [`EvalError::Empty`].
    fn dot(&self, pairs: &[(&Self::Vector, &Self::Vector)]) -> Result<Self::Vector, EvalError> {
        self.quadratic(pairs, &[], 0.0)
    }
    /// `sum of a * b + sum of c * a + constant` over pairs (at least one) and terms, relinearized and rescaled once. One
    /// level, one key switch per entry of the result.
    ///
    /// # Errors
    /// [`EvalError::LevelExhausted`], [`EvalError::Batch`], [`EvalError::MissingKey`], [`EvalError::Empty`].
    fn quadratic(
        &self,
        pairs: &[(&Self::Vector, &Self::Vector)],
        terms: &[(&Self::Vector, f64)],
        constant: f64,
    ) -> Result<Self::Vector, EvalError>;
    /// `a * b` for a known `b`. One level.
    ///
    /// # Errors
    /// [`EvalError::LevelExhausted`] at level 0.
    fn mul_plain(&self, a: &Self::Vector, b: &Self::Plain) -> Result<Self::Vector, EvalError> {
        self.dot_plain(&[(a, b)])
    }
    /// `sum of a * b` over the terms for known `b`, entry by entry, rescaled once. One level.
    ///
    /// # Errors
    /// [`EvalError::LevelExhausted`], [`EvalError::Batch`], [`EvalError::Empty`].
    fn dot_plain(&self, terms: &[(&Self::Vector, &Self::Plain)])
    -> Result<Self::Vector, EvalError>;
    /// `sum of c * a + constant` over the terms, rescaled once. One level.
    ///
    /// # Errors
    /// [`EvalError::LevelExhausted`], [`EvalError::Batch`], [`EvalError::Empty`].
    fn linear_combination(
        &self,
        terms: &[(&Self::Vector, f64)],
        constant: f64,
    ) -> Result<Self::Vector, EvalError>;
    /// `c * a` for a small integer `c` (doublings and sign changes). No level.
    ///
    /// # Errors
    /// Those of the backend.
    fn mul_integer(&self, a: &Self::Vector, c: i32) -> Result<Self::Vector, EvalError>;
    /// `i * a`: a product by the monomial `X^(N/2)`. No level, no key switch.
    ///
    /// # Errors
    /// Those of the backend.
    fn mul_i(&self, a: &Self::Vector) -> Result<Self::Vector, EvalError>;

    /// The slots moved to the left, cyclically. No level, one key switch per entry.
    ///
    /// # Errors
    /// [`EvalError::MissingRotation`].
    fn rotate(&self, a: &Self::Vector, by: Rotation) -> Result<Self::Vector, EvalError>;
    /// Several rotations of the same vector, which share one decomposition (hoisting).
    ///
    /// # Errors
    /// [`EvalError::MissingRotation`].
    fn rotate_many(
        &self,
        a: &Self::Vector,
        by: &[Rotation],
    ) -> Result<Vec<Self::Vector>, EvalError>;
    /// `sum over the giant steps g of rotate(sum of d * rotate(a, baby) over its diagonals, g)`, a diagonal `d` given with
    /// the index of its baby step. One level; one hoisted rotation for each baby step and one rotation for each giant step,
    /// but for steps by zero.
    ///
    /// # Errors
    /// [`EvalError::LevelExhausted`], [`EvalError::MissingRotation`], [`EvalError::Empty`].
    fn linear_map(
        &self,
        a: &Self::Vector,
        babies: &[Rotation],
        giants: &[GiantStep<Self::Plain>],
    ) -> Result<Self::Vector, EvalError>;
    /// The complex conjugate. No level, one key switch per entry.
    ///
    /// # Errors
    /// [`EvalError::MissingKey`].
    fn conjugate(&self, a: &Self::Vector) -> Result<Self::Vector, EvalError>;

    /// The same values at a lower level (or the same one).
    ///
    /// # Errors
    /// [`EvalError::LevelRaised`] for a higher one.
    fn lower(&self, a: &Self::Vector, to: Level) -> Result<Self::Vector, EvalError>;
    /// The same values at `to`, whatever level they are at now: by the data owner or by bootstrapping.
    ///
    /// # Range
    /// Real and imaginary parts in `[-bound, bound]`.
    ///
    /// # Cost
    /// By bootstrapping, real vectors take about four fifths of the time of complex ones.
    ///
    /// # Errors
    /// [`EvalError::Refresh`], [`EvalError::OutOfRange`] where it can be seen.
    fn refresh(
        &self,
        a: &Self::Vector,
        to: Level,
        bound: f64,
        parts: Parts,
    ) -> Result<Self::Vector, EvalError>;
}

//! Limb-wise arithmetic.

use super::{BackendError, Transfer};
use crate::arith::Word;
use crate::ring::GaloisElement;

/// Two ciphertexts to multiply: `(a0, a1)` and `(b0, b1)`.
pub type PairOfPairs<'a, Buffer> = ([&'a Buffer; 2], [&'a Buffer; 2]);

/// Arithmetic that treats every limb alike. All residues are canonical before and after.
pub trait RingOps: Transfer {
    /// Coefficients to evaluations, in place.
    ///
    /// # Errors
    /// Those of the device.
    fn ntt(&self, x: &mut Self::Buffer) -> Result<(), BackendError>;

    /// Evaluations to coefficients, in place.
    ///
    /// # Errors
    /// Those of the device.
    fn intt(&self, x: &mut Self::Buffer) -> Result<(), BackendError>;

    /// `acc += x`.
    ///
    /// # Errors
    /// [`BackendError::Basis`], [`BackendError::Batch`].
    fn add_assign(&self, acc: &mut Self::Buffer, x: &Self::Buffer) -> Result<(), BackendError>;

    /// `acc -= x`.
    ///
    /// # Errors
    /// [`BackendError::Basis`], [`BackendError::Batch`].
    fn sub_assign(&self, acc: &mut Self::Buffer, x: &Self::Buffer) -> Result<(), BackendError>;

    /// `x *= c` with one constant in `[0, q)` for each limb of `x`.
    ///
    /// # Errors
    /// [`BackendError::Words`] for another number of constants.
    fn scale_assign(&self, x: &mut Self::Buffer, constants: &[Word]) -> Result<(), BackendError>;

    /// Adds one constant in `[0, q)` for each limb to every word of it: in the evaluation domain, a constant polynomial.
    ///
    /// # Errors
    /// [`BackendError::Words`] for another number of constants.
    fn add_constant_assign(
        &self,
        x: &mut Self::Buffer,
        constants: &[Word],
    ) -> Result<(), BackendError>;

    /// `sum of a * b` over the terms, point by point, on the limbs and the batch of the first `a`.
    ///
    /// # Errors
    /// [`BackendError::Basis`], [`BackendError::Batch`], [`BackendError::Empty`].
    fn mul_sum(
        &self,
        terms: &[(&Self::Buffer, &Self::Buffer)],
    ) -> Result<Self::Buffer, BackendError>;

    /// `sum of c * a` over the terms with one constant in `[0, q)` for each limb of the first `a`, on its limbs and batch.
    ///
    /// # Errors
    /// [`BackendError::Basis`], [`BackendError::Batch`], [`BackendError::Words`], [`BackendError::Empty`].
    fn scale_sum(&self, terms: &[(&Self::Buffer, &[Word])]) -> Result<Self::Buffer, BackendError>;

    /// The sum of the polynomials of a batch; a batch of one.
    ///
    /// # Errors
    /// Those of the device.
    fn sum(&self, x: &Self::Buffer) -> Result<Self::Buffer, BackendError>;

    /// The image under `X -> X^g`, in the evaluation domain.
    ///
    /// # Errors
    /// Those of the device.
    fn automorphism(
        &self,
        x: &Self::Buffer,
        g: GaloisElement,
    ) -> Result<Self::Buffer, BackendError>;

    /// `sum of (a0 + a1 s)(b0 + b1 s)` over the pairs, as the coefficients of `1, s, s^2`. Provided as sums of products;
    /// override to read each operand once.
    ///
    /// # Errors
    /// [`BackendError::Basis`], [`BackendError::Batch`], [`BackendError::Empty`].
    fn tensor_sum(
        &self,
        pairs: &[PairOfPairs<'_, Self::Buffer>],
    ) -> Result<[Self::Buffer; 3], BackendError> {
        let terms = |i: usize, j: usize| pairs.iter().map(move |(a, b)| (a[i], b[j]));
        Ok([
            self.mul_sum(&terms(0, 0).collect::<Vec<_>>())?,
            self.mul_sum(&terms(0, 1).chain(terms(1, 0)).collect::<Vec<_>>())?,
            self.mul_sum(&terms(1, 1).collect::<Vec<_>>())?,
        ])
    }
}

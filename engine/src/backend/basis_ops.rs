//! Conversions between bases.

use super::{BackendError, RingOps};
use crate::ring::Basis;

/// Conversions between bases.
pub trait BasisOps: RingOps {
    /// The integer of least magnitude that the limbs `digit` of `x` name, modulo each limb of `to`; in the coefficient
    /// domain. Rows of `to` that are in `digit` are copied.
    ///
    /// # Errors
    /// [`BackendError::Basis`] if `x` lacks a limb of the digit.
    fn mod_up(
        &self,
        x: &Self::Buffer,
        digit: &Basis,
        to: &Basis,
    ) -> Result<Self::Buffer, BackendError>;

    /// `round(x * R / D)` in the evaluation domain, where `D` is the product of the limbs that `to` lacks and `R` that of the
    /// limbs that it has beyond `x`: mod-down, rescale and rational rescale.
    ///
    /// # Cost
    /// Transforms of the limbs that go and of all that stay; one base conversion.
    ///
    /// # Errors
    /// Those of the device.
    fn mod_down(&self, x: &Self::Buffer, to: &Basis) -> Result<Self::Buffer, BackendError>;

    /// `acc += P * x` on the ordinary limbs of `acc`, `P` the product of the special ones: lifts `x` to where a
    /// [`mod_down`](BasisOps::mod_down) by `P` brings it back exactly.
    ///
    /// # Errors
    /// [`BackendError::Basis`], [`BackendError::Batch`].
    fn add_lifted_assign(
        &self,
        acc: &mut Self::Buffer,
        x: &Self::Buffer,
    ) -> Result<(), BackendError>;
}

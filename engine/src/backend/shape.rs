//! How many polynomials over which limbs.

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
}

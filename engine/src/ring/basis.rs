//! Which limbs a polynomial has.

use std::sync::Arc;

/// The index of a modulus in [`RingContext::moduli`](super::RingContext::moduli).
pub type LimbIndex = usize;

/// A set of limbs, in ascending order. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Basis(Arc<[LimbIndex]>);

impl Basis {
    /// The set of these limbs.
    #[must_use]
    pub fn new(limbs: impl IntoIterator<Item = LimbIndex>) -> Self {
        let mut limbs: Vec<_> = limbs.into_iter().collect();
        limbs.sort_unstable();
        limbs.dedup();
        Self(limbs.into())
    }

    /// Number of limbs.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no limb.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The limbs in row order.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = LimbIndex> + '_ {
        self.0.iter().copied()
    }

    /// The row of a limb.
    #[must_use]
    pub fn row(&self, limb: LimbIndex) -> Option<usize> {
        self.0.binary_search(&limb).ok()
    }

    /// Whether every limb of `other` is here.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        other.iter().all(|limb| self.row(limb).is_some())
    }

    /// The limbs of both.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self::new(self.iter().chain(other.iter()))
    }

    /// The limbs here that `other` has too.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self::new(self.iter().filter(|limb| other.row(*limb).is_some()))
    }

    /// The limbs here that `other` has not.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        Self::new(self.iter().filter(|limb| other.row(*limb).is_none()))
    }
}

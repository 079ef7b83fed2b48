//! Which limbs form which gadget digit of hybrid key switching.

use super::{Basis, LimbIndex};

/// The index of a gadget digit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digit(pub usize);

/// The partition of the ordinary limbs into digits, made once; at a level, a digit is its intersection with the level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DigitLayout {
    digits: Vec<Basis>,
}

impl DigitLayout {
    /// Consecutive limbs, at most `size` in a digit.
    #[must_use]
    pub fn consecutive(limbs: usize, size: usize) -> Self {
        let starts = (0..limbs).step_by(size.max(1));
        let digits = starts
            .map(|i| Basis::new(i..(i + size).min(limbs)))
            .collect();
        Self { digits }
    }

    /// Number of digits.
    #[must_use]
    pub fn len(&self) -> usize {
        self.digits.len()
    }

    /// Whether there is no digit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.digits.is_empty()
    }

    /// The limbs of a digit.
    #[must_use]
    pub fn limbs(&self, digit: Digit) -> Option<&Basis> {
        self.digits.get(digit.0)
    }

    /// The digit that holds a limb.
    #[must_use]
    pub fn digit_of(&self, limb: LimbIndex) -> Option<Digit> {
        self.digits
            .iter()
            .position(|digit| digit.row(limb).is_some())
            .map(Digit)
    }

    /// The digits that are not empty at a level, with their limbs there.
    #[must_use]
    pub fn at(&self, basis: &Basis) -> Vec<(Digit, Basis)> {
        let digits = self.digits.iter().enumerate();
        digits
            .map(|(i, digit)| (Digit(i), digit.intersection(basis)))
            .filter(|(_, limbs)| !limbs.is_empty())
            .collect()
    }
}

//! A constant factor with its precomputed quotient (Shoup's modular product).

use super::{Modulus, WORD_BITS, WideWord, Word};

/// `w` in `[0, q)` together with `floor(w * 2^32 / q)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShoupFactor {
    value: Word,
    quotient: Word,
}

impl ShoupFactor {
    /// The factor `value` in `[0, q)`.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "value < q, so the quotient is below 2^32"
    )]
    pub const fn new(value: Word, q: Modulus) -> Self {
        debug_assert!(value < q.value());
        let quotient = (((value as WideWord) << WORD_BITS) / q.value() as WideWord) as Word;
        Self { value, quotient }
    }

    /// `w`.
    #[must_use]
    pub const fn value(self) -> Word {
        self.value
    }

    /// `floor(w * 2^32 / q)`.
    #[must_use]
    pub const fn quotient(self) -> Word {
        self.quotient
    }
}

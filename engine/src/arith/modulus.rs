//! Arithmetic modulo one word-sized prime.

use super::{MAX_MODULUS_BITS, ShoupFactor, WORD_BITS, WideWord, Word};

/// Why a number cannot be a modulus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModulusError {
    /// Even, too small or too large.
    #[error("modulus {0} is not an odd number in [3, 2^{MAX_MODULUS_BITS})")]
    OutOfRange(u64),
}

/// An odd modulus below `2^30`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Modulus {
    value: Word,
}

impl Modulus {
    /// Checks `value`; primality is the caller's business.
    ///
    /// # Errors
    /// [`ModulusError::OutOfRange`] unless `value` is odd and in `[3, 2^30)`.
    pub const fn new(value: u64) -> Result<Self, ModulusError> {
        if value < 3 || value >> MAX_MODULUS_BITS != 0 || value.is_multiple_of(2) {
            return Err(ModulusError::OutOfRange(value));
        }
        #[expect(clippy::cast_possible_truncation, reason = "checked: below 2^30")]
        Ok(Self {
            value: value as Word,
        })
    }

    /// The modulus itself.
    #[must_use]
    pub const fn value(self) -> Word {
        self.value
    }

    /// `a + b mod q` for `a` and `b` in `[0, q)`.
    #[must_use]
    pub const fn add(self, a: Word, b: Word) -> Word {
        debug_assert!(a < self.value && b < self.value);
        self.reduce_2q(a + b)
    }

    /// `a - b mod q` for `a` and `b` in `[0, q)`.
    #[must_use]
    pub const fn sub(self, a: Word, b: Word) -> Word {
        debug_assert!(a < self.value && b < self.value);
        self.reduce_2q(a + self.value - b)
    }

    /// `-a mod q` for `a` in `[0, q)`.
    #[must_use]
    pub const fn neg(self, a: Word) -> Word {
        debug_assert!(a < self.value);
        self.reduce_2q(self.value - a)
    }

    /// `a * b mod q` for any words `a` and `b`.
    #[must_use]
    pub const fn mul(self, a: Word, b: Word) -> Word {
        self.reduce_wide(a as WideWord * b as WideWord)
    }

    /// `a mod q` for any wide word.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a remainder is below q < 2^30"
    )]
    pub const fn reduce_wide(self, a: WideWord) -> Word {
        (a % self.value as WideWord) as Word
    }

    /// `a mod q` for any signed number.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a remainder is below q < 2^30"
    )]
    pub const fn reduce_signed(self, a: i64) -> Word {
        a.rem_euclid(self.value as i64) as Word
    }

    /// `a mod q` for `a` in `[0, 2q)`.
    #[must_use]
    pub const fn reduce_2q(self, a: Word) -> Word {
        debug_assert!((a as WideWord) < 2 * self.value as WideWord);
        if a >= self.value { a - self.value } else { a }
    }

    /// `a mod q` for `a` in `[0, 4q)`.
    #[must_use]
    pub const fn reduce_4q(self, a: Word) -> Word {
        debug_assert!((a as WideWord) < 4 * self.value as WideWord);
        let two_q = 2 * self.value;
        self.reduce_2q(if a >= two_q { a - two_q } else { a })
    }

    /// `a * w mod q`, not fully reduced: for any word `a` the result is in `[0, 2q)`.
    #[must_use]
    pub const fn mul_shoup_lazy(self, a: Word, w: ShoupFactor) -> Word {
        let quotient = ((a as WideWord * w.quotient() as WideWord) >> WORD_BITS) as Word;
        a.wrapping_mul(w.value())
            .wrapping_sub(quotient.wrapping_mul(self.value))
    }

    /// `a * w mod q` for any word `a`.
    #[must_use]
    pub const fn mul_shoup(self, a: Word, w: ShoupFactor) -> Word {
        self.reduce_2q(self.mul_shoup_lazy(a, w))
    }

    /// `base^exponent mod q`.
    #[must_use]
    pub const fn pow(self, base: Word, mut exponent: u64) -> Word {
        let (mut square, mut power) = (self.reduce_wide(base as WideWord), 1);
        while exponent > 0 {
            if exponent & 1 == 1 {
                power = self.mul(power, square);
            }
            square = self.mul(square, square);
            exponent >>= 1;
        }
        power
    }

    /// The inverse of `a` for a prime modulus and `a` not divisible by it.
    #[must_use]
    pub const fn inv(self, a: Word) -> Word {
        debug_assert!(!a.is_multiple_of(self.value));
        self.pow(a, self.value as u64 - 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const Q: [u64; 3] = [1_073_479_681, 813_432_833, 27_000_833];

    proptest! {
        #[test]
        fn shoup_product_is_the_product(a: Word, w: Word, i in 0usize..3) {
            let q = Modulus::new(Q[i]).unwrap();
            let w = w % q.value();
            prop_assert_eq!(q.mul_shoup(a, ShoupFactor::new(w, q)), q.mul(a, w));
        }

        #[test]
        fn inverse_undoes_the_product(a in 1u32..27_000_833, i in 0usize..3) {
            let q = Modulus::new(Q[i]).unwrap();
            prop_assert_eq!(q.mul(a, q.inv(a)), 1);
        }

        #[test]
        fn add_sub_neg_agree(a in 0u32..27_000_833, b in 0u32..27_000_833) {
            let q = Modulus::new(Q[2]).unwrap();
            prop_assert_eq!(q.sub(a, b), q.add(a, q.neg(b)));
            prop_assert_eq!(q.add(a, b), q.reduce_wide(u64::from(a) + u64::from(b)));
        }
    }

    #[test]
    fn moduli_out_of_range_are_refused() {
        for value in [0, 1, 2, 4, 1 << 30, (1 << 30) + 1] {
            assert!(Modulus::new(value).is_err());
        }
    }
}

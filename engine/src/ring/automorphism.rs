//! Rotations of slots, and the automorphisms `X -> X^g` that make them.

use crate::arith::bit_reverse;

/// A rotation of the slots to the left by this many places; negative: to the right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Rotation(pub i32);

/// The odd exponent `g` of an automorphism `X -> X^g`, modulo `2N`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GaloisElement(u32);

impl GaloisElement {
    /// `5^rotation mod 2N`: moves slot `j + rotation` to slot `j`.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "residues modulo 2N <= 2^18"
    )]
    pub fn of(rotation: Rotation, degree: usize) -> Self {
        let order = degree as u64;
        let mut exponent = i64::from(rotation.0).rem_euclid(degree as i64 / 2) as u64;
        let (mut square, mut power) = (5, 1);
        while exponent > 0 {
            if exponent & 1 == 1 {
                power = power * square % (2 * order);
            }
            square = square * square % (2 * order);
            exponent >>= 1;
        }
        Self(power as u32)
    }

    /// `2N - 1`: complex conjugation of every slot.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "2N <= 2^18")]
    pub const fn conjugation(degree: usize) -> Self {
        Self(2 * degree as u32 - 1)
    }

    /// The exponent.
    #[must_use]
    pub const fn value(self) -> u32 {
        self.0
    }

    /// The element that undoes this one.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "residues modulo 2N <= 2^18"
    )]
    pub fn inverse(self, degree: usize) -> Self {
        // The group of odd residues modulo 2N has exponent N/2: g^(N/2 - 1) is the inverse.
        let modulus = 2 * degree as u64;
        let mut power = 1u64;
        let (mut square, mut exponent) = (u64::from(self.0), (degree / 2).max(2) - 1);
        while exponent > 0 {
            if exponent & 1 == 1 {
                power = power * square % modulus;
            }
            square = square * square % modulus;
            exponent >>= 1;
        }
        Self(power as u32)
    }

    /// Where evaluation `i` of the image comes from: the image at position `i` is the source at `permutation[i]`, both
    /// in bit-reversed order.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "indices below N <= 2^17")]
    pub fn permutation(self, degree: usize) -> Vec<u32> {
        let bits = degree.trailing_zeros();
        (0..degree)
            .map(|i| {
                let exponent = (2 * bit_reverse(i, bits) + 1) * self.0 as usize % (2 * degree);
                bit_reverse(exponent / 2, bits) as u32
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inverse_elements_cancel() {
        for degree in [16usize, 1 << 10, 1 << 16] {
            for r in [0, 1, 5, -3, 77] {
                let g = GaloisElement::of(Rotation(r), degree);
                let product = u64::from(g.value()) * u64::from(g.inverse(degree).value());
                assert_eq!(product % (2 * degree as u64), 1);
                assert_eq!(g.inverse(degree), GaloisElement::of(Rotation(-r), degree));
            }
            let c = GaloisElement::conjugation(degree);
            assert_eq!(c.inverse(degree), c);
        }
    }
}

//! The number-theoretic transform of one row, and the order of its output.
//!
//! Position `i` of a row in the evaluation domain holds the value of the polynomial at `psi^(2 rev(i) + 1)`, where `psi`
//! is the primitive `2N`-th root of the modulus and `rev` reverses the `log2 N` bits of an index.

use crate::arith::{Modulus, ShoupFactor, Word, bit_reverse};

/// Powers of the root, in bit-reversed order, of one modulus.
#[derive(Clone, Debug)]
pub struct NttTable {
    modulus: Modulus,
    powers: Vec<ShoupFactor>,
    inverse_powers: Vec<ShoupFactor>,
    inverse_degree: ShoupFactor,
}

impl NttTable {
    /// Tables for `degree` a power of two and `root` a primitive `2 degree`-th root of unity.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "N < q < 2^30")]
    pub fn new(degree: usize, modulus: Modulus, root: Word) -> Self {
        debug_assert_eq!(modulus.pow(root, degree as u64), modulus.value() - 1);
        let bits = degree.trailing_zeros();
        let powers = |base: Word| {
            let mut table = vec![ShoupFactor::new(1, modulus); degree];
            let mut power = 1;
            for i in 0..degree {
                table[bit_reverse(i, bits)] = ShoupFactor::new(power, modulus);
                power = modulus.mul(power, base);
            }
            table
        };
        Self {
            modulus,
            powers: powers(root),
            inverse_powers: powers(modulus.inv(root)),
            inverse_degree: ShoupFactor::new(modulus.inv(degree as Word), modulus),
        }
    }

    /// The powers of the root, in bit-reversed order: the factor of block `i` of a stage of `m` blocks is at `m + i`.
    #[must_use]
    pub fn powers(&self) -> &[ShoupFactor] {
        &self.powers
    }

    /// The powers of the inverse of the root, in the same order.
    #[must_use]
    pub fn inverse_powers(&self) -> &[ShoupFactor] {
        &self.inverse_powers
    }

    /// `1/N`.
    #[must_use]
    pub fn inverse_degree(&self) -> ShoupFactor {
        self.inverse_degree
    }

    /// Coefficients to evaluations, both in `[0, q)`, in place (Cooley-Tukey, decimation in time; `N/2 log2 N` products).
    pub fn forward(&self, row: &mut [Word]) {
        debug_assert_eq!(row.len(), self.powers.len());
        let q = self.modulus;
        let (mut groups, mut half) = (1, row.len() / 2);
        while half > 0 {
            for (group, block) in row.chunks_exact_mut(2 * half).enumerate() {
                let w = self.powers[groups + group];
                let (low, high) = block.split_at_mut(half);
                for (x, y) in low.iter_mut().zip(high) {
                    let product = q.mul_shoup(*y, w);
                    (*x, *y) = (q.add(*x, product), q.sub(*x, product));
                }
            }
            groups *= 2;
            half /= 2;
        }
    }

    /// Evaluations to coefficients, both in `[0, q)`, in place.
    pub fn inverse(&self, row: &mut [Word]) {
        debug_assert_eq!(row.len(), self.powers.len());
        let q = self.modulus;
        let (mut groups, mut half) = (row.len() / 2, 1);
        while groups > 0 {
            for (group, block) in row.chunks_exact_mut(2 * half).enumerate() {
                let w = self.inverse_powers[groups + group];
                let (low, high) = block.split_at_mut(half);
                for (x, y) in low.iter_mut().zip(high) {
                    let difference = q.sub(*x, *y);
                    (*x, *y) = (q.add(*x, *y), q.mul_shoup(difference, w));
                }
            }
            groups /= 2;
            half *= 2;
        }
        for x in row {
            *x = q.mul_shoup(*x, self.inverse_degree);
        }
    }
}

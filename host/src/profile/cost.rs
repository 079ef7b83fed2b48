//! What operations cost, by count: for the CPU, whose fused kernels hold more than one of them.
//!
//! Bytes are those of the kernels: each operand once, and the factors of transforms as they are stored. Products are those of the
//! textbook, so that they are the same on every device: what a kernel multiplies besides, to read fewer factors, is not counted.

use engine::ring::Basis;

use super::Cost;

const WORD: u64 = size_of::<u32>() as u64;

/// A ring of this degree.
#[derive(Clone, Copy)]
pub(super) struct Counting {
    pub(super) degree: usize,
    /// Bytes of the factors that a transform modulo one limb reads.
    pub(super) factor_bytes: usize,
}

impl Counting {
    /// `rows` moved, with so many products for each word of them.
    pub(super) fn rows(self, moved: usize, products: usize) -> Cost {
        let words = self.degree as u64;
        Cost {
            bytes: moved as u64 * words * WORD,
            products: products as u64 * words,
        }
    }

    /// Transforms of `rows` rows of one limb each: `N/2 log N` products.
    pub(super) fn transforms(self, rows: usize) -> u64 {
        rows as u64 * self.degree as u64 / 2 * u64::from(self.degree.trailing_zeros())
    }

    /// Bytes of the factors that transforms of so many limbs read, each limb's once.
    pub(super) fn factors(self, limbs: usize) -> u64 {
        (limbs * self.factor_bytes) as u64
    }

    /// A conversion of every word: a product for each source and target, one for each overflow, and a scaled source with its
    /// fraction.
    pub(super) fn conversion(self, sources: usize, targets: usize) -> u64 {
        ((sources + 1) * targets + 2 * sources) as u64 * self.degree as u64
    }

    /// A division from the limbs `from` to `to` of each of `batch` polynomials.
    pub(super) fn mod_down(self, batch: usize, from: &Basis, to: &Basis) -> Cost {
        let dropped = from.difference(to).len();
        let products = self.transforms(dropped + to.len())
            + self.conversion(dropped, to.len())
            + self.rows(0, to.len()).products;
        let moved = batch as u64 * self.rows(from.len() + to.len(), 0).bytes;
        Cost {
            bytes: moved + self.factors(dropped + to.len()),
            products: batch as u64 * products,
        }
    }
}

//! Twiddle factors.

use engine::arith::{Modulus, ShoupFactor, Word, bit_reverse};

use super::{
    super::{
        error::KernelError,
        lanes::{Factors, LANES},
    },
    MATRIX_ROW,
};

/// Smallest and largest degree: four to 256 rows of the matrix.
const DEGREES: std::ops::RangeInclusive<usize> = 1 << 10..=1 << 16;

/// The constants of the transform of one degree modulo one prime.
#[derive(Clone, Debug)]
pub struct NttTable {
    degree: usize,
    modulus: Modulus,
    /// Radices of the two passes down the columns; the second is 1 where one pass is enough.
    radices: (usize, usize),
    degree_inverse: Word,
    /// `psi^-(N/2)`, the inverse twiddle factor of the last inverse level.
    last: Word,
    pub(super) forward: Direction,
    pub(super) inverse: Direction,
}

/// The twiddle factors of one direction, with `psi` the root of that direction.
///
/// A block of `2^l` points has `2^l - 1` factors: level `s` of it begins at place `2^s - 1`.
#[derive(Clone, Debug)]
pub(super) struct Direction {
    /// The block of the first pass down the columns, then the blocks of the second.
    pub(super) columns: Vec<Factors>,
    /// Per row of the matrix: the block of its first four levels.
    pub(super) rows: Vec<Factors>,
    /// Per row `r`: `g^j` at place `j`, with `g = psi^(2 bitrev(r) + 1)`.
    pub(super) twist: Vec<Factors>,
    /// At `j`: `z_k^j` at place `k`, with `z_k = psi^(2 R bitrev(k))`.
    pub(super) middle: Vec<Factors>,
    /// The block of a cyclic transform of 16 points.
    pub(super) cyclic: Factors,
}

impl NttTable {
    /// The table for `n` coefficients modulo `q`; `root` is a primitive `2n`-th root of unity.
    ///
    /// # Errors
    /// [`KernelError::Degree`] for a degree that is not handled, [`KernelError::Root`] if `root` is not such a root.
    pub fn new(n: usize, q: Modulus, root: Word) -> Result<Self, KernelError> {
        if !n.is_power_of_two() || !DEGREES.contains(&n) {
            return Err(KernelError::Degree(n));
        }
        if q.pow(root, n as u64) != q.value() - 1 {
            return Err(KernelError::Root {
                modulus: q.value(),
                order: 2 * n,
                root,
            });
        }
        let radices = match (n / MATRIX_ROW).trailing_zeros() {
            levels @ 0..=4 => (1 << levels, 1),
            levels => (1 << (levels / 2), 1 << (levels - levels / 2)),
        };
        let inverse_root = q.inv(root);
        Ok(Self {
            degree: n,
            modulus: q,
            radices,
            degree_inverse: q.inv(q.reduce_wide(n as u64)),
            last: q.pow(inverse_root, n as u64 / 2),
            forward: Direction::new(n, q, root, radices),
            inverse: Direction::new(n, q, inverse_root, radices),
        })
    }

    /// The number of coefficients.
    #[must_use]
    pub const fn degree(&self) -> usize {
        self.degree
    }

    /// The prime.
    #[must_use]
    pub const fn modulus(&self) -> Modulus {
        self.modulus
    }

    pub(super) const fn column_radices(&self) -> (usize, usize) {
        self.radices
    }

    /// The factors of the last inverse level, of the sums and of the differences, with `constant / N` in both.
    pub(super) fn last_factors(&self, constant: Word) -> [ShoupFactor; 2] {
        let q = self.modulus;
        let sums = q.mul(constant, self.degree_inverse);
        [sums, q.mul(sums, self.last)].map(|w| ShoupFactor::new(w, q))
    }
}

impl Direction {
    fn new(n: usize, q: Modulus, psi: Word, radices: (usize, usize)) -> Self {
        let rows = n / MATRIX_ROW;
        let (row_bits, lane_bits) = (rows.trailing_zeros(), LANES.trailing_zeros());
        // psi^bitrev(i): level with m groups has the factor of group i at m + i. Blocks reach up to 16 rows groups.
        let count = LANES * rows;
        let stride = (n / count) as u64;
        let mut bit_reversed = vec![0; count];
        let (mut power, step) = (1, q.pow(psi, stride));
        for i in 0..count {
            bit_reversed[bit_reverse(i, count.trailing_zeros())] = power;
            power = q.mul(power, step);
        }
        let factor = |w| ShoupFactor::new(w, q);
        let block = |groups: usize, index: usize, levels: u32| {
            Factors::collect((0..levels).flat_map(|level| {
                let first = (groups + index) << level;
                bit_reversed[first..first + (1 << level)]
                    .iter()
                    .map(|w| factor(*w))
            }))
        };
        let powers = |base: Word| std::iter::successors(Some(1), move |w| Some(q.mul(*w, base)));

        let (first, second) = radices;
        let columns = std::iter::once(block(1, 0, first.trailing_zeros()))
            .chain((0..first).map(|i| block(first, i, second.trailing_zeros())))
            .collect();
        let twist = (0..rows)
            .map(|r| q.pow(psi, 2 * bit_reverse(r, row_bits) as u64 + 1))
            .map(|g| Factors::collect(powers(g).take(LANES).map(factor)))
            .collect();
        let middle = (0..LANES as u64)
            .map(|j| {
                Factors::collect((0..LANES).map(|k| {
                    let exponent = 2 * rows * bit_reverse(k, lane_bits);
                    factor(q.pow(psi, exponent as u64 * j))
                }))
            })
            .collect();
        let omega = q.pow(psi, 2 * (n / LANES) as u64);
        let cyclic = Factors::collect((0..lane_bits).flat_map(|level| {
            (0..1 << level).map(move |group| {
                let exponent = bit_reverse(group, level) << (lane_bits - 1 - level);
                factor(q.pow(omega, exponent as u64))
            })
        }));
        Self {
            columns,
            rows: (0..rows).map(|r| block(rows, r, lane_bits)).collect(),
            twist,
            middle,
            cyclic,
        }
    }
}

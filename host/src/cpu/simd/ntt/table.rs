//! Twiddle factors.

use std::sync::OnceLock;

use engine::arith::{Modulus, Word, bit_reverse};

use super::{
    super::{error::KernelError, isa::Isa, lanes::LANES},
    MATRIX_ROW,
    portable::PortableDirection,
};
#[cfg(target_arch = "x86_64")]
use super::{ifma::WideTable, vectors::VectorDirection};

/// Smallest and largest degree: four to 256 rows of the matrix.
const DEGREES: std::ops::RangeInclusive<usize> = 1 << 10..=1 << 16;

/// The constants of the transform of one degree modulo one prime.
///
/// The factors of each form are made when it is first used.
#[derive(Clone, Debug)]
pub struct NttTable {
    degree: usize,
    modulus: Modulus,
    /// Radices of the two passes down the columns; the second is 1 where one pass is enough.
    radices: (usize, usize),
    degree_inverse: Word,
    root: Word,
    inverse_root: Word,
    portable: OnceLock<Box<[PortableDirection; 2]>>,
    #[cfg(target_arch = "x86_64")]
    vectors: OnceLock<Box<[VectorDirection; 2]>>,
    #[cfg(target_arch = "x86_64")]
    wide: OnceLock<Box<WideTable>>,
}

/// The twiddle factors of one direction, with `psi` the root of that direction.
///
/// A block `B` of `2^l` points has `2^l - 1` factors: level `s` of it begins at place `2^s - 1`.
#[derive(Clone, Debug)]
pub(super) struct Direction<B, L> {
    /// The block of the first pass down the columns.
    pub(super) first: B,
    /// The blocks of the second pass; empty blocks if there is none.
    pub(super) second: Vec<B>,
    /// Per row of the matrix: the block of its first four levels.
    pub(super) rows: Vec<B>,
    /// Per row `r`: `g^j` at place `j`, with `g = psi^(2 bitrev(r) + 1)`.
    pub(super) twist: Vec<B>,
    /// The factors of the last four levels of all rows.
    pub(super) last: L,
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
            root,
            inverse_root,
            portable: OnceLock::new(),
            #[cfg(target_arch = "x86_64")]
            vectors: OnceLock::new(),
            #[cfg(target_arch = "x86_64")]
            wide: OnceLock::new(),
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

    /// Bytes of the factors that a transform reads, of either direction.
    #[must_use]
    pub fn factor_bytes(&self, isa: Isa) -> usize {
        match isa {
            Isa::Portable => self.portable()[0].bytes(self.radices),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2(_) | Isa::Avx512(_) => self.vectors()[0].bytes(self.radices),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512Ifma(_) => self.wide().factor_bytes(),
        }
    }

    pub(super) const fn radices(&self) -> (usize, usize) {
        self.radices
    }

    /// The factors of the last inverse level, of the sums and of the differences, with `constant / N` in both.
    pub(super) fn last_words(&self, constant: Word) -> [Word; 2] {
        let q = self.modulus;
        let sums = q.mul(constant, self.degree_inverse);
        [
            sums,
            q.mul(sums, q.pow(self.inverse_root, self.degree as u64 / 2)),
        ]
    }

    /// The powers that the forward and the inverse transform need.
    fn twiddles(&self) -> [Twiddles; 2] {
        [self.root, self.inverse_root].map(|root| Twiddles::new(self.degree, self.modulus, root))
    }

    /// The factors of the forward and of the inverse transform in plain Rust.
    pub(super) fn portable(&self) -> &[PortableDirection; 2] {
        let make = |t| PortableDirection::of(&t, self.radices);
        self.portable
            .get_or_init(|| Box::new(self.twiddles().map(make)))
    }

    /// The factors of the forward and of the inverse transform in vectors.
    #[cfg(target_arch = "x86_64")]
    pub(super) fn vectors(&self) -> &[VectorDirection; 2] {
        let make = |t| VectorDirection::of(&t, self.radices);
        self.vectors
            .get_or_init(|| Box::new(self.twiddles().map(make)))
    }

    /// The factors of 52 bits.
    #[cfg(target_arch = "x86_64")]
    pub(super) fn wide(&self) -> &WideTable {
        self.wide.get_or_init(|| {
            let [forward, inverse] = self.twiddles();
            Box::new(WideTable::new(&forward, &inverse, self.radices))
        })
    }
}

/// The powers of a root `psi` that a transform needs, in the order in which it needs them.
pub(super) struct Twiddles {
    modulus: Modulus,
    rows: usize,
    /// `psi^bitrev(i)`: the level with `m` groups has the factor of group `i` at `m + i`.
    bit_reversed: Vec<Word>,
    psi: Word,
}

impl Twiddles {
    fn new(n: usize, q: Modulus, psi: Word) -> Self {
        let rows = n / MATRIX_ROW;
        // The blocks of the rows reach as far as 16 groups per row.
        let count = LANES * rows;
        let mut bit_reversed = vec![0; count];
        let (mut power, step) = (1, q.pow(psi, (n / count) as u64));
        for i in 0..count {
            bit_reversed[bit_reverse(i, count.trailing_zeros())] = power;
            power = q.mul(power, step);
        }
        Self {
            modulus: q,
            rows,
            bit_reversed,
            psi,
        }
    }

    pub(super) const fn modulus(&self) -> Modulus {
        self.modulus
    }

    pub(super) const fn rows(&self) -> usize {
        self.rows
    }

    /// The factors of `levels` levels, beginning with group `index` of the level with `groups` groups.
    pub(super) fn block(
        &self,
        groups: usize,
        index: usize,
        levels: u32,
    ) -> impl Iterator<Item = Word> {
        (0..levels).flat_map(move |level| {
            let first = (groups + index) << level;
            self.bit_reversed[first..first + (1 << level)]
                .iter()
                .copied()
        })
    }

    /// `g^j` for `j < 16`, with `g = psi^(2 bitrev(r) + 1)`.
    pub(super) fn twist(&self, r: usize) -> impl Iterator<Item = Word> {
        let q = self.modulus;
        let exponent = 2 * bit_reverse(r, self.rows.trailing_zeros()) as u64 + 1;
        let g = q.pow(self.psi, exponent);
        std::iter::successors(Some(1), move |power| Some(q.mul(*power, g))).take(LANES)
    }

    /// The power `j` of `z_k = psi^(2 R bitrev(k))`, for `k < 16`.
    fn middle(&self, k: usize, j: usize) -> Word {
        let exponent = 2 * self.rows * bit_reverse(k, LANES.trailing_zeros()) * j;
        self.modulus.pow(self.psi, exponent as u64)
    }

    /// The factor of a group of one of four levels of a cyclic transform of 16 points.
    fn cyclic(&self, level: u32, group: usize) -> Word {
        // bitrev of the group as four bits, and one place to the left for the order 16 of the root.
        let exponent = 2 * LANES * self.rows * (bit_reverse(group, level) << (3 - level));
        self.modulus.pow(self.psi, exponent as u64)
    }

    /// The factor of a group of one of the last four levels in vector `k` of a row, after the product with [`twist`](Self::twist).
    pub(super) fn last_levels(&self, k: usize, level: u32, group: usize) -> Word {
        self.modulus
            .mul(self.middle(k, 8 >> level), self.cyclic(level, group))
    }
}

impl<B, L> Direction<B, L> {
    /// Bytes of the factors that a transform reads: all but those of a second pass that is none.
    fn bytes(&self, (_, second): (usize, usize)) -> usize {
        let second = match second {
            1 => 0,
            _ => self.second.len(),
        };
        (1 + second + self.rows.len() + self.twist.len()) * size_of::<B>() + size_of::<L>()
    }

    /// The factors with the radices of the passes down the columns; `collect` makes a block of at most 16 powers.
    pub(super) fn new(
        t: &Twiddles,
        (first, second): (usize, usize),
        collect: impl Fn(&mut dyn Iterator<Item = Word>) -> B,
        last: L,
    ) -> Self {
        let rows = t.rows();
        Self {
            first: collect(&mut t.block(1, 0, first.trailing_zeros())),
            second: (0..first)
                .map(|i| collect(&mut t.block(first, i, second.trailing_zeros())))
                .collect(),
            rows: (0..rows)
                .map(|r| collect(&mut t.block(rows, r, LANES.trailing_zeros())))
                .collect(),
            twist: (0..rows).map(|r| collect(&mut t.twist(r))).collect(),
            last,
        }
    }
}

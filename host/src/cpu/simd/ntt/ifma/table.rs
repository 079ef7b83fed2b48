//! Twiddle factors of 52 bits.

use engine::arith::{Modulus, Word};

use super::super::super::ifma::WideLine;
use super::{
    super::{
        super::ifma::{WideFactor, WideFactors},
        table::Twiddles,
    },
    block::fresh_offset,
};

/// The constants of both directions.
#[derive(Clone, Debug)]
pub(in super::super) struct WideTable {
    pub(super) modulus: Modulus,
    pub(super) radices: (usize, usize),
    pub(super) forward: WideDirection,
    pub(super) inverse: WideDirection,
    /// Offsets of the words that enter the inverse; see [`Offsets`].
    pub(super) offsets: Offsets,
}

/// The twiddle factors of one direction.
#[derive(Clone, Debug)]
pub(super) struct WideDirection {
    /// The block of the first pass down the columns.
    pub(super) first: [WideFactor; 16],
    /// The blocks of the second pass.
    pub(super) second: Vec<[WideFactor; 16]>,
    /// Per row of the matrix: the block of its first four levels.
    pub(super) rows: Vec<[WideFactor; 16]>,
    /// Per row `r`: `g^j` for even and for odd `j`, with `g = psi^(2 bitrev(r) + 1)`.
    pub(super) twist: Vec<[WideFactors; 2]>,
    /// Per pair of vectors: the factors of the last four levels; those of the last level in two registers.
    pub(super) lanes: [[WideFactors; 5]; 8],
}

/// Offsets of words inside registers, for the first four levels of the inverse.
#[derive(Clone, Copy, Debug)]
pub(super) struct Offsets {
    /// Of even words before the first level, in two registers.
    pub(super) even: [WideLine; 2],
    /// Of the products of the first level, in the first register.
    pub(super) first: WideLine,
    /// Of the products of the second level.
    pub(super) second: WideLine,
    /// Of the products of the third level.
    pub(super) third: WideLine,
}

/// The double word `e` of a vector that stands at each place of the two registers after all dealing, of either vector.
const DEALT: [[usize; 8]; 2] = [[0, 2, 0, 2, 4, 6, 4, 6], [1, 3, 1, 3, 5, 7, 5, 7]];
/// The same where only pairs are still together.
const PAIRED: [[usize; 8]; 2] = [[0, 1, 0, 1, 4, 5, 4, 5], [2, 3, 2, 3, 6, 7, 6, 7]];
/// Which of the two vectors a place belongs to, after dealing pairs or singles.
const OWNER: [usize; 8] = [0, 0, 1, 1, 0, 0, 1, 1];
/// The same after dealing halves.
const HALF_OWNER: [usize; 8] = [0, 0, 0, 0, 1, 1, 1, 1];

impl WideTable {
    /// Bytes of the factors that a transform reads, of either direction.
    pub(in super::super) fn factor_bytes(&self) -> usize {
        let WideDirection {
            first,
            second,
            rows,
            twist,
            lanes,
        } = &self.forward;
        let second = match self.radices {
            (_, 1) => 0,
            _ => size_of_val(&second[..]),
        };
        size_of_val(first)
            + second
            + size_of_val(&rows[..])
            + size_of_val(&twist[..])
            + size_of_val(lanes)
    }

    pub(in super::super) fn new(
        forward: &Twiddles,
        inverse: &Twiddles,
        radices: (usize, usize),
    ) -> Self {
        let p = u64::from(forward.modulus().value());
        let line = |f: &dyn Fn(usize) -> u64| WideLine(std::array::from_fn(f));
        Self {
            modulus: forward.modulus(),
            radices,
            forward: WideDirection::new(forward, radices),
            inverse: WideDirection::new(inverse, radices),
            offsets: Offsets {
                even: DEALT.map(|places| line(&|i| fresh_offset(p, 2 * places[i], 4))),
                first: line(&|i| fresh_offset(p, DEALT[0][i], 3)),
                second: line(&|i| fresh_offset(p, DEALT[1][i] / 2, 2)),
                third: line(&|i| fresh_offset(p, PAIRED[1][i] / 4, 1)),
            },
        }
    }
}

impl WideDirection {
    fn new(t: &Twiddles, (first, second): (usize, usize)) -> Self {
        let factor = |w: Word| WideFactor::new(w, t.modulus());
        let block = |groups: usize, index: usize, levels: u32| {
            let mut block = [WideFactor::ZERO; 16];
            for (to, w) in block.iter_mut().zip(t.block(groups, index, levels)) {
                *to = factor(w);
            }
            block
        };
        let rows = t.rows();
        Self {
            first: block(1, 0, first.trailing_zeros()),
            second: (0..first)
                .map(|i| block(first, i, second.trailing_zeros()))
                .collect(),
            rows: (0..rows).map(|r| block(rows, r, 4)).collect(),
            twist: (0..rows)
                .map(|r| {
                    let powers: Vec<_> = t.twist(r).map(factor).collect();
                    [0, 1].map(|h| WideFactors::from_fn(|i| powers[2 * i + h]))
                })
                .collect(),
            lanes: std::array::from_fn(|pair| {
                let at = |owner: usize, level: u32, group: usize| {
                    factor(t.last_levels(2 * pair + owner, level, group))
                };
                [
                    WideFactors::from_fn(|i| at(HALF_OWNER[i], 0, 0)),
                    WideFactors::from_fn(|i| at(OWNER[i], 1, PAIRED[0][i] / 4)),
                    WideFactors::from_fn(|i| at(OWNER[i], 2, DEALT[0][i] / 2)),
                    WideFactors::from_fn(|i| at(OWNER[i], 3, DEALT[0][i])),
                    WideFactors::from_fn(|i| at(OWNER[i], 3, DEALT[1][i])),
                ]
            }),
        }
    }
}

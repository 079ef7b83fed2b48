//! The transform with 52-bit products.
//!
//! The same passes as in the parent module, in eight double words per register: the words at even and at odd places of a
//! vector are two registers, so that the last level lies between registers and three lie inside them. Between the passes words
//! stay double, in memory of the thread.
//!
//! Nothing is corrected on the way. Forward, a butterfly `x + w y, x - w y` moves `x` by at most `p` (and a little), so an
//! offset of `16 p` at the start of eight levels keeps all words positive. In the inverse, `x + y, w (x - y)`, words grow to
//! twice their size at each level and stay below `2^43`, and `x` must have an offset above the size of `y`: see
//! [`block::offset`].

mod block;
mod columns;
mod rows;
mod table;

use std::cell::RefCell;

use engine::arith::Word;

use self::block::Prime;
pub(super) use self::table::WideTable;
use super::{
    super::ifma::{Ifma, IfmaKernel, WideFactor, WideLine},
    MatrixRow, NttTable,
};

/// Registers of a row of the matrix, and one line so that rows do not compete for the same cache sets.
const STRIDE: usize = 33;

thread_local! {
    /// The double words between the passes: 528 KiB at the largest degree.
    static BETWEEN: RefCell<Vec<WideLine>> = const { RefCell::new(Vec::new()) };
}

/// Calls `f` with room for the double words of all rows of the matrix.
fn with_room(rows: usize, f: impl FnOnce(&mut [[WideLine; STRIDE]])) {
    BETWEEN.with_borrow_mut(|room| {
        if room.len() < rows * STRIDE {
            room.resize(rows * STRIDE, WideLine([0; 8]));
        }
        f(&mut room.as_chunks_mut().0[..rows]);
    });
}

/// The forward transform. In and out in `[0, q)`.
pub(super) fn forward(token: Ifma, table: &NttTable, row: &mut [MatrixRow]) {
    let table = table.wide();
    with_room(row.len(), |between| {
        token.run(Forward {
            table,
            row,
            between,
        });
    });
}

/// The inverse transform of `src`, or else of `row`, to `row`, times a constant. In and out in `[0, q)`.
pub(super) fn inverse(
    token: Ifma,
    table: &NttTable,
    row: &mut [MatrixRow],
    src: Option<&[MatrixRow]>,
    constant: Word,
) {
    let last = table
        .last_words(constant)
        .map(|w| WideFactor::new(w, table.modulus()));
    let table = table.wide();
    with_room(row.len(), |between| {
        token.run(Inverse {
            table,
            row,
            src,
            between,
            last,
        });
    });
}

struct Forward<'a> {
    table: &'a WideTable,
    row: &'a mut [MatrixRow],
    between: &'a mut [[WideLine; STRIDE]],
}

impl IfmaKernel for Forward<'_> {
    #[inline(always)]
    fn run(self, s: Ifma) {
        let Self {
            table,
            row,
            between,
        } = self;
        let prime = Prime::new(s, u64::from(table.modulus.value()));
        let t = &table.forward;
        let (first, second) = table.radices;
        match first {
            4 => columns::forward_first::<4>(s, prime, &t.first, row, between),
            8 => columns::forward_first::<8>(s, prime, &t.first, row, between),
            _ => columns::forward_first::<16>(s, prime, &t.first, row, between),
        }
        let parts = row.chunks_mut(second).zip(between.chunks_mut(second));
        for (i, ((row, between), factors)) in parts.zip(&t.second).enumerate() {
            match second {
                1 => {}
                8 => columns::forward_second::<8>(s, prime, factors, between),
                _ => columns::forward_second::<16>(s, prime, factors, between),
            }
            for (k, (row, between)) in row.iter_mut().zip(between).enumerate() {
                rows::forward(s, prime, t, i * second + k, row, between);
            }
        }
    }
}

struct Inverse<'a> {
    table: &'a WideTable,
    row: &'a mut [MatrixRow],
    /// What is transformed, if it is not the row itself.
    src: Option<&'a [MatrixRow]>,
    between: &'a mut [[WideLine; STRIDE]],
    last: [WideFactor; 2],
}

impl IfmaKernel for Inverse<'_> {
    #[inline(always)]
    fn run(self, s: Ifma) {
        let Self {
            table,
            row,
            src,
            between,
            last,
        } = self;
        let prime = Prime::new(s, u64::from(table.modulus.value()));
        let p = prime.p;
        let t = &table.inverse;
        let (first, second) = table.radices;
        let first_levels = first.trailing_zeros();
        let parts = src
            .unwrap_or(row)
            .chunks(second)
            .zip(between.chunks_mut(second));
        for (i, ((row, between), factors)) in parts.zip(&t.second).enumerate() {
            for (k, (row, between)) in row.iter().zip(between.iter_mut()).enumerate() {
                let offset = if second > 1 {
                    block::fresh_offset(p, k, second.trailing_zeros())
                } else {
                    block::fresh_offset(p, i, first_levels)
                };
                rows::inverse(s, prime, table, i * second + k, row, between, offset);
            }
            let offset = s.splat(block::grown_offset(p, i, first_levels));
            match second {
                1 => {}
                8 => columns::inverse_second::<8>(s, prime, factors, between, offset),
                _ => columns::inverse_second::<16>(s, prime, factors, between, offset),
            }
        }
        match first {
            4 => columns::inverse_first::<4>(s, prime, &t.first, row, between, last),
            8 => columns::inverse_first::<8>(s, prime, &t.first, row, between, last),
            _ => columns::inverse_first::<16>(s, prime, &t.first, row, between, last),
        }
    }
}

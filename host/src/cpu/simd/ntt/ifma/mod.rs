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

pub(super) use self::table::WideTable;
use super::{
    super::ifma::{Ifma, IfmaKernel, WideLine},
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

/// The inverse transform times a constant. In and out in `[0, q)`.
pub(super) fn inverse(token: Ifma, table: &NttTable, row: &mut [MatrixRow], constant: Word) {
    let last = table.last_words(constant);
    let table = table.wide();
    with_room(row.len(), |between| {
        token.run(Inverse {
            table,
            row,
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
        match table.radices {
            (4, 1) => columns::forward::<4, 1>(s, table, row, between),
            (8, 1) => columns::forward::<8, 1>(s, table, row, between),
            (16, 1) => columns::forward::<16, 1>(s, table, row, between),
            (4, 8) => columns::forward::<4, 8>(s, table, row, between),
            (8, 8) => columns::forward::<8, 8>(s, table, row, between),
            (8, 16) => columns::forward::<8, 16>(s, table, row, between),
            _ => columns::forward::<16, 16>(s, table, row, between),
        }
        rows::forward(s, table, row, between);
    }
}

struct Inverse<'a> {
    table: &'a WideTable,
    row: &'a mut [MatrixRow],
    between: &'a mut [[WideLine; STRIDE]],
    last: [Word; 2],
}

impl IfmaKernel for Inverse<'_> {
    #[inline(always)]
    fn run(self, s: Ifma) {
        let Self {
            table,
            row,
            between,
            last,
        } = self;
        rows::inverse(s, table, row, between);
        match table.radices {
            (4, 1) => columns::inverse::<4, 1>(s, table, row, between, last),
            (8, 1) => columns::inverse::<8, 1>(s, table, row, between, last),
            (16, 1) => columns::inverse::<16, 1>(s, table, row, between, last),
            (4, 8) => columns::inverse::<4, 8>(s, table, row, between, last),
            (8, 8) => columns::inverse::<8, 8>(s, table, row, between, last),
            (8, 16) => columns::inverse::<8, 16>(s, table, row, between, last),
            _ => columns::inverse::<16, 16>(s, table, row, between, last),
        }
    }
}

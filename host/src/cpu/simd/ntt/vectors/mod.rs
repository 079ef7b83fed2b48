//! The transform in the vectors of any instruction set that has them.

mod block;
mod columns;
mod halves;
mod rows;
mod table;

use self::columns::Levels;
pub(super) use self::table::VectorDirection;
use super::{
    super::{
        lanes::Bounds,
        points::{Points, Transform},
    },
    Inverse, MatrixRow, NttTable,
};

/// Rows of the matrix between one that is transformed and one that is prefetched.
const ROWS_AHEAD: usize = 2;

/// The forward transform of a row.
pub(super) struct Forward<'a> {
    pub(super) table: &'a NttTable,
    pub(super) row: &'a mut [MatrixRow],
}

impl Transform for Forward<'_> {
    #[inline(always)]
    fn run<S: Points>(self, s: S) {
        let Self { table, row } = self;
        let b = Bounds::new(s, table.modulus());
        let [t, _] = table.vectors();
        let (first, second) = table.radices();
        let stride = row.len() / first;
        match first {
            4 => columns::sweep::<S, 4>(s, b, Levels::Forward, &t.first, row, stride),
            8 => columns::sweep::<S, 8>(s, b, Levels::Forward, &t.first, row, stride),
            _ => columns::sweep::<S, 16>(s, b, Levels::Forward, &t.first, row, stride),
        }
        for (i, (part, factors)) in row.chunks_mut(second).zip(&t.second).enumerate() {
            match second {
                1 => {}
                8 => columns::sweep::<S, 8>(s, b, Levels::Forward, factors, part, 1),
                _ => columns::sweep::<S, 16>(s, b, Levels::Forward, factors, part, 1),
            }
            for (k, row) in part.iter_mut().enumerate() {
                rows::forward(s, b, t, i * second + k, row);
            }
        }
    }
}

impl Transform for Inverse<'_> {
    #[inline(always)]
    fn run<S: Points>(self, s: S) {
        let Self {
            table,
            row,
            src,
            last,
        } = self;
        let b = Bounds::new(s, table.modulus());
        let [_, t] = table.vectors();
        let (first, second) = table.radices();
        for (i, factors) in t.second.iter().enumerate() {
            for r in i * second..(i + 1) * second {
                rows::prefetch(s, t, src.unwrap_or(row), r + ROWS_AHEAD);
                if let Some(src) = src {
                    row[r] = src[r];
                }
                rows::inverse(s, b, t, r, &mut row[r]);
            }
            let part = &mut row[i * second..][..second];
            match second {
                1 => {}
                8 => columns::sweep::<S, 8>(s, b, Levels::Inverse, factors, part, 1),
                _ => columns::sweep::<S, 16>(s, b, Levels::Inverse, factors, part, 1),
            }
        }
        let (stride, last) = (row.len() / first, Levels::InverseLast(last));
        match first {
            4 => columns::sweep::<S, 4>(s, b, last, &t.first, row, stride),
            8 => columns::sweep::<S, 8>(s, b, last, &t.first, row, stride),
            _ => columns::sweep::<S, 16>(s, b, last, &t.first, row, stride),
        }
    }
}

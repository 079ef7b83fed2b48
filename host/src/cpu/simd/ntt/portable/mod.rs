//! The transform in plain Rust.
//!
//! The same levels as in the parent module, two at a time, in loops over lines that lie side by side in memory, which compilers make
//! vector code of. Each two levels inside a row interleave its quarters, so that lines lie side by side for the next two as well.

mod columns;
mod prime;
mod rows;
mod table;

pub(super) use self::table::PortableDirection;
use self::{
    prime::Prime,
    table::{Factor, Splat},
};
use super::{Inverse, MatrixRow, NttTable};

/// Room for a row whose lines are lines of a cache.
#[derive(Default)]
#[repr(align(64))]
struct Room(MatrixRow);

/// The forward transform. In and out in `[0, q)`.
pub(super) fn forward(table: &NttTable, row: &mut [MatrixRow]) {
    let (p, [t, _]) = (&Prime::new(table.modulus()), table.portable());
    let (first, second) = table.radices();
    let Room(room) = &mut Room::default();
    columns::forward(row, first, &t.first, p);
    for (i, (part, factors)) in row.chunks_mut(second).zip(&t.second).enumerate() {
        columns::forward(part, second, factors, p);
        for (k, row) in part.iter_mut().enumerate() {
            rows::forward(row, room, t, i * second + k, p);
        }
    }
}

/// The inverse transform. In and out in `[0, q)`.
pub(super) fn inverse(inverse: Inverse<'_>) {
    let Inverse {
        table,
        row,
        src,
        last,
    } = inverse;
    let (p, [_, t]) = (&Prime::new(table.modulus()), table.portable());
    let (first, second) = table.radices();
    let Room(room) = &mut Room::default();
    for (i, (part, factors)) in row.chunks_mut(second).zip(&t.second).enumerate() {
        for (k, row) in part.iter_mut().enumerate() {
            let r = i * second + k;
            if let Some(src) = src {
                *row = src[r];
            }
            rows::inverse(row, room, t, r, p);
        }
        columns::inverse(part, second, factors, p);
    }
    let last = last.map(|w| Splat::new(Factor::new(w.value(), table.modulus())));
    columns::inverse_last(row, first, &t.first, &last, p);
}

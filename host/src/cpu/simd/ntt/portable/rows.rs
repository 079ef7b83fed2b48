//! The eight levels inside each row of the matrix.
//!
//! Two levels are a pass: butterflies of the four quarters of the row, whose words are interleaved afterwards. That rotates the eight
//! bits of a word's place to the left by two, so that the words of the next two levels are in quarters again, and after four passes
//! every word is at its place (a radix-4 form of T. G. Stockham's transform, 1966). Each word is multiplied first by `g^j`, with `j` its
//! place in its line and `g` the row's, so that the factors of the last two passes are the same for all rows.

use engine::arith::Word;

use super::{
    super::{super::lanes::LANES, MatrixRow},
    columns::{loop_of_4, quarters},
    prime::Prime,
    table::{LineFactors, MontgomeryFactors, PortableDirection, Splat},
};

/// The last eight levels in row `r`, with room for a row. In in `[0, 4q)`, out in `[0, q)`.
pub(super) fn forward(
    row: &mut MatrixRow,
    x: &mut MatrixRow,
    t: &PortableDirection,
    r: usize,
    p: &Prime,
) {
    let (first, second, [third, last @ ..]) =
        (first_pass(&t.rows[r]), second_pass(&t.rows[r]), &t.last);
    multiply(row, &t.twist[r], p);
    forward_pass(row, x, [&first; 4], p);
    forward_pass(x, row, [&second; 4], p);
    forward_pass(row, x, [third; 4], p);
    forward_pass(x, row, last.each_ref(), p);
    for word in row.as_flattened_mut() {
        *word = p.reduce_2q(p.reduce(*word));
    }
}

/// The first eight levels of the inverse in row `r`, with room for a row. In in `[0, q)`, out in `[0, 2q)`.
pub(super) fn inverse(
    row: &mut MatrixRow,
    x: &mut MatrixRow,
    t: &PortableDirection,
    r: usize,
    p: &Prime,
) {
    let (first, second, [third, last @ ..]) =
        (first_pass(&t.rows[r]), second_pass(&t.rows[r]), &t.last);
    inverse_pass(row, x, last.each_ref(), p);
    inverse_pass(x, row, [third; 4], p);
    inverse_pass(row, x, [&second; 4], p);
    inverse_pass(x, row, [&first; 4], p);
    multiply(row, &t.twist[r], p);
}

/// The factors of the first pass: those of the first two levels of a block.
fn first_pass(block: &MontgomeryFactors) -> [Splat; 3] {
    [0, 1, 2].map(|place| Splat::new(block.at(place)))
}

/// The factors of the second pass: those of the next two levels, whose four groups are interleaved.
fn second_pass(block: &MontgomeryFactors) -> [MontgomeryFactors; 3] {
    [[3, 4, 5, 6], [7, 9, 11, 13], [8, 10, 12, 14]].map(|places| block.repeat(places))
}

/// Each line times the factors of its lanes. In any words, out in `[0, 2q)`.
fn multiply(row: &mut MatrixRow, w: &MontgomeryFactors, p: &Prime) {
    loop_of_4(quarters(row), |t, x| x.map(|x| p.mul_lazy(x, w.at(t), t)));
}

// The functions below are not inlined: as arguments the rows cannot overlap, and so the loops become vector code.

/// Two levels, with factors for each line of a quarter. In and out in `[0, 4q)`.
#[inline(never)]
fn forward_pass<F: LineFactors>(from: &MatrixRow, to: &mut MatrixRow, w: [&[F; 3]; 4], p: &Prime) {
    let to: &mut [[[Word; 4]; LANES]] = to.as_flattened_mut().as_chunks_mut().0.as_chunks_mut().0;
    let [i, j, k, l] = [0, 4, 8, 12].map(|first| &from[first..][..4]);
    let lines = i.iter().zip(j).zip(k).zip(l);
    for ((((i, j), k), l), (to, [u, v, w])) in lines.zip(to.iter_mut().zip(w)) {
        for t in 0..LANES {
            to[t] = p.butterflies_of_4([i[t], j[t], k[t], l[t]], [u.at(t), v.at(t), w.at(t)], t);
        }
    }
}

/// The inverse of [`forward_pass`]. In and out in `[0, 2q)`.
#[inline(never)]
fn inverse_pass<F: LineFactors>(from: &MatrixRow, to: &mut MatrixRow, w: [&[F; 3]; 4], p: &Prime) {
    let from: &[[[Word; 4]; LANES]] = from.as_flattened().as_chunks().0.as_chunks().0;
    let [i, j, k, l] = quarters(to);
    let lines = i.iter_mut().zip(j).zip(k).zip(l);
    for ((((i, j), k), l), (from, [u, v, w])) in lines.zip(from.iter().zip(w)) {
        for t in 0..LANES {
            [i[t], j[t], k[t], l[t]] =
                p.inverse_butterflies_of_4(from[t], [u.at(t), v.at(t), w.at(t)], t);
        }
    }
}

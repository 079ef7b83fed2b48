//! The eight levels inside each row of the matrix.
//!
//! Four levels across the vectors of the row, after each word was multiplied by `g^j`, with `j` its place in its vector and `g` the
//! row's; then four for each pair of vectors, with words dealt anew between the two so that partners face each other. Thanks to the
//! first product the factors of those are the same for all rows.

use super::{
    super::super::{
        lanes::{Bounds, LANES},
        points::{Factors, Points},
    },
    super::MatrixRow,
    block,
    table::VectorDirection,
};

/// Each vector times the factors of its lanes. In any words, out in `[0, 2q)`.
#[inline(always)]
fn twist<S: Points>(s: S, x: &mut [S::Vector; LANES], factors: &Factors, b: Bounds<S>) {
    let (w, quotient) = (s.load(&factors.value), s.load(&factors.quotient));
    for x in x {
        *x = s.mul_lazy(*x, w, quotient, b.q);
    }
}

/// The last eight levels of row `r`. In in `[0, 4q)`, out in `[0, q)`.
#[inline(always)]
pub(super) fn forward<S: Points>(
    s: S,
    b: Bounds<S>,
    t: &VectorDirection,
    r: usize,
    row: &mut MatrixRow,
) {
    let mut x = [b.q; LANES];
    for (x, line) in x.iter_mut().zip(row.iter()) {
        *x = s.load(line);
    }
    twist(s, &mut x, &t.twist[r], b);
    block::forward_fresh(s, &mut x, &t.rows[r], b);
    // Level by level, because the products of one pair wait for one another.
    for level in 0..4 {
        for pair in 0..LANES / 2 {
            let y = [x[2 * pair], x[2 * pair + 1]];
            let y = match level {
                0 => s.deal_halves(y),
                1 => s.deal_quarters(y),
                2 => s.deal_pairs(y),
                _ => s.deal_singles(y),
            };
            let y = s.lane_butterfly(y, &t.last[pair][level], b);
            (x[2 * pair], x[2 * pair + 1]) = (y[0], y[1]);
        }
    }
    for pair in 0..LANES / 2 {
        let y = [b.reduce_4q(s, x[2 * pair]), b.reduce_4q(s, x[2 * pair + 1])];
        let y = s.undeal_all(y);
        s.store(y[0], &mut row[2 * pair]);
        s.store(y[1], &mut row[2 * pair + 1]);
    }
}

/// The first eight levels of the inverse in row `r`. In in `[0, q)`, out in `[0, 2q)`.
#[inline(always)]
pub(super) fn inverse<S: Points>(
    s: S,
    b: Bounds<S>,
    t: &VectorDirection,
    r: usize,
    row: &mut MatrixRow,
) {
    let mut x = [b.q; LANES];
    for pair in 0..LANES / 2 {
        let y = s.deal_all([s.load(&row[2 * pair]), s.load(&row[2 * pair + 1])]);
        let y = s.inverse_lane_butterfly_lazy(y, &t.last[pair][3], b);
        (x[2 * pair], x[2 * pair + 1]) = (y[0], y[1]);
    }
    for level in (0..3).rev() {
        for pair in 0..LANES / 2 {
            let y = [x[2 * pair], x[2 * pair + 1]];
            let y = match level {
                2 => s.deal_singles(y),
                1 => s.deal_pairs(y),
                _ => s.undeal_quarters(y),
            };
            let y = s.inverse_lane_butterfly(y, &t.last[pair][level], b);
            (x[2 * pair], x[2 * pair + 1]) = (y[0], y[1]);
        }
    }
    for pair in 0..LANES / 2 {
        let y = s.deal_halves([x[2 * pair], x[2 * pair + 1]]);
        (x[2 * pair], x[2 * pair + 1]) = (y[0], y[1]);
    }
    block::inverse(s, &mut x, &t.rows[r], b);
    twist(s, &mut x, &t.twist[r], b);
    for (x, line) in x.iter().zip(row) {
        s.store(*x, line);
    }
}

/// Brings row `r`, if there is one, and its factors to the first-level cache.
#[inline(always)]
pub(super) fn prefetch<S: Points>(s: S, t: &VectorDirection, matrix: &[MatrixRow], r: usize) {
    let Some(row) = matrix.get(r) else { return };
    for line in 0..row.len() {
        s.prefetch(row, line);
    }
    for factors in [&t.rows[r], &t.twist[r]] {
        s.prefetch(std::slice::from_ref(&factors.value), 0);
        s.prefetch(std::slice::from_ref(&factors.quotient), 0);
    }
}

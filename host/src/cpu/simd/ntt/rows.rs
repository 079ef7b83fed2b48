//! The eight levels inside each row of the matrix.
//!
//! A row is transformed as 16 x 16 words: four levels across its vectors, then, transposed, a cyclic transform across them. Between
//! the two stands the product with `g^j` (one vector per row) and with `z_k^j` (fifteen vectors for all rows).

use super::{
    super::lanes::{Bounds, Factors, LANES, Lanes},
    MatrixRow, block,
    table::Direction,
};

/// Each vector times the factors of its lanes. In any words, out in `[0, 2q)`.
#[inline(always)]
fn twist<S: Lanes>(s: S, x: &mut [S::Vector; LANES], factors: &Factors, b: Bounds<S>) {
    let (w, quotient) = (s.load(&factors.value), s.load(&factors.quotient));
    for x in x {
        *x = s.mul_lazy(*x, w, quotient, b.q);
    }
}

/// Each vector but the first times factors of its own. In any words, out in `[0, 2q)`.
#[inline(always)]
fn middle<S: Lanes>(s: S, x: &mut [S::Vector; LANES], factors: &[Factors], b: Bounds<S>) {
    for (x, factors) in x.iter_mut().zip(factors).skip(1) {
        let (w, quotient) = (s.load(&factors.value), s.load(&factors.quotient));
        *x = s.mul_lazy(*x, w, quotient, b.q);
    }
}

/// The last eight levels of row `r`. In in `[0, 4q)`, out in `[0, q)`.
#[inline(always)]
pub(super) fn forward<S: Lanes>(s: S, b: Bounds<S>, t: &Direction, r: usize, row: &mut MatrixRow) {
    let mut x = [b.q; LANES];
    for (x, line) in x.iter_mut().zip(row.iter()) {
        *x = s.load(line);
    }
    twist(s, &mut x, &t.twist[r], b);
    let mut y = [b.q; LANES];
    block::forward_head(s, &mut y, &t.rows[r], b, |k| x[k]);
    block::forward_tail(s, &mut y, &t.rows[r], b, |k, y| x[k] = y);
    s.transpose(&mut x);
    middle(s, &mut x, &t.middle, b);
    block::cyclic_head(s, &mut y, &t.cyclic, b, |k| x[k]);
    block::cyclic_tail(s, &mut y, &t.cyclic, b, |k, y| x[k] = y);
    for x in &mut x {
        *x = b.reduce_4q(s, *x);
    }
    s.transpose(&mut x);
    for (x, line) in x.iter().zip(row) {
        s.store(*x, line);
    }
}

/// The first eight levels of the inverse in row `r`. In in `[0, q)`, out in `[0, 2q)`.
#[inline(always)]
pub(super) fn inverse<S: Lanes>(s: S, b: Bounds<S>, t: &Direction, r: usize, row: &mut MatrixRow) {
    let mut x = [b.q; LANES];
    for (x, line) in x.iter_mut().zip(row.iter()) {
        *x = s.load(line);
    }
    s.transpose(&mut x);
    let mut y = [b.q; LANES];
    block::inverse_cyclic_head(s, &mut y, &t.cyclic, b, |k| x[k]);
    block::inverse_cyclic_tail(s, &y, &t.cyclic, b, |k, y| x[k] = y);
    middle(s, &mut x, &t.middle, b);
    s.transpose(&mut x);
    block::inverse_head(s, &mut y, &t.rows[r], b, |k| x[k]);
    block::inverse_tail(s, &y, &t.rows[r], b, |k, y| x[k] = y);
    twist(s, &mut x, &t.twist[r], b);
    for (x, line) in x.iter().zip(row) {
        s.store(*x, line);
    }
}

//! The levels down the columns of the matrix.

use engine::arith::ShoupFactor;

use super::{
    super::lanes::{Bounds, Factors, LANES, Lanes},
    MATRIX_ROW, MatrixRow, block,
};

/// Levels of `R` rows `stride` apart, beginning with row `k`. In and out in `[0, 4q)`.
#[inline(always)]
pub(super) fn forward<S: Lanes, const R: usize>(
    s: S,
    b: Bounds<S>,
    factors: &Factors,
    matrix: &mut [MatrixRow],
    stride: usize,
) {
    for k in 0..stride {
        for column in 0..MATRIX_ROW / LANES {
            let mut x = [b.q; R];
            block::forward_head(s, &mut x, factors, b, |i| {
                s.load(&matrix[i * stride + k][column])
            });
            block::forward_tail(s, &mut x, factors, b, |i, x| {
                s.store(x, &mut matrix[i * stride + k][column]);
            });
        }
    }
}

/// The inverse of [`forward`]. In and out in `[0, 2q)`.
#[inline(always)]
pub(super) fn inverse<S: Lanes, const R: usize>(
    s: S,
    b: Bounds<S>,
    factors: &Factors,
    matrix: &mut [MatrixRow],
    stride: usize,
) {
    for k in 0..stride {
        for column in 0..MATRIX_ROW / LANES {
            let mut x = [b.q; R];
            block::inverse_head(s, &mut x, factors, b, |i| {
                s.load(&matrix[i * stride + k][column])
            });
            block::inverse_tail(s, &x, factors, b, |i, x| {
                s.store(x, &mut matrix[i * stride + k][column]);
            });
        }
    }
}

/// As [`inverse`] with the factors `last` in the last level. In in `[0, 2q)`, out in `[0, q)`.
#[inline(always)]
pub(super) fn inverse_last<S: Lanes, const R: usize>(
    s: S,
    b: Bounds<S>,
    factors: &Factors,
    matrix: &mut [MatrixRow],
    stride: usize,
    last: [ShoupFactor; 2],
) {
    for k in 0..stride {
        for column in 0..MATRIX_ROW / LANES {
            let mut x = [b.q; R];
            block::inverse_head(s, &mut x, factors, b, |i| {
                s.load(&matrix[i * stride + k][column])
            });
            block::inverse_last(s, &x, factors, last, b, |i, x| {
                s.store(x, &mut matrix[i * stride + k][column]);
            });
        }
    }
}

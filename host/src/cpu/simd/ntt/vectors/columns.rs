//! The levels down the columns of the matrix.

use engine::arith::ShoupFactor;

use super::{
    super::super::{
        lanes::{Bounds, LANES, Registers},
        points::{Factors, Points},
    },
    super::{MATRIX_ROW, MatrixRow},
    block, halves,
};

/// Levels of `R` rows `stride` apart, beginning with row `k`. In and out in `[0, 4q)`.
#[inline(always)]
pub(super) fn forward<S: Points, const R: usize>(
    s: S,
    b: Bounds<S>,
    factors: &Factors,
    matrix: &mut [MatrixRow],
    stride: usize,
) {
    for k in 0..stride {
        for column in 0..MATRIX_ROW / LANES {
            let mut x = [b.q; R];
            if let Registers::Many = S::REGISTERS {
                for i in 0..R {
                    x[i] = s.load(&matrix[i * stride + k][column]);
                }
                block::forward(s, &mut x, factors, b);
                for i in 0..R {
                    s.store(x[i], &mut matrix[i * stride + k][column]);
                }
            } else {
                halves::forward_head(s, &mut x, factors, b, |i| {
                    s.load(&matrix[i * stride + k][column])
                });
                halves::forward_tail(s, &mut x, factors, b, |i, x| {
                    s.store(x, &mut matrix[i * stride + k][column]);
                });
            }
        }
    }
}

/// The inverse of [`forward`]. In and out in `[0, 2q)`.
#[inline(always)]
pub(super) fn inverse<S: Points, const R: usize>(
    s: S,
    b: Bounds<S>,
    factors: &Factors,
    matrix: &mut [MatrixRow],
    stride: usize,
) {
    for k in 0..stride {
        for column in 0..MATRIX_ROW / LANES {
            let mut x = [b.q; R];
            if let Registers::Many = S::REGISTERS {
                for i in 0..R {
                    x[i] = s.load(&matrix[i * stride + k][column]);
                }
                block::inverse(s, &mut x, factors, b);
                for i in 0..R {
                    s.store(x[i], &mut matrix[i * stride + k][column]);
                }
            } else {
                halves::inverse_head(s, &mut x, factors, b, |i| {
                    s.load(&matrix[i * stride + k][column])
                });
                halves::inverse_tail(s, &x, factors, b, |i, x| {
                    s.store(x, &mut matrix[i * stride + k][column]);
                });
            }
        }
    }
}

/// As [`inverse`] with the factors `last` in the last level. In in `[0, 2q)`, out in `[0, q)`.
#[inline(always)]
pub(super) fn inverse_last<S: Points, const R: usize>(
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
            if let Registers::Many = S::REGISTERS {
                for i in 0..R {
                    x[i] = s.load(&matrix[i * stride + k][column]);
                }
                block::inverse_last(s, &mut x, factors, last, b);
                for i in 0..R {
                    s.store(x[i], &mut matrix[i * stride + k][column]);
                }
            } else {
                halves::inverse_head(s, &mut x, factors, b, |i| {
                    s.load(&matrix[i * stride + k][column])
                });
                halves::last_tail(s, &x, factors, last, b, |i, x| {
                    s.store(x, &mut matrix[i * stride + k][column]);
                });
            }
        }
    }
}

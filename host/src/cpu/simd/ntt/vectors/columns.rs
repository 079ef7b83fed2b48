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

/// Which levels; a constant of each call, so that the code of one call has one kind only.
#[derive(Clone, Copy)]
pub(super) enum Levels {
    /// In and out in `[0, 4q)`.
    Forward,
    /// In and out in `[0, 2q)`.
    Inverse,
    /// The inverse with these factors in the last level. In in `[0, 2q)`, out in `[0, q)`.
    InverseLast([ShoupFactor; 2]),
}

/// The levels of a block of `R` rows `stride` apart, beginning with each of the first `stride` rows.
#[inline(always)]
pub(super) fn sweep<S: Points, const R: usize>(
    s: S,
    b: Bounds<S>,
    levels: Levels,
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
                match levels {
                    Levels::Forward => block::forward(s, &mut x, factors, b),
                    Levels::Inverse => block::inverse(s, &mut x, factors, b),
                    Levels::InverseLast(last) => {
                        block::inverse_last(s, &mut x, factors, last, b);
                    }
                }
                for i in 0..R {
                    s.store(x[i], &mut matrix[i * stride + k][column]);
                }
                continue;
            }
            let load = |i: usize| s.load(&matrix[i * stride + k][column]);
            match levels {
                Levels::Forward => halves::forward_head(s, &mut x, factors, b, load),
                _ => halves::inverse_head(s, &mut x, factors, b, load),
            }
            let store = |i: usize, x| s.store(x, &mut matrix[i * stride + k][column]);
            match levels {
                Levels::Forward => halves::forward_tail(s, &mut x, factors, b, store),
                Levels::Inverse => halves::inverse_tail(s, &x, factors, b, store),
                Levels::InverseLast(last) => halves::last_tail(s, &x, factors, last, b, store),
            }
        }
    }
}

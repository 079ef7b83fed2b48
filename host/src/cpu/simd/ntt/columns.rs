//! The levels down the columns of the matrix, sixteen columns at a time.

use engine::arith::ShoupFactor;

use super::{
    super::lanes::{LANES, Lanes, Line},
    MATRIX_ROW, MatrixRow, NttTable,
    block::{self, Bounds},
};

/// Sixteen columns of 256 rows: 16 KiB.
#[repr(align(64))]
pub(super) struct Scratch([Line; 256]);

impl Scratch {
    pub(super) const fn new() -> Self {
        Self([[0; LANES]; 256])
    }
}

/// The first `log2 (R1 R2)` levels. In in `[0, q)`, out in `[0, 4q)`.
#[inline(always)]
pub(super) fn forward<S: Lanes, const R1: usize, const R2: usize>(
    s: S,
    table: &NttTable,
    matrix: &mut [MatrixRow],
    scratch: &mut Scratch,
) {
    let b = Bounds::new(s, table.modulus().value());
    let Some((first, second)) = table.forward.columns.split_first() else {
        return;
    };
    let matrix = &mut matrix[..R1 * R2];
    let scratch = &mut scratch.0[..R1 * R2];
    for column in 0..MATRIX_ROW / LANES {
        for k in 0..R2 {
            let mut x = [s.splat(0); R1];
            for i in 0..R1 {
                x[i] = s.load(&matrix[i * R2 + k][column]);
            }
            if column + 1 < MATRIX_ROW / LANES {
                for i in 0..R1 {
                    s.prefetch(&matrix[i * R2 + k][column + 1]);
                }
            }
            block::forward(s, &mut x, first, b);
            for i in 0..R1 {
                if R2 == 1 {
                    s.store(x[i], &mut matrix[i][column]);
                } else {
                    s.store(x[i], &mut scratch[i * R2 + k]);
                }
            }
        }
        if R2 > 1 {
            for (i, factors) in second.iter().enumerate().take(R1) {
                let mut x = [s.splat(0); R2];
                for k in 0..R2 {
                    x[k] = s.load(&scratch[i * R2 + k]);
                }
                block::forward(s, &mut x, factors, b);
                for k in 0..R2 {
                    s.store(x[k], &mut matrix[i * R2 + k][column]);
                }
            }
        }
    }
}

/// The last `log2 (R1 R2)` levels of the inverse, times what is in `last`. In in `[0, 2q)`, out in `[0, q)`.
#[inline(always)]
pub(super) fn inverse<S: Lanes, const R1: usize, const R2: usize>(
    s: S,
    table: &NttTable,
    matrix: &mut [MatrixRow],
    scratch: &mut Scratch,
    last: [ShoupFactor; 2],
) {
    let b = Bounds::new(s, table.modulus().value());
    let Some((first, second)) = table.inverse.columns.split_first() else {
        return;
    };
    let matrix = &mut matrix[..R1 * R2];
    let scratch = &mut scratch.0[..R1 * R2];
    for column in 0..MATRIX_ROW / LANES {
        if R2 > 1 {
            for (i, factors) in second.iter().enumerate().take(R1) {
                let mut x = [s.splat(0); R2];
                for k in 0..R2 {
                    x[k] = s.load(&matrix[i * R2 + k][column]);
                }
                if column + 1 < MATRIX_ROW / LANES {
                    for k in 0..R2 {
                        s.prefetch(&matrix[i * R2 + k][column + 1]);
                    }
                }
                block::inverse(s, &mut x, factors, b);
                for k in 0..R2 {
                    s.store(x[k], &mut scratch[i * R2 + k]);
                }
            }
        }
        for k in 0..R2 {
            let mut x = [s.splat(0); R1];
            for i in 0..R1 {
                x[i] = if R2 == 1 {
                    s.load(&matrix[i][column])
                } else {
                    s.load(&scratch[i * R2 + k])
                };
            }
            block::inverse_last(s, &mut x, first, last, b);
            for i in 0..R1 {
                s.store(x[i], &mut matrix[i * R2 + k][column]);
            }
        }
    }
}

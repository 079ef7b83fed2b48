//! The levels down the columns of the matrix, sixteen columns at a time.

use engine::arith::Word;

use super::{
    super::{
        super::{
            ifma::{Ifma, Wide, WideFactor, WideLine},
            lanes::LANES,
        },
        MATRIX_ROW, MatrixRow,
    },
    STRIDE,
    block::{self, Prime},
    table::WideTable,
};

/// Vectors of a row of the matrix.
const VECTORS: usize = MATRIX_ROW / LANES;
/// The offset of words before the levels of the forward transform, in multiples of `p`.
pub(super) const FORWARD_OFFSET: u64 = 16;

/// The first `log2 (R1 R2)` levels. In in `[0, q)`; out double words in `[7p, 26p)`.
#[inline(always)]
pub(super) fn forward<const R1: usize, const R2: usize>(
    s: Ifma,
    table: &WideTable,
    matrix: &[MatrixRow],
    between: &mut [[WideLine; STRIDE]],
) {
    let prime = Prime::new(s, u64::from(table.modulus.value()));
    let offset = s.splat(FORWARD_OFFSET * prime.p);
    let Some((first, second)) = table.forward.columns.split_first() else {
        return;
    };
    let matrix = &matrix[..R1 * R2];
    let between = &mut between[..R1 * R2];
    let mut scratch = [WideLine([0; 8]); 256];
    let scratch = &mut scratch[..R1 * R2];
    for column in 0..VECTORS {
        for parity in 0..2 {
            for k in 0..R2 {
                let mut x = [offset; R1];
                for i in 0..R1 {
                    let words = s.load_words(&matrix[i * R2 + k][column]);
                    x[i] = if parity == 0 {
                        s.even(words)
                    } else {
                        s.odd(words)
                    };
                    if i < R1 / 2 {
                        x[i] = s.add(x[i], offset);
                    }
                }
                if parity == 0 && column + 1 < VECTORS {
                    for i in 0..R1 {
                        s.prefetch(&matrix[i * R2 + k][column + 1]);
                    }
                }
                block::forward(s, &mut x, first, prime);
                for i in 0..R1 {
                    if R2 == 1 {
                        s.store(x[i], &mut between[i][2 * column + parity]);
                    } else {
                        s.store(x[i], &mut scratch[i * R2 + k]);
                    }
                }
            }
            if R2 > 1 {
                for (i, factors) in second.iter().enumerate().take(R1) {
                    let mut x = [offset; R2];
                    for k in 0..R2 {
                        x[k] = s.load(&scratch[i * R2 + k]);
                    }
                    block::forward(s, &mut x, factors, prime);
                    for k in 0..R2 {
                        s.store(x[k], &mut between[i * R2 + k][2 * column + parity]);
                    }
                }
            }
        }
    }
}

/// The last `log2 (R1 R2)` levels of the inverse; the last one multiplies sums and differences by `last`.
/// In fresh products with their offset; out in `[0, q)`.
#[inline(always)]
pub(super) fn inverse<const R1: usize, const R2: usize>(
    s: Ifma,
    table: &WideTable,
    matrix: &mut [MatrixRow],
    between: &mut [[WideLine; STRIDE]],
    last: [Word; 2],
) {
    let prime = Prime::new(s, u64::from(table.modulus.value()));
    let last = last.map(|w| block::splat(s, WideFactor::new(w, table.modulus)));
    let p_words = s.splat(prime.p | prime.p << 32);
    let Some((first, second)) = table.inverse.columns.split_first() else {
        return;
    };
    let matrix = &mut matrix[..R1 * R2];
    let between = &mut between[..R1 * R2];
    let mut scratch = [[WideLine([0; 8]); 2]; 256];
    let scratch = &mut scratch[..R1 * R2];
    for column in 0..VECTORS {
        if R2 > 1 {
            for (i, factors) in second.iter().enumerate().take(R1) {
                for parity in 0..2 {
                    let mut x = [prime.minus_p; R2];
                    for k in 0..R2 {
                        x[k] = s.load(&between[i * R2 + k][2 * column + parity]);
                    }
                    block::inverse(s, &mut x, factors, 0, prime);
                    for k in 0..R2 {
                        s.store(x[k], &mut scratch[i * R2 + k][parity]);
                    }
                }
            }
        }
        for k in 0..R2 {
            let mut even = [prime.minus_p; R1];
            for parity in 0..2 {
                let mut x = [prime.minus_p; R1];
                for i in 0..R1 {
                    if R2 == 1 {
                        x[i] = s.load(&between[i][2 * column + parity]);
                    } else {
                        x[i] = s.load(&scratch[i * R2 + k][parity]);
                        if i % 2 == 0 {
                            let offset = block::grown_offset(prime.p, i, R1.trailing_zeros());
                            x[i] = s.add(x[i], s.splat(offset));
                        }
                    }
                }
                block::inverse(s, &mut x, first, 1, prime);
                last_level(s, &mut x, last, prime);
                if parity == 0 {
                    even = x;
                } else {
                    for i in 0..R1 {
                        let words = s.reduce_words(s.join(even[i], x[i]), p_words);
                        s.store_words(words, &mut matrix[i * R2 + k][column]);
                    }
                }
            }
        }
    }
}

/// The last level of the inverse; out fresh products.
#[inline(always)]
fn last_level<const R: usize>(s: Ifma, x: &mut [Wide; R], last: [[Wide; 2]; 2], prime: Prime) {
    let zero = s.splat(0);
    for i in 0..R / 2 {
        let (a, b) = (x[i], x[i + R / 2]);
        x[i] = block::add_product(s, zero, s.add(a, b), last[0], prime);
        x[i + R / 2] = block::add_product(s, zero, s.sub(a, b), last[1], prime);
    }
}

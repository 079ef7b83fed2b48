//! The levels down the columns of the matrix.

use super::{
    super::{
        super::ifma::{Ifma, Wide, WideFactor, WideLine},
        MatrixRow,
    },
    STRIDE,
    block::{self, Prime},
};

/// The offset of words before eight levels of the forward transform, in multiples of `p`.
pub(super) const FORWARD_OFFSET: u64 = 16;

/// The first `log2 R` levels. In in `[0, q)`; out double words in `[12p, 21p)`.
///
/// Reads `R` streams of lines, each in order.
#[inline(always)]
pub(super) fn forward_first<const R: usize>(
    s: Ifma,
    prime: Prime,
    factors: &[WideFactor; 16],
    matrix: &[MatrixRow],
    between: &mut [[WideLine; STRIDE]],
) {
    let offset = s.splat(FORWARD_OFFSET * prime.p);
    let stride = matrix.len() / R;
    for k in 0..stride {
        for column in 0..matrix[k].len() {
            for parity in 0..2 {
                let mut x = [offset; R];
                for i in 0..R {
                    let words = s.load_words(&matrix[i * stride + k][column]);
                    x[i] = if parity == 0 {
                        s.even(words)
                    } else {
                        s.odd(words)
                    };
                    if i < R / 2 {
                        x[i] = s.add(x[i], offset);
                    }
                }
                block::forward(s, &mut x, factors, prime);
                for i in 0..R {
                    s.store(x[i], &mut between[i * stride + k][2 * column + parity]);
                }
            }
        }
    }
}

/// The next `log2 R` levels of `R` rows.
#[inline(always)]
pub(super) fn forward_second<const R: usize>(
    s: Ifma,
    prime: Prime,
    factors: &[WideFactor; 16],
    between: &mut [[WideLine; STRIDE]],
) {
    let between = &mut between[..R];
    for line in 0..STRIDE - 1 {
        let mut x = [prime.minus_p; R];
        for k in 0..R {
            x[k] = s.load(&between[k][line]);
        }
        block::forward(s, &mut x, factors, prime);
        for k in 0..R {
            s.store(x[k], &mut between[k][line]);
        }
    }
}

/// The inverse of [`forward_second`]. In with offsets for `R` fresh words; out with the offset `offset`.
#[inline(always)]
pub(super) fn inverse_second<const R: usize>(
    s: Ifma,
    prime: Prime,
    factors: &[WideFactor; 16],
    between: &mut [[WideLine; STRIDE]],
    offset: Wide,
) {
    let between = &mut between[..R];
    for line in 0..STRIDE - 1 {
        let mut x = [offset; R];
        for k in 0..R {
            x[k] = s.load(&between[k][line]);
        }
        block::inverse(s, &mut x, factors, 0, prime);
        for k in 0..R {
            s.store(s.add(x[k], offset), &mut between[k][line]);
        }
    }
}

/// The inverse of [`forward_first`], times what is in `last`. In with offsets for `R` words; out in `[0, q)`.
#[inline(always)]
pub(super) fn inverse_first<const R: usize>(
    s: Ifma,
    prime: Prime,
    factors: &[WideFactor; 16],
    matrix: &mut [MatrixRow],
    between: &[[WideLine; STRIDE]],
    last: [WideFactor; 2],
) {
    let p_words = s.splat(prime.p | prime.p << 32);
    let last = last.map(|w| block::splat(s, w));
    let stride = matrix.len() / R;
    for k in 0..stride {
        for column in 0..matrix[k].len() {
            let mut even = [prime.minus_p; R];
            for parity in 0..2 {
                let mut x = [prime.minus_p; R];
                for i in 0..R {
                    x[i] = s.load(&between[i * stride + k][2 * column + parity]);
                }
                block::inverse(s, &mut x, factors, 1, prime);
                last_level(s, &mut x, last, prime);
                if parity == 0 {
                    even = x;
                } else {
                    for i in 0..R {
                        let words = s.reduce_words(s.join(even[i], x[i]), p_words);
                        s.store_words(words, &mut matrix[i * stride + k][column]);
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

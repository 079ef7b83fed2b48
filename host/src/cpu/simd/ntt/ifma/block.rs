//! Butterflies without corrections, and transforms of up to sixteen points that are registers.

use super::super::super::ifma::{Ifma, Wide, WideFactor};

/// The unit of offsets in multiples of `p`: above every fresh product, which is below `p + y p / 2^52` for `y < 2^43`.
const UNIT: u64 = 2;
/// What four levels of the inverse make of words below the unit: 16 units, and offsets of 32 units in the sums.
const GROWTH: u64 = 48;

/// The constants of a prime.
#[derive(Clone, Copy)]
pub(super) struct Prime {
    pub(super) p: u64,
    /// `2^52 - p`.
    pub(super) minus_p: Wide,
}

impl Prime {
    #[inline(always)]
    pub(super) fn new(s: Ifma, p: u64) -> Self {
        Self {
            p,
            minus_p: s.splat((1 << 52) - p),
        }
    }
}

/// The offset of word `i` of `2^levels` before that many levels of the inverse, in units of the largest word.
///
/// At each level the first half of a group of `2 m` words must exceed the second by `m` units, so that no difference is
/// negative; `2^t - 1` units at `i`, with `t` its trailing zeros, are just enough.
pub(super) const fn offset(i: usize, levels: u32) -> u64 {
    let zeros = if i == 0 { levels } else { i.trailing_zeros() };
    (1 << zeros) - 1
}

/// [`offset`] of a fresh product or of a canonical word.
#[inline(always)]
pub(super) fn fresh_offset(p: u64, i: usize, levels: u32) -> u64 {
    offset(i, levels) * UNIT * p
}

/// [`offset`] of a word that has been through four levels of the inverse.
#[inline(always)]
pub(super) fn grown_offset(p: u64, i: usize, levels: u32) -> u64 {
    offset(i, levels) * GROWTH * UNIT * p
}

/// `sum + y w`; the product is in `[0, p + y p / 2^52)` for `y` in `[0, 2^52)`.
#[inline(always)]
pub(super) fn add_product(
    s: Ifma,
    sum: Wide,
    y: Wide,
    [w, quotient]: [Wide; 2],
    prime: Prime,
) -> Wide {
    let multiple = s.high(y, quotient);
    s.add_low(s.add_low(sum, y, w), multiple, prime.minus_p)
}

/// `(x + w y, x - w y)`.
#[inline(always)]
pub(super) fn butterfly(s: Ifma, [x, y]: [Wide; 2], w: [Wide; 2], prime: Prime) -> [Wide; 2] {
    let sum = add_product(s, x, y, w, prime);
    [sum, s.sub(s.add(x, x), sum)]
}

/// `(x + y, w (x - y) + offset)` for `x >= y`.
#[inline(always)]
pub(super) fn inverse_butterfly(
    s: Ifma,
    [x, y]: [Wide; 2],
    w: [Wide; 2],
    offset: Wide,
    prime: Prime,
) -> [Wide; 2] {
    [s.add(x, y), add_product(s, offset, s.sub(x, y), w, prime)]
}

/// A factor in all places.
#[inline(always)]
pub(super) fn splat(s: Ifma, w: WideFactor) -> [Wide; 2] {
    [s.splat(w.value), s.splat(w.quotient)]
}

/// A block of `R` points with the factor of group `g` of level `l` at `2^l - 1 + g`. Each word moves by at most `log2 R` products.
#[inline(always)]
pub(super) fn forward<const R: usize>(
    s: Ifma,
    x: &mut [Wide; R],
    factors: &[WideFactor; 16],
    prime: Prime,
) {
    let mut half = R / 2;
    while half > 0 {
        let groups = R / (2 * half);
        for group in 0..groups {
            let w = splat(s, factors[groups - 1 + group]);
            for i in 2 * half * group..2 * half * group + half {
                [x[i], x[i + half]] = butterfly(s, [x[i], x[i + half]], w, prime);
            }
        }
        half /= 2;
    }
}

/// The inverse of [`forward`] but for its last `skip` levels. Words must have their [`offset`].
#[inline(always)]
pub(super) fn inverse<const R: usize>(
    s: Ifma,
    x: &mut [Wide; R],
    factors: &[WideFactor; 16],
    skip: u32,
    prime: Prime,
) {
    let mut half = 1;
    while half < R >> skip {
        let groups = R / (2 * half);
        for group in 0..groups {
            let w = splat(s, factors[groups - 1 + group]);
            let offset = s.splat(fresh_offset(prime.p, group, groups.trailing_zeros()));
            for i in 2 * half * group..2 * half * group + half {
                [x[i], x[i + half]] = inverse_butterfly(s, [x[i], x[i + half]], w, offset, prime);
            }
        }
        half *= 2;
    }
}

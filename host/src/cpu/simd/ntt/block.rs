//! Butterflies, and transforms of up to sixteen points that are vectors.

use super::super::lanes::{Factors, Lanes};

/// A modulus and its double in all lanes.
#[derive(Clone, Copy)]
pub(super) struct Bounds<V> {
    pub(super) q: V,
    pub(super) two_q: V,
}

impl<V: Copy> Bounds<V> {
    #[inline(always)]
    pub(super) fn new<S: Lanes<Vector = V>>(s: S, q: u32) -> Self {
        Self {
            q: s.splat(q),
            two_q: s.splat(2 * q),
        }
    }

    /// From `[0, 4q)` to `[0, q)`.
    #[inline(always)]
    pub(super) fn canonical<S: Lanes<Vector = V>>(self, s: S, x: V) -> V {
        s.reduce(s.reduce(x, self.two_q), self.q)
    }
}

/// `(x + w y, x - w y)` with `w` at `place`. In and out in `[0, 4q)`.
#[inline(always)]
fn butterfly<S: Lanes, const R: usize>(
    s: S,
    x: &mut [S::Vector; R],
    [i, j]: [usize; 2],
    factors: &Factors,
    place: usize,
    b: Bounds<S::Vector>,
) {
    let sum = s.reduce(x[i], b.two_q);
    let product = s.mul_scalar_lazy(x[j], factors.value[place], factors.quotient[place], b.q);
    x[i] = s.add(sum, product);
    x[j] = s.add(s.sub(sum, product), b.two_q);
}

/// `(x + y, w (x - y))` with `w` at `place`. In and out in `[0, 2q)`.
#[inline(always)]
fn inverse_butterfly<S: Lanes, const R: usize>(
    s: S,
    x: &mut [S::Vector; R],
    [i, j]: [usize; 2],
    factors: &Factors,
    place: usize,
    b: Bounds<S::Vector>,
) {
    let difference = s.add(s.sub(x[i], x[j]), b.two_q);
    x[i] = s.reduce(s.add(x[i], x[j]), b.two_q);
    x[j] = s.mul_scalar_lazy(
        difference,
        factors.value[place],
        factors.quotient[place],
        b.q,
    );
}

/// Two levels at four points; `[a, b, c]` are the places of the factors. In and out in `[0, 4q)`.
#[inline(always)]
fn radix_4<S: Lanes, const R: usize>(
    s: S,
    x: &mut [S::Vector; R],
    [i, j, k, l]: [usize; 4],
    factors: &Factors,
    [a, b, c]: [usize; 3],
    bounds: Bounds<S::Vector>,
) {
    butterfly(s, x, [i, k], factors, a, bounds);
    butterfly(s, x, [j, l], factors, a, bounds);
    butterfly(s, x, [i, j], factors, b, bounds);
    butterfly(s, x, [k, l], factors, c, bounds);
}

/// The inverse of [`radix_4`]. In and out in `[0, 2q)`.
#[inline(always)]
fn inverse_radix_4<S: Lanes, const R: usize>(
    s: S,
    x: &mut [S::Vector; R],
    [i, j, k, l]: [usize; 4],
    factors: &Factors,
    [a, b, c]: [usize; 3],
    bounds: Bounds<S::Vector>,
) {
    inverse_butterfly(s, x, [i, j], factors, b, bounds);
    inverse_butterfly(s, x, [k, l], factors, c, bounds);
    inverse_butterfly(s, x, [i, k], factors, a, bounds);
    inverse_butterfly(s, x, [j, l], factors, a, bounds);
}

/// A block of `R` in 4, 8, 16 points. In and out in `[0, 4q)`.
#[inline(always)]
pub(super) fn forward<S: Lanes, const R: usize>(
    s: S,
    x: &mut [S::Vector; R],
    factors: &Factors,
    b: Bounds<S::Vector>,
) {
    let quarter = R / 4;
    for i in 0..quarter {
        let points = [i, i + quarter, i + 2 * quarter, i + 3 * quarter];
        radix_4(s, x, points, factors, [0, 1, 2], b);
    }
    for group in 0..4 {
        let i = group * quarter;
        match R {
            8 => butterfly(s, x, [i, i + 1], factors, 3 + group, b),
            16 => {
                let places = [3 + group, 7 + 2 * group, 8 + 2 * group];
                radix_4(s, x, [i, i + 1, i + 2, i + 3], factors, places, b);
            }
            _ => {}
        }
    }
}

/// The levels of a block of `R` in 4, 8, 16 points that come before its last two, backwards. In and out in `[0, 2q)`.
#[inline(always)]
fn inverse_inner<S: Lanes, const R: usize>(
    s: S,
    x: &mut [S::Vector; R],
    factors: &Factors,
    b: Bounds<S::Vector>,
) {
    for group in 0..4 {
        let i = group * (R / 4);
        match R {
            8 => inverse_butterfly(s, x, [i, i + 1], factors, 3 + group, b),
            16 => {
                let places = [3 + group, 7 + 2 * group, 8 + 2 * group];
                inverse_radix_4(s, x, [i, i + 1, i + 2, i + 3], factors, places, b);
            }
            _ => {}
        }
    }
}

/// The inverse of [`forward`]. In and out in `[0, 2q)`.
#[inline(always)]
pub(super) fn inverse<S: Lanes, const R: usize>(
    s: S,
    x: &mut [S::Vector; R],
    factors: &Factors,
    b: Bounds<S::Vector>,
) {
    inverse_inner(s, x, factors, b);
    let quarter = R / 4;
    for i in 0..quarter {
        let points = [i, i + quarter, i + 2 * quarter, i + 3 * quarter];
        inverse_radix_4(s, x, points, factors, [0, 1, 2], b);
    }
}

/// The last block of an inverse transform: as [`inverse`], but the last level multiplies sums by the first and differences by
/// the second of `last`. In in `[0, 2q)`, out in `[0, q)`.
#[inline(always)]
pub(super) fn inverse_last<S: Lanes, const R: usize>(
    s: S,
    x: &mut [S::Vector; R],
    factors: &Factors,
    last: [engine::arith::ShoupFactor; 2],
    b: Bounds<S::Vector>,
) {
    inverse_inner(s, x, factors, b);
    let quarter = R / 4;
    for i in 0..quarter {
        let [i, j, k, l] = [i, i + quarter, i + 2 * quarter, i + 3 * quarter];
        inverse_butterfly(s, x, [i, j], factors, 1, b);
        inverse_butterfly(s, x, [k, l], factors, 2, b);
        for (i, j) in [(i, k), (j, l)] {
            let sum = s.add(x[i], x[j]);
            let difference = s.add(s.sub(x[i], x[j]), b.two_q);
            for (i, x_i, w) in [(i, sum, last[0]), (j, difference, last[1])] {
                x[i] = s.reduce(s.mul_scalar_lazy(x_i, w.value(), w.quotient(), b.q), b.q);
            }
        }
    }
}

/// `(x + y, x - y)`. In in `[0, 4q)`, out in `[0, 4q)`.
#[inline(always)]
fn trivial_butterfly<S: Lanes>(
    s: S,
    x: &mut [S::Vector; 16],
    [i, j]: [usize; 2],
    b: Bounds<S::Vector>,
) {
    let (a, c) = (s.reduce(x[i], b.two_q), s.reduce(x[j], b.two_q));
    x[i] = s.add(a, c);
    x[j] = s.add(s.sub(a, c), b.two_q);
}

/// `(x + y, x - y)`. In and out in `[0, 2q)`.
#[inline(always)]
fn inverse_trivial_butterfly<S: Lanes>(
    s: S,
    x: &mut [S::Vector; 16],
    [i, j]: [usize; 2],
    b: Bounds<S::Vector>,
) {
    let difference = s.add(s.sub(x[i], x[j]), b.two_q);
    x[i] = s.reduce(s.add(x[i], x[j]), b.two_q);
    x[j] = s.reduce(difference, b.two_q);
}

/// Cyclic transform of 16 points; the first group of each level has the factor one. In and out in `[0, 4q)`.
#[inline(always)]
pub(super) fn cyclic<S: Lanes>(
    s: S,
    x: &mut [S::Vector; 16],
    factors: &Factors,
    b: Bounds<S::Vector>,
) {
    for i in 0..4 {
        trivial_butterfly(s, x, [i, i + 8], b);
        trivial_butterfly(s, x, [i + 4, i + 12], b);
        trivial_butterfly(s, x, [i, i + 4], b);
        butterfly(s, x, [i + 8, i + 12], factors, 2, b);
    }
    trivial_butterfly(s, x, [0, 2], b);
    trivial_butterfly(s, x, [1, 3], b);
    trivial_butterfly(s, x, [0, 1], b);
    butterfly(s, x, [2, 3], factors, 8, b);
    for group in 1..4 {
        let i = 4 * group;
        let places = [3 + group, 7 + 2 * group, 8 + 2 * group];
        radix_4(s, x, [i, i + 1, i + 2, i + 3], factors, places, b);
    }
}

/// The inverse of [`cyclic`]. In and out in `[0, 2q)`.
#[inline(always)]
pub(super) fn inverse_cyclic<S: Lanes>(
    s: S,
    x: &mut [S::Vector; 16],
    factors: &Factors,
    b: Bounds<S::Vector>,
) {
    inverse_trivial_butterfly(s, x, [0, 1], b);
    inverse_butterfly(s, x, [2, 3], factors, 8, b);
    inverse_trivial_butterfly(s, x, [0, 2], b);
    inverse_trivial_butterfly(s, x, [1, 3], b);
    for group in 1..4 {
        let i = 4 * group;
        let places = [3 + group, 7 + 2 * group, 8 + 2 * group];
        inverse_radix_4(s, x, [i, i + 1, i + 2, i + 3], factors, places, b);
    }
    for i in 0..4 {
        inverse_trivial_butterfly(s, x, [i, i + 4], b);
        inverse_butterfly(s, x, [i + 8, i + 12], factors, 2, b);
        inverse_trivial_butterfly(s, x, [i, i + 8], b);
        inverse_trivial_butterfly(s, x, [i + 4, i + 12], b);
    }
}

//! Transforms of up to sixteen points that are vectors, level by level, for sets that have registers for all of them.
//!
//! The factors of a block stand as in `Factors`: group `g` of level `l` at `2^l - 1 + g`.

use engine::arith::ShoupFactor;

use super::super::super::{
    lanes::Bounds,
    points::{Factors, Points},
};

/// One level of a block of `R` points, in groups of `2 H`. In and out in `[0, 4q)`; `FRESH` words in in `[0, 2q)`.
#[inline(always)]
fn level<S: Points, const R: usize, const H: usize, const FRESH: bool>(
    s: S,
    x: &mut [S::Vector; R],
    factors: &Factors,
    b: Bounds<S>,
) {
    for group in 0..R / (2 * H) {
        let w = factors.at(R / (2 * H) - 1 + group);
        for k in 0..H {
            let i = 2 * H * group + k;
            let (mut a, mut c) = (x[i], x[i + H]);
            if FRESH {
                s.butterfly_lazy(&mut a, &mut c, w, b);
            } else {
                s.butterfly(&mut a, &mut c, w, b);
            }
            (x[i], x[i + H]) = (a, c);
        }
    }
}

/// One level of the inverse. In and out in `[0, 2q)`.
#[inline(always)]
fn inverse_level<S: Points, const R: usize, const H: usize>(
    s: S,
    x: &mut [S::Vector; R],
    factors: &Factors,
    b: Bounds<S>,
) {
    for group in 0..R / (2 * H) {
        let w = factors.at(R / (2 * H) - 1 + group);
        for k in 0..H {
            let i = 2 * H * group + k;
            let (mut a, mut c) = (x[i], x[i + H]);
            s.inverse_butterfly(&mut a, &mut c, w, b);
            (x[i], x[i + H]) = (a, c);
        }
    }
}

/// All levels of a block of `R` in 4, 8, 16 points that are registers. In and out in `[0, 4q)`.
#[inline(always)]
pub(super) fn forward<S: Points, const R: usize>(
    s: S,
    x: &mut [S::Vector; R],
    factors: &Factors,
    b: Bounds<S>,
) {
    if R == 16 {
        level::<S, R, 8, false>(s, x, factors, b);
    }
    if R >= 8 {
        level::<S, R, 4, false>(s, x, factors, b);
    }
    level::<S, R, 2, false>(s, x, factors, b);
    level::<S, R, 1, false>(s, x, factors, b);
}

/// [`forward`] for 16 points. In in `[0, 2q)`, out in `[0, 4q)`.
#[inline(always)]
pub(super) fn forward_fresh<S: Points>(
    s: S,
    x: &mut [S::Vector; 16],
    factors: &Factors,
    b: Bounds<S>,
) {
    level::<S, 16, 8, true>(s, x, factors, b);
    level::<S, 16, 4, false>(s, x, factors, b);
    level::<S, 16, 2, false>(s, x, factors, b);
    level::<S, 16, 1, false>(s, x, factors, b);
}

/// The inverse of [`forward`]. In and out in `[0, 2q)`.
#[inline(always)]
pub(super) fn inverse<S: Points, const R: usize>(
    s: S,
    x: &mut [S::Vector; R],
    factors: &Factors,
    b: Bounds<S>,
) {
    inverse_level::<S, R, 1>(s, x, factors, b);
    inverse_level::<S, R, 2>(s, x, factors, b);
    if R >= 8 {
        inverse_level::<S, R, 4>(s, x, factors, b);
    }
    if R == 16 {
        inverse_level::<S, R, 8>(s, x, factors, b);
    }
}

/// As [`inverse`], but the last level multiplies sums by the first and differences by the second of `last`.
/// In in `[0, 2q)`, out in `[0, q)`.
#[inline(always)]
pub(super) fn inverse_last<S: Points, const R: usize>(
    s: S,
    x: &mut [S::Vector; R],
    factors: &Factors,
    last: [ShoupFactor; 2],
    b: Bounds<S>,
) {
    inverse_level::<S, R, 1>(s, x, factors, b);
    if R >= 8 {
        inverse_level::<S, R, 2>(s, x, factors, b);
    }
    if R == 16 {
        inverse_level::<S, R, 4>(s, x, factors, b);
    }
    for i in 0..R / 2 {
        let (a, c) = (x[i], x[i + R / 2]);
        let difference = s.add(s.sub(a, c), b.two_q);
        x[i] = multiple(s, s.add(a, c), last[0], b);
        x[i + R / 2] = multiple(s, difference, last[1], b);
    }
}

/// `x w`. In any words, out in `[0, q)`.
#[inline(always)]
pub(super) fn multiple<S: Points>(s: S, x: S::Vector, w: ShoupFactor, b: Bounds<S>) -> S::Vector {
    s.reduce(s.mul_scalar_lazy(x, w.value(), w.quotient(), b.q), b.q)
}

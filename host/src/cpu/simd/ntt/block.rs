//! Transforms of up to sixteen points that are vectors.
//!
//! The factors of a block stand as in `Factors`: group `g` of level `l` at `2^l - 1 + g`.

use engine::arith::ShoupFactor;

use super::super::lanes::{Bounds, Factors, Lanes};

/// The points at equal places of the four quarters of a block.
#[inline(always)]
fn quarters<V>(x: &mut [V]) -> impl Iterator<Item = [&mut V; 4]> {
    let (lower, upper) = x.split_at_mut(x.len() / 2);
    let (a, b) = lower.split_at_mut(lower.len() / 2);
    let (c, d) = upper.split_at_mut(upper.len() / 2);
    let pairs = a.iter_mut().zip(b).zip(c.iter_mut().zip(d));
    pairs.map(|((a, b), (c, d))| [a, b, c, d])
}

/// A block of `R` in 4, 8, 16 points. In and out in `[0, 4q)`.
#[inline(always)]
pub(super) fn forward<S: Lanes, const R: usize>(
    s: S,
    x: &mut [S::Vector; R],
    factors: &Factors,
    b: Bounds<S>,
) {
    for points in quarters(x) {
        s.radix_4(points, [factors.at(0), factors.at(1), factors.at(2)], b);
    }
    match R {
        8 => {
            for (group, [i, j]) in x.as_chunks_mut().0.iter_mut().enumerate() {
                s.butterfly(i, j, factors.at(3 + group), b);
            }
        }
        16 => {
            for (group, points) in x.as_chunks_mut().0.iter_mut().enumerate() {
                let w = [3 + group, 7 + 2 * group, 8 + 2 * group].map(|i| factors.at(i));
                s.radix_4(points.each_mut(), w, b);
            }
        }
        _ => {}
    }
}

/// The levels of the inverse of [`forward`] but its last two. In and out in `[0, 2q)`.
#[inline(always)]
fn inverse_inner<S: Lanes, const R: usize>(
    s: S,
    x: &mut [S::Vector; R],
    factors: &Factors,
    b: Bounds<S>,
) {
    match R {
        8 => {
            for (group, [i, j]) in x.as_chunks_mut().0.iter_mut().enumerate() {
                s.inverse_butterfly(i, j, factors.at(3 + group), b);
            }
        }
        16 => {
            for (group, points) in x.as_chunks_mut().0.iter_mut().enumerate() {
                let w = [3 + group, 7 + 2 * group, 8 + 2 * group].map(|i| factors.at(i));
                s.inverse_radix_4(points.each_mut(), w, b);
            }
        }
        _ => {}
    }
}

/// The inverse of [`forward`]. In and out in `[0, 2q)`.
#[inline(always)]
pub(super) fn inverse<S: Lanes, const R: usize>(
    s: S,
    x: &mut [S::Vector; R],
    factors: &Factors,
    b: Bounds<S>,
) {
    inverse_inner(s, x, factors, b);
    for points in quarters(x) {
        s.inverse_radix_4(points, [factors.at(0), factors.at(1), factors.at(2)], b);
    }
}

/// As [`inverse`], but the last level multiplies sums by the first and differences by the second of `last`.
/// In in `[0, 2q)`, out in `[0, q)`.
#[inline(always)]
pub(super) fn inverse_last<S: Lanes, const R: usize>(
    s: S,
    x: &mut [S::Vector; R],
    factors: &Factors,
    last: [ShoupFactor; 2],
    b: Bounds<S>,
) {
    inverse_inner(s, x, factors, b);
    for [i, j, k, l] in quarters(x) {
        s.inverse_butterfly(i, j, factors.at(1), b);
        s.inverse_butterfly(k, l, factors.at(2), b);
        for (i, j) in [(i, k), (j, l)] {
            let sum = s.add(*i, *j);
            let difference = s.add(s.sub(*i, *j), b.two_q);
            let product = |x, w: ShoupFactor| {
                s.reduce(s.mul_scalar_lazy(x, w.value(), w.quotient(), b.q), b.q)
            };
            *i = product(sum, last[0]);
            *j = product(difference, last[1]);
        }
    }
}

/// `(x + y, x - y)`. In and out in `[0, 4q)`.
#[inline(always)]
fn trivial<S: Lanes>(s: S, x: &mut S::Vector, y: &mut S::Vector, b: Bounds<S>) {
    let (a, c) = (s.reduce(*x, b.two_q), s.reduce(*y, b.two_q));
    *x = s.add(a, c);
    *y = s.add(s.sub(a, c), b.two_q);
}

/// `(x + y, x - y)`. In and out in `[0, 2q)`.
#[inline(always)]
fn inverse_trivial<S: Lanes>(s: S, x: &mut S::Vector, y: &mut S::Vector, b: Bounds<S>) {
    let difference = s.add(s.sub(*x, *y), b.two_q);
    *x = s.reduce(s.add(*x, *y), b.two_q);
    *y = s.reduce(difference, b.two_q);
}

/// Cyclic transform of 16 points; the first group of each level has the factor one. In and out in `[0, 4q)`.
#[inline(always)]
pub(super) fn cyclic<S: Lanes>(s: S, x: &mut [S::Vector; 16], factors: &Factors, b: Bounds<S>) {
    for [i, j, k, l] in quarters(x) {
        trivial(s, i, k, b);
        trivial(s, j, l, b);
        trivial(s, i, j, b);
        s.butterfly(k, l, factors.at(2), b);
    }
    for (group, points) in x.as_chunks_mut().0.iter_mut().enumerate() {
        let w = [3 + group, 7 + 2 * group, 8 + 2 * group].map(|i| factors.at(i));
        let [i, j, k, l] = points.each_mut();
        if group > 0 {
            s.radix_4([i, j, k, l], w, b);
        } else {
            trivial(s, i, k, b);
            trivial(s, j, l, b);
            trivial(s, i, j, b);
            s.butterfly(k, l, w[2], b);
        }
    }
}

/// The inverse of [`cyclic`]. In and out in `[0, 2q)`.
#[inline(always)]
pub(super) fn inverse_cyclic<S: Lanes>(
    s: S,
    x: &mut [S::Vector; 16],
    factors: &Factors,
    b: Bounds<S>,
) {
    for (group, points) in x.as_chunks_mut().0.iter_mut().enumerate() {
        let w = [3 + group, 7 + 2 * group, 8 + 2 * group].map(|i| factors.at(i));
        let [i, j, k, l] = points.each_mut();
        if group > 0 {
            s.inverse_radix_4([i, j, k, l], w, b);
        } else {
            inverse_trivial(s, i, j, b);
            s.inverse_butterfly(k, l, w[2], b);
            inverse_trivial(s, i, k, b);
            inverse_trivial(s, j, l, b);
        }
    }
    for [i, j, k, l] in quarters(x) {
        inverse_trivial(s, i, j, b);
        s.inverse_butterfly(k, l, factors.at(2), b);
        inverse_trivial(s, i, k, b);
        inverse_trivial(s, j, l, b);
    }
}

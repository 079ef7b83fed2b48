//! Transforms of up to sixteen points that are vectors, for sets with registers for four.
//!
//! Every block is in two halves, of two levels and of the others. The head takes points from a function, the tail gives them to one, so
//! that all points are in memory between the two only. Factors stand as in [`block`].

use engine::arith::ShoupFactor;

use super::{
    super::super::{
        lanes::Bounds,
        points::{Factor, Factors, Points},
    },
    block,
};

/// Two levels of [`butterfly`](Points::butterfly) at four points, the second with `w[1]` and `w[2]`.
#[inline(always)]
fn radix_4<S: Points>(s: S, x: [&mut S::Vector; 4], w: [Factor; 3], b: Bounds<S>) {
    let [i, j, k, l] = x;
    s.butterfly(i, k, w[0], b);
    s.butterfly(j, l, w[0], b);
    s.butterfly(i, j, w[1], b);
    s.butterfly(k, l, w[2], b);
}

/// The inverse of [`radix_4`] by [`inverse_butterfly`](Points::inverse_butterfly).
#[inline(always)]
fn inverse_radix_4<S: Points>(s: S, x: [&mut S::Vector; 4], w: [Factor; 3], b: Bounds<S>) {
    let [i, j, k, l] = x;
    s.inverse_butterfly(i, j, w[1], b);
    s.inverse_butterfly(k, l, w[2], b);
    s.inverse_butterfly(i, k, w[0], b);
    s.inverse_butterfly(j, l, w[0], b);
}

/// The factors of group `group` of level `level` and of its two groups of the next level.
#[inline(always)]
fn factors_of_4(factors: &Factors, level: u32, group: usize) -> [Factor; 3] {
    let (first, second) = ((1 << level) - 1 + group, (2 << level) - 1 + 2 * group);
    [
        factors.at(first),
        factors.at(second),
        factors.at(second + 1),
    ]
}

/// The places of point `i` of each quarter of a block of `R` points.
#[inline(always)]
const fn quarters<const R: usize>(i: usize) -> [usize; 4] {
    [i, i + R / 4, i + R / 2, i + 3 * R / 4]
}

/// The first two levels of a block of `R` in 4, 8, 16 points. In and out in `[0, 4q)`.
#[inline(always)]
pub(super) fn forward_head<S: Points, const R: usize>(
    s: S,
    x: &mut [S::Vector; R],
    factors: &Factors,
    b: Bounds<S>,
    from: impl Fn(usize) -> S::Vector,
) {
    for i in 0..R / 4 {
        let [i, j, k, l] = quarters::<R>(i);
        let mut points = [from(i), from(j), from(k), from(l)];
        radix_4(s, points.each_mut(), factors_of_4(factors, 0, 0), b);
        [x[i], x[j], x[k], x[l]] = points;
    }
}

/// The other levels. In and out in `[0, 4q)`.
#[inline(always)]
pub(super) fn forward_tail<S: Points, const R: usize>(
    s: S,
    x: &mut [S::Vector; R],
    factors: &Factors,
    b: Bounds<S>,
    mut to: impl FnMut(usize, S::Vector),
) {
    match R {
        8 => {
            for (group, [i, j]) in x.as_chunks_mut().0.iter_mut().enumerate() {
                s.butterfly(i, j, factors.at(3 + group), b);
                to(2 * group, *i);
                to(2 * group + 1, *j);
            }
        }
        16 => {
            for (group, points) in x.as_chunks_mut::<4>().0.iter_mut().enumerate() {
                radix_4(s, points.each_mut(), factors_of_4(factors, 2, group), b);
                for k in 0..4 {
                    to(4 * group + k, points[k]);
                }
            }
        }
        _ => {
            for i in 0..R {
                to(i, x[i]);
            }
        }
    }
}

/// The inverse of [`forward_tail`]. In and out in `[0, 2q)`.
#[inline(always)]
pub(super) fn inverse_head<S: Points, const R: usize>(
    s: S,
    x: &mut [S::Vector; R],
    factors: &Factors,
    b: Bounds<S>,
    from: impl Fn(usize) -> S::Vector,
) {
    match R {
        8 => {
            for (group, [i, j]) in x.as_chunks_mut().0.iter_mut().enumerate() {
                (*i, *j) = (from(2 * group), from(2 * group + 1));
                s.inverse_butterfly(i, j, factors.at(3 + group), b);
            }
        }
        16 => {
            for (group, points) in x.as_chunks_mut::<4>().0.iter_mut().enumerate() {
                for k in 0..4 {
                    points[k] = from(4 * group + k);
                }
                inverse_radix_4(s, points.each_mut(), factors_of_4(factors, 2, group), b);
            }
        }
        _ => {
            for i in 0..R {
                x[i] = from(i);
            }
        }
    }
}

/// The inverse of [`forward_head`]. In and out in `[0, 2q)`.
#[inline(always)]
pub(super) fn inverse_tail<S: Points, const R: usize>(
    s: S,
    x: &[S::Vector; R],
    factors: &Factors,
    b: Bounds<S>,
    mut to: impl FnMut(usize, S::Vector),
) {
    for i in 0..R / 4 {
        let [i, j, k, l] = quarters::<R>(i);
        let mut points = [x[i], x[j], x[k], x[l]];
        inverse_radix_4(s, points.each_mut(), factors_of_4(factors, 0, 0), b);
        to(i, points[0]);
        to(j, points[1]);
        to(k, points[2]);
        to(l, points[3]);
    }
}

/// As [`inverse_tail`], but the last level multiplies sums by the first and differences by the second of `last`.
/// In in `[0, 2q)`, out in `[0, q)`.
#[inline(always)]
pub(super) fn last_tail<S: Points, const R: usize>(
    s: S,
    x: &[S::Vector; R],
    factors: &Factors,
    last: [ShoupFactor; 2],
    b: Bounds<S>,
    mut to: impl FnMut(usize, S::Vector),
) {
    let (lower, upper) = x.split_at(R / 2);
    for i in 0..R / 4 {
        let j = i + R / 4;
        let [mut a, mut c] = [lower[i], lower[j]];
        s.inverse_butterfly(&mut a, &mut c, factors.at(1), b);
        let [mut d, mut e] = [upper[i], upper[j]];
        s.inverse_butterfly(&mut d, &mut e, factors.at(2), b);
        for (place, x, y) in [(i, a, d), (j, c, e)] {
            let sum = s.add(x, y);
            let difference = s.add(s.sub(x, y), b.two_q);
            to(place, block::multiple(s, sum, last[0], b));
            to(place + R / 2, block::multiple(s, difference, last[1], b));
        }
    }
}

//! The levels down the columns of a matrix.

use engine::arith::Word;

use super::{
    super::{
        super::lanes::{LANES, Line},
        MatrixRow,
    },
    prime::Prime,
    table::{Factor, LineFactors, MontgomeryFactors, Splat},
};

/// A transform of `points` parts of a matrix. In and out in `[0, 4q)`.
pub(super) fn forward(
    matrix: &mut [MatrixRow],
    points: usize,
    factors: &MontgomeryFactors,
    p: &Prime,
) {
    let (lines, block) = (matrix.as_flattened_mut(), splat_block(factors));
    let (mut groups, n) = (1, lines.len());
    while 2 * groups < points {
        for (g, group) in lines.chunks_mut(n / groups).enumerate() {
            let [u, v, w] = factors_of_4(&block, groups, g);
            loop_of_4(quarters(group), |t, x| {
                p.butterflies_of_4(x, [u.at(t), v.at(t), w.at(t)], t)
            });
        }
        groups *= 4;
    }
    if groups < points {
        for (g, group) in lines.chunks_mut(n / groups).enumerate() {
            let w = &block[groups - 1 + g];
            loop_of_2(halves(group), |t, x| p.butterfly(x, w.at(t), t));
        }
    }
}

/// The inverse of [`forward`]. In and out in `[0, 2q)`.
pub(super) fn inverse(
    matrix: &mut [MatrixRow],
    points: usize,
    factors: &MontgomeryFactors,
    p: &Prime,
) {
    inverse_levels(
        matrix.as_flattened_mut(),
        points,
        1,
        &splat_block(factors),
        p,
    );
}

/// [`inverse`] times a constant, which is in the factors of the last level, of the sums and of the differences. In in `[0, 2q)`, out in
/// `[0, q)`.
pub(super) fn inverse_last(
    matrix: &mut [MatrixRow],
    points: usize,
    factors: &MontgomeryFactors,
    [sums, differences]: &[Splat; 2],
    p: &Prime,
) {
    let (lines, block) = (matrix.as_flattened_mut(), splat_block(factors));
    inverse_levels(lines, points, 4, &block, p);
    let [_, v, w] = factors_of_4(&block, 1, 0);
    loop_of_4(quarters(lines), |t, [i, j, k, l]| {
        let [i, j] = p.inverse_butterfly([i, j], v.at(t), t);
        let [k, l] = p.inverse_butterfly([k, l], w.at(t), t);
        let ([i, k], [j, l]) = (p.add_sub(i, k), p.add_sub(j, l));
        let last = |x: Word, w: Factor| p.reduce_2q(p.mul_lazy(x, w, t));
        let (sums, differences) = (sums.at(t), differences.at(t));
        [
            last(i, sums),
            last(j, sums),
            last(k, differences),
            last(l, differences),
        ]
    });
}

/// The levels of an inverse down to that with `end` groups.
fn inverse_levels(lines: &mut [Line], points: usize, end: usize, block: &[Splat], p: &Prime) {
    let (mut groups, n) = (points, lines.len());
    if points.trailing_zeros() % 2 == 1 {
        groups /= 2;
        for (g, group) in lines.chunks_mut(n / groups).enumerate() {
            let w = &block[groups - 1 + g];
            loop_of_2(halves(group), |t, x| p.inverse_butterfly(x, w.at(t), t));
        }
    }
    while groups > end {
        groups /= 4;
        for (g, group) in lines.chunks_mut(n / groups).enumerate() {
            let [u, v, w] = factors_of_4(block, groups, g);
            loop_of_4(quarters(group), |t, x| {
                p.inverse_butterflies_of_4(x, [u.at(t), v.at(t), w.at(t)], t)
            });
        }
    }
}

/// Every factor of a block for whole lines.
fn splat_block(factors: &MontgomeryFactors) -> [Splat; LANES - 1] {
    std::array::from_fn(|place| Splat::new(factors.at(place)))
}

/// The factors of a group of one level of a block and of its two groups of the next.
const fn factors_of_4(block: &[Splat], groups: usize, group: usize) -> [&Splat; 3] {
    let (first, second) = (groups - 1 + group, 2 * groups - 1 + 2 * group);
    [&block[first], &block[second], &block[second + 1]]
}

/// The halves of a group.
fn halves(group: &mut [Line]) -> [&mut [Line]; 2] {
    let (i, j) = group.split_at_mut(group.len() / 2);
    [i, j]
}

/// The quarters of a group.
pub(super) fn quarters(group: &mut [Line]) -> [&mut [Line]; 4] {
    let [lower, upper] = halves(group);
    let ([i, j], [k, l]) = (halves(lower), halves(upper));
    [i, j, k, l]
}

/// `f` of words `t` of the lines of four parts.
pub(super) fn loop_of_4([i, j, k, l]: [&mut [Line]; 4], f: impl Fn(usize, [Word; 4]) -> [Word; 4]) {
    // Not inlined: as arguments the lines cannot overlap, and so the loop becomes vector code.
    #[inline(never)]
    fn apart(
        i: &mut [Line],
        j: &mut [Line],
        k: &mut [Line],
        l: &mut [Line],
        f: impl Fn(usize, [Word; 4]) -> [Word; 4],
    ) {
        for (((i, j), k), l) in i.iter_mut().zip(j).zip(k).zip(l) {
            for t in 0..LANES {
                [i[t], j[t], k[t], l[t]] = f(t, [i[t], j[t], k[t], l[t]]);
            }
        }
    }
    apart(i, j, k, l, f);
}

/// `f` of words `t` of the lines of two parts.
fn loop_of_2([i, j]: [&mut [Line]; 2], f: impl Fn(usize, [Word; 2]) -> [Word; 2]) {
    #[inline(never)]
    fn apart(i: &mut [Line], j: &mut [Line], f: impl Fn(usize, [Word; 2]) -> [Word; 2]) {
        for (i, j) in i.iter_mut().zip(j) {
            for t in 0..LANES {
                [i[t], j[t]] = f(t, [i[t], j[t]]);
            }
        }
    }
    apart(i, j, f);
}

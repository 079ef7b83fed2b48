//! The transform in plain Rust.
//!
//! The same levels as in the parent module, two at a time, in loops over lines that lie side by side in memory, which compilers make
//! vector code of. The last four levels are made across the lines of a row that was transposed.

use std::hint::black_box;

use engine::arith::{Modulus, WORD_BITS, Word};

use super::{
    super::{
        lanes::{Factor, Factors, LANES, Line},
        portable::{WORD, sign},
    },
    Inverse, MatrixRow, NttTable,
    table::Direction,
};

/// What a butterfly knows of its modulus.
#[derive(Clone, Copy)]
struct Prime {
    q: Word,
    two_q: Word,
    /// `two_q`, unknown to the compiler, which would otherwise choose between two words where it takes an instruction less to add.
    also_two_q: Word,
    /// The bits of a word, unknown to the compiler: where it knows them, it takes the high half of a product of double words for a
    /// product of words of its own kind, and SSE2 needs six more instructions for that.
    word_bits: u32,
}

impl Prime {
    fn new(q: Modulus) -> Self {
        Self {
            q: q.value(),
            two_q: 2 * q.value(),
            also_two_q: black_box(2 * q.value()),
            word_bits: black_box(WORD_BITS),
        }
    }

    /// `a * w mod q`; for any words `a` the result is in `[0, 2q)`.
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "the low word")]
    const fn mul_lazy(self, a: Word, w: Factor) -> Word {
        let a = a as u64;
        let multiple = ((a * w.quotient as u64) >> (self.word_bits % u64::BITS)) & WORD;
        (a * w.value as u64).wrapping_sub(multiple * self.q as u64) as Word
    }

    /// From `[0, 4q)` to `[0, 2q)`.
    #[inline(always)]
    const fn reduce(self, x: Word) -> Word {
        let x = x.wrapping_sub(self.two_q);
        x.wrapping_add(self.also_two_q & sign(x))
    }

    /// `(x + w y, x - w y)`. In and out in `[0, 4q)`.
    #[inline(always)]
    const fn butterfly(self, [x, y]: [Word; 2], w: Factor) -> [Word; 2] {
        let (x, product) = (self.reduce(x), self.mul_lazy(y, w));
        [
            x.wrapping_add(product),
            x.wrapping_sub(product).wrapping_add(self.two_q),
        ]
    }

    /// `(x + y, w (x - y))`. In and out in `[0, 2q)`.
    #[inline(always)]
    const fn inverse_butterfly(self, [x, y]: [Word; 2], w: Factor) -> [Word; 2] {
        let y = y.wrapping_sub(self.two_q);
        let sum = x.wrapping_add(y);
        [
            sum.wrapping_add(self.also_two_q & sign(sum)),
            self.mul_lazy(x.wrapping_sub(y), w),
        ]
    }
}

/// The forward transform. In and out in `[0, q)`.
pub(super) fn forward(table: &NttTable, row: &mut [MatrixRow]) {
    let (p, t) = (Prime::new(table.modulus()), &table.forward);
    let (first, second) = table.radices();
    forward_block(row.as_flattened_mut(), first, &t.first, p);
    for (i, (part, factors)) in row.chunks_mut(second).zip(&t.second).enumerate() {
        forward_block(part.as_flattened_mut(), second, factors, p);
        for (k, row) in part.iter_mut().enumerate() {
            forward_row(row, t, i * second + k, p);
        }
    }
}

/// The inverse transform. In and out in `[0, q)`.
pub(super) fn inverse(inverse: Inverse<'_>) {
    let Inverse {
        table,
        row,
        src,
        last: [constant, _],
    } = inverse;
    let (p, t) = (Prime::new(table.modulus()), &table.inverse);
    let (first, second) = table.radices();
    for (i, (part, factors)) in row.chunks_mut(second).zip(&t.second).enumerate() {
        for (k, row) in part.iter_mut().enumerate() {
            let r = i * second + k;
            if let Some(src) = src {
                *row = src[r];
            }
            inverse_row(row, t, r, p);
        }
        inverse_block(part.as_flattened_mut(), second, factors, p);
    }
    inverse_block(row.as_flattened_mut(), first, &t.first, p);
    let constant = splat(Factor {
        value: constant.value(),
        quotient: constant.quotient(),
    });
    for row in row {
        multiply(row, &constant, p);
        reduce_row(row, p);
    }
}

/// The last eight levels in row `r` of the matrix. In in `[0, 4q)`, out in `[0, q)`.
fn forward_row(row: &mut MatrixRow, t: &Direction, r: usize, p: Prime) {
    forward_block(row, LANES, &t.rows[r], p);
    multiply(row, &t.twist[r], p);
    let mut x = [[0; LANES]; LANES];
    transpose(row, &mut x);
    forward_levels(&mut x, LANES, &t.transposed, p);
    reduce_row(&mut x, p);
    transpose(&x, row);
}

/// The first eight levels of the inverse in row `r` of the matrix. In in `[0, q)`, out in `[0, 2q)`.
fn inverse_row(row: &mut MatrixRow, t: &Direction, r: usize, p: Prime) {
    let mut x = [[0; LANES]; LANES];
    transpose(row, &mut x);
    inverse_levels(&mut x, LANES, &t.transposed, p);
    transpose(&x, row);
    inverse_block(row, LANES, &t.rows[r], p);
    multiply(row, &t.twist[r], p);
}

/// A transform of `points` parts of `lines`. In and out in `[0, 4q)`.
fn forward_block(lines: &mut [Line], points: usize, factors: &Factors, p: Prime) {
    forward_levels(lines, points, &splat_block(factors), p);
}

/// The inverse of [`forward_block`]. In and out in `[0, 2q)`.
fn inverse_block(lines: &mut [Line], points: usize, factors: &Factors, p: Prime) {
    inverse_levels(lines, points, &splat_block(factors), p);
}

/// One or more factors for the words of a line.
trait LineFactors {
    /// The factor of word `t`.
    fn of(&self, t: usize) -> Factor;
}

impl LineFactors for Factors {
    #[inline(always)]
    fn of(&self, t: usize) -> Factor {
        self.at(t)
    }
}

/// One factor for all words. Its quotient is read for each of them nevertheless: where compilers widen a word before a loop, they
/// multiply double words in the loop.
struct Splat {
    value: Word,
    quotient: Line,
}

impl LineFactors for Splat {
    #[inline(always)]
    fn of(&self, t: usize) -> Factor {
        Factor {
            value: self.value,
            quotient: self.quotient[t],
        }
    }
}

/// Every factor of a block for whole lines.
fn splat_block(factors: &Factors) -> [Splat; LANES - 1] {
    std::array::from_fn(|place| splat(factors.at(place)))
}

const fn splat(factor: Factor) -> Splat {
    Splat {
        value: factor.value,
        quotient: [factor.quotient; LANES],
    }
}

/// The factors of a group of one level of a block and of its two groups of the next.
const fn factors_of_4<F>(block: &[F], groups: usize, group: usize) -> [&F; 3] {
    let (first, second) = (groups - 1 + group, 2 * groups - 1 + 2 * group);
    [&block[first], &block[second], &block[second + 1]]
}

/// The levels of a block, two at a time.
fn forward_levels<F: LineFactors>(lines: &mut [Line], points: usize, block: &[F], p: Prime) {
    let (mut groups, n) = (1, lines.len());
    while 2 * groups < points {
        for (g, group) in lines.chunks_mut(n / groups).enumerate() {
            butterflies_of_4(quarters(group), factors_of_4(block, groups, g), p);
        }
        groups *= 4;
    }
    if groups < points {
        for (g, group) in lines.chunks_mut(n / groups).enumerate() {
            let (x, y) = group.split_at_mut(group.len() / 2);
            butterflies(x, y, &block[groups - 1 + g], p);
        }
    }
}

/// The inverse of [`forward_levels`].
fn inverse_levels<F: LineFactors>(lines: &mut [Line], points: usize, block: &[F], p: Prime) {
    let (mut groups, n) = (points, lines.len());
    if points.trailing_zeros() % 2 == 1 {
        groups /= 2;
        for (g, group) in lines.chunks_mut(n / groups).enumerate() {
            let (x, y) = group.split_at_mut(group.len() / 2);
            inverse_butterflies(x, y, &block[groups - 1 + g], p);
        }
    }
    while groups > 1 {
        groups /= 4;
        for (g, group) in lines.chunks_mut(n / groups).enumerate() {
            inverse_butterflies_of_4(quarters(group), factors_of_4(block, groups, g), p);
        }
    }
}

/// The quarters of a group.
fn quarters(group: &mut [Line]) -> [&mut [Line]; 4] {
    let (lower, upper) = group.split_at_mut(group.len() / 2);
    let (i, j) = lower.split_at_mut(lower.len() / 2);
    let (k, l) = upper.split_at_mut(upper.len() / 2);
    [i, j, k, l]
}

/// Two levels, with the factor `w[0]` in the first and `w[1]` and `w[2]` in the second.
fn butterflies_of_4<F: LineFactors>([i, j, k, l]: [&mut [Line]; 4], w: [&F; 3], p: Prime) {
    loop_of_4(i, j, k, l, |t, [i, j, k, l]| {
        let [u, v, w] = w.map(|w| w.of(t));
        let ([a, c], [b, d]) = (p.butterfly([i, k], u), p.butterfly([j, l], u));
        let ([i, j], [k, l]) = (p.butterfly([a, b], v), p.butterfly([c, d], w));
        [i, j, k, l]
    });
}

/// The inverse of [`butterflies_of_4`].
fn inverse_butterflies_of_4<F: LineFactors>([i, j, k, l]: [&mut [Line]; 4], w: [&F; 3], p: Prime) {
    loop_of_4(i, j, k, l, |t, [i, j, k, l]| {
        let [u, v, w] = w.map(|w| w.of(t));
        let ([a, b], [c, d]) = (
            p.inverse_butterfly([i, j], v),
            p.inverse_butterfly([k, l], w),
        );
        let ([i, k], [j, l]) = (
            p.inverse_butterfly([a, c], u),
            p.inverse_butterfly([b, d], u),
        );
        [i, j, k, l]
    });
}

// The functions below are not inlined: as arguments the lines cannot overlap, and so the loops become vector code.

#[inline(never)]
fn loop_of_4(
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

#[inline(never)]
fn butterflies<F: LineFactors>(x: &mut [Line], y: &mut [Line], w: &F, p: Prime) {
    for (x, y) in x.iter_mut().zip(y) {
        for t in 0..LANES {
            [x[t], y[t]] = p.butterfly([x[t], y[t]], w.of(t));
        }
    }
}

#[inline(never)]
fn inverse_butterflies<F: LineFactors>(x: &mut [Line], y: &mut [Line], w: &F, p: Prime) {
    for (x, y) in x.iter_mut().zip(y) {
        for t in 0..LANES {
            [x[t], y[t]] = p.inverse_butterfly([x[t], y[t]], w.of(t));
        }
    }
}

/// Each line times the factors of its lanes. In any words, out in `[0, 2q)`.
#[inline(never)]
fn multiply<F: LineFactors>(row: &mut MatrixRow, w: &F, p: Prime) {
    for line in row {
        for t in 0..LANES {
            line[t] = p.mul_lazy(line[t], w.of(t));
        }
    }
}

/// From `[0, 4q)` to `[0, q)`.
fn reduce_row(row: &mut MatrixRow, p: Prime) {
    let (q, also_q) = (p.q, p.also_two_q / 2);
    for word in row.as_flattened_mut() {
        let x = p.reduce(*word).wrapping_sub(q);
        *word = x.wrapping_add(also_q & sign(x));
    }
}

/// Rows become columns.
fn transpose(from: &MatrixRow, to: &mut MatrixRow) {
    for (i, line) in from.iter().enumerate() {
        for (j, word) in line.iter().enumerate() {
            to[j][i] = *word;
        }
    }
}

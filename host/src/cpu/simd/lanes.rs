//! The vector operations that kernels are written in.

use engine::arith::{Modulus, ShoupFactor, Word};

/// Words of one vector.
pub(super) const LANES: usize = 16;
/// The words of one vector in memory.
pub(super) type Line = [Word; LANES];

/// Lines between one that is loaded and one that is prefetched, where many rows are read at once.
pub(super) const AHEAD: usize = 8;

/// Sixteen Shoup factors: one vector of values and one of quotients.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub(super) struct Factors {
    /// The factors, each in `[0, q)`.
    pub(super) value: Line,
    /// `floor(value * 2^32 / q)`.
    pub(super) quotient: Line,
}

impl Factors {
    /// Factors at their places; places beyond the end of the iterator hold zero.
    pub(super) fn collect(factors: impl IntoIterator<Item = ShoupFactor>) -> Self {
        let (mut value, mut quotient) = ([0; LANES], [0; LANES]);
        for (i, factor) in factors.into_iter().take(LANES).enumerate() {
            value[i] = factor.value();
            quotient[i] = factor.quotient();
        }
        Self { value, quotient }
    }
}

/// One Shoup factor.
#[derive(Clone, Copy, Debug)]
pub(super) struct Factor {
    /// In `[0, q)`.
    pub(super) value: Word,
    /// `floor(value * 2^32 / q)`.
    pub(super) quotient: Word,
}

impl Factors {
    /// The factor at a place.
    #[inline(always)]
    pub(super) const fn at(&self, place: usize) -> Factor {
        Factor {
            value: self.value[place],
            quotient: self.quotient[place],
        }
    }
}

/// Where running sums of products are kept, as wide vectors.
pub(super) enum Sums {
    /// Sixteen in registers: two vectors for four moduli.
    ManyRegisters,
    /// Four in registers: a vector for two moduli.
    FewRegisters,
    /// In memory of the first-level cache: eight vectors for one modulus.
    Memory,
}

/// A proof that an instruction set is there, and its operations.
///
/// A vector holds 16 words; a wide vector holds 8 double words. `split` deals the 16 words of a vector to two wide
/// vectors in an order of the instruction set's own; the joins undo it.
pub(super) trait Lanes: Copy {
    /// Sixteen words.
    type Vector: Copy;
    /// Eight double words; the high word of each may be garbage where a function says so.
    type Wide: Copy;
    /// Where running sums of products are kept.
    const SUMS: Sums;

    fn load(self, from: &Line) -> Self::Vector;
    fn store(self, vector: Self::Vector, to: &mut Line);
    /// Brings line `i` to the first-level cache if there is one and the set can.
    #[inline(always)]
    fn prefetch(self, _row: &[Line], _i: usize) {}
    fn splat(self, word: Word) -> Self::Vector;
    /// Sum modulo `2^32`.
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// Difference modulo `2^32`.
    fn sub(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// The smaller of two unsigned words.
    fn min(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// Product modulo `2^32`.
    fn mul_low(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// The words as double words; the high words of the result are garbage.
    fn split(self, vector: Self::Vector) -> [Self::Wide; 2];
    /// The high words of what was split.
    fn join_high(self, halves: [Self::Wide; 2]) -> Self::Vector;
    /// The same low word everywhere.
    fn splat_wide(self, word: u64) -> Self::Wide;
    /// Product of the low words; high words are ignored.
    fn mul_wide(self, a: Self::Wide, b: Self::Wide) -> Self::Wide;
    /// [`mul_wide`](Self::mul_wide) where only the low word of the result matters.
    fn mul_wide_low(self, a: Self::Wide, b: Self::Wide) -> Self::Wide;
    /// Sum modulo `2^64`.
    fn add_wide(self, a: Self::Wide, b: Self::Wide) -> Self::Wide;
    /// Rows become columns.
    fn transpose(self, x: &mut [Self::Vector; LANES]);
    /// Word `lanes[i]` at place `i`.
    fn permute(self, x: Self::Vector, lanes: &Line) -> Self::Vector;

    /// `floor(a * b / 2^32)`.
    #[inline(always)]
    fn mul_high(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        let ([a0, a1], [b0, b1]) = (self.split(a), self.split(b));
        self.join_high([self.mul_wide(a0, b0), self.mul_wide(a1, b1)])
    }

    /// `floor(a * b / 2^32)` for one word `b`.
    #[inline(always)]
    fn mul_high_scalar(self, a: Self::Vector, b: Word) -> Self::Vector {
        let ([a0, a1], b) = (self.split(a), self.splat_wide(u64::from(b)));
        self.join_high([self.mul_wide(a0, b), self.mul_wide(a1, b)])
    }

    /// `a * w mod q`, not fully reduced: for any words `a` the result is in `[0, 2q)`.
    #[inline(always)]
    fn mul_lazy(
        self,
        a: Self::Vector,
        w: Self::Vector,
        quotient: Self::Vector,
        q: Self::Vector,
    ) -> Self::Vector {
        let multiple = self.mul_high(a, quotient);
        self.sub(self.mul_low(a, w), self.mul_low(multiple, q))
    }

    /// `a * w mod q` for one factor `w`, not fully reduced: for any words `a` the result is in `[0, 2q)`.
    #[inline(always)]
    fn mul_scalar_lazy(
        self,
        a: Self::Vector,
        w: Word,
        quotient: Word,
        q: Self::Vector,
    ) -> Self::Vector {
        let multiple = self.mul_high_scalar(a, quotient);
        self.sub(self.mul_low(a, self.splat(w)), self.mul_low(multiple, q))
    }

    /// `a` or `a - bound`, whichever is not negative: from `[0, 2 bound)` to `[0, bound)`, for `bound` at most `2^31`.
    #[inline(always)]
    fn reduce(self, a: Self::Vector, bound: Self::Vector) -> Self::Vector {
        self.min(a, self.sub(a, bound))
    }

    /// `a` or `a + q`, whichever is not negative: from `(-q, q)` modulo `2^32` to `[0, q)`.
    #[inline(always)]
    fn lift(self, a: Self::Vector, q: Self::Vector) -> Self::Vector {
        self.min(a, self.add(a, q))
    }

    /// `sum_t sources[t] * weights[g][t]` modulo `2^64`, for the `V` vectors from number `i` on. Weights are below `2^32`.
    #[inline(always)]
    fn weighted_sums<const G: usize, const V: usize>(
        self,
        sources: &[&[Line]],
        weights: &[&[u64]; G],
        i: usize,
    ) -> [[[Self::Wide; 2]; V]; G] {
        let mut sums = [[[self.splat_wide(0); 2]; V]; G];
        for (term, source) in sources.iter().enumerate() {
            let source = &source[i..][..V];
            let mut y = [[self.splat_wide(0); 2]; V];
            for v in 0..V {
                y[v] = self.split(self.load(&source[v]));
            }
            for g in 0..G {
                let weight = self.splat_wide(weights[g][term]);
                for v in 0..V {
                    for h in 0..2 {
                        let product = self.mul_wide(y[v][h], weight);
                        sums[g][v][h] = self.add_wide(sums[g][v][h], product);
                    }
                }
            }
        }
        sums
    }

    /// `(x + w y, x - w y)`. In and out in `[0, 4q)`.
    #[inline(always)]
    fn butterfly(self, x: &mut Self::Vector, y: &mut Self::Vector, w: Factor, b: Bounds<Self>) {
        let sum = self.reduce(*x, b.two_q);
        let product = self.mul_scalar_lazy(*y, w.value, w.quotient, b.q);
        *x = self.add(sum, product);
        *y = self.add(self.sub(sum, product), b.two_q);
    }

    /// `(x + y, w (x - y))`. In and out in `[0, 2q)`.
    #[inline(always)]
    fn inverse_butterfly(
        self,
        x: &mut Self::Vector,
        y: &mut Self::Vector,
        w: Factor,
        b: Bounds<Self>,
    ) {
        let difference = self.add(self.sub(*x, *y), b.two_q);
        *x = self.reduce(self.add(*x, *y), b.two_q);
        *y = self.mul_scalar_lazy(difference, w.value, w.quotient, b.q);
    }

    /// Two levels of [`butterfly`](Self::butterfly) at four points, the second with `w[1]` and `w[2]`.
    #[inline(always)]
    fn radix_4(self, x: [&mut Self::Vector; 4], w: [Factor; 3], b: Bounds<Self>) {
        let [i, j, k, l] = x;
        self.butterfly(i, k, w[0], b);
        self.butterfly(j, l, w[0], b);
        self.butterfly(i, j, w[1], b);
        self.butterfly(k, l, w[2], b);
    }

    /// The inverse of [`radix_4`](Self::radix_4) by [`inverse_butterfly`](Self::inverse_butterfly).
    #[inline(always)]
    fn inverse_radix_4(self, x: [&mut Self::Vector; 4], w: [Factor; 3], b: Bounds<Self>) {
        let [i, j, k, l] = x;
        self.inverse_butterfly(i, j, w[1], b);
        self.inverse_butterfly(k, l, w[2], b);
        self.inverse_butterfly(i, k, w[0], b);
        self.inverse_butterfly(j, l, w[0], b);
    }
}

/// A modulus and its double in all lanes.
#[derive(Clone, Copy)]
pub(super) struct Bounds<S: Lanes> {
    pub(super) q: S::Vector,
    pub(super) two_q: S::Vector,
}

impl<S: Lanes> Bounds<S> {
    #[inline(always)]
    pub(super) fn new(s: S, q: Modulus) -> Self {
        Self {
            q: s.splat(q.value()),
            two_q: s.splat(2 * q.value()),
        }
    }

    /// From `[0, 4q)` to `[0, q)`.
    #[inline(always)]
    pub(super) fn reduce_4q(self, s: S, x: S::Vector) -> S::Vector {
        s.reduce(s.reduce(x, self.two_q), self.q)
    }
}

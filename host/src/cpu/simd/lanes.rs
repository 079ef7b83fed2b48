//! The vector operations that kernels are written in.

use engine::arith::{Modulus, Word};

use super::reduction::Reduction;

/// Words of one vector.
pub(in crate::cpu) const LANES: usize = 16;
/// The words of one vector in memory.
pub(super) type Line = [Word; LANES];

/// Lines between one that is loaded and one that is prefetched, where many rows are read at once.
pub(super) const AHEAD: usize = 8;

/// How many vectors fit into the registers of an instruction set.
#[cfg_attr(
    not(target_arch = "x86_64"),
    expect(dead_code, reason = "other processors run plain Rust only")
)]
pub(super) enum Registers {
    /// Sixteen and some more: the points of a block of a transform, or the sums of two vectors for four moduli.
    Many,
    /// Four and some more: the points of two levels of a block, or the sums of a vector for two moduli.
    Few,
    /// None: points, and the sums of a tile of vectors for one modulus, are in the first-level cache.
    None,
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
    /// How many vectors its registers hold.
    const REGISTERS: Registers;

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
    /// Word `lanes[i]` at place `i`.
    fn permute(self, x: Self::Vector, lanes: &Line) -> Self::Vector;

    /// `floor(a * b / 2^32)` for one word `b`.
    #[inline(always)]
    fn mul_high_scalar(self, a: Self::Vector, b: Word) -> Self::Vector {
        let ([a0, a1], b) = (self.split(a), self.splat_wide(u64::from(b)));
        self.join_high([self.mul_wide(a0, b), self.mul_wide(a1, b)])
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

    /// `t / 2^32 mod q` for `t + 2^32 q < 2^64`, with `q` and the inverse of `-q` modulo `2^32` as wide vectors; the result is below
    /// `(t + 2^32 q) / 2^32`.
    #[inline(always)]
    fn montgomery_lazy(
        self,
        [t0, t1]: [Self::Wide; 2],
        q: Self::Wide,
        negative_inverse: Self::Wide,
    ) -> Self::Vector {
        let m0 = self.mul_wide_low(t0, negative_inverse);
        let m1 = self.mul_wide_low(t1, negative_inverse);
        self.join_high([
            self.add_wide(t0, self.mul_wide(m0, q)),
            self.add_wide(t1, self.mul_wide(m1, q)),
        ])
    }

    /// `sum_t floor(sources[t] * factors[t] / 2^32)` modulo `2^32`, for the `V` vectors from number `i` on.
    #[inline(always)]
    fn high_sums<const V: usize>(
        self,
        sources: &[&[Line]],
        factors: &[Word],
        i: usize,
    ) -> [Self::Vector; V] {
        let mut sums = [self.splat(0); V];
        for (source, factor) in sources.iter().zip(factors) {
            let source = &source[i..][..V];
            for v in 0..V {
                let high = self.mul_high_scalar(self.load(&source[v]), *factor);
                sums[v] = self.add(sums[v], high);
            }
        }
        sums
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

    /// `sum_t sources[t] * weights[t] / 2^32 mod q`, in `[0, q)`, for at most [`TILE`](super::basis::TILE) lines and
    /// [`MAX_PRODUCTS`](super::reduction::MAX_PRODUCTS)` + 1` sources. Weights are below `2^32`, the sum as
    /// [`Reduction::montgomery`] wants it.
    #[inline(always)]
    fn weighted_words(
        self,
        sources: &[&[Line]],
        weights: &[u64],
        reduction: &Reduction<Self>,
        dst: &mut [Line],
    ) {
        for i in 0..dst.len() {
            let [[sum]] = self.weighted_sums(sources, &[weights], i);
            self.store(reduction.montgomery(sum), &mut dst[i]);
        }
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

//! The vector operations that kernels are written in.

use engine::arith::{ShoupFactor, Word};

/// Words of one vector.
pub(super) const LANES: usize = 16;
/// The words of one vector in memory.
pub(super) type Line = [Word; LANES];

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

/// A proof that an instruction set is there, and its operations.
///
/// A vector holds 16 words; a wide vector holds 8 double words. `split` deals the 16 words of a vector to two wide
/// vectors in an order of the instruction set's own; the joins undo it.
pub(super) trait Lanes: Copy {
    /// Sixteen words.
    type Vector: Copy;
    /// Eight double words; the high word of each may be garbage where a function says so.
    type Wide: Copy;
    /// Whether there are registers for 24 wide vectors (rather than 8) beside the operands.
    const MANY_REGISTERS: bool;

    fn load(self, from: &Line) -> Self::Vector;
    fn store(self, vector: Self::Vector, to: &mut Line);
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
    /// The low words of what was split.
    fn join_low(self, halves: [Self::Wide; 2]) -> Self::Vector;
    /// The high words of what was split.
    fn join_high(self, halves: [Self::Wide; 2]) -> Self::Vector;
    /// The same low word everywhere.
    fn splat_wide(self, word: u64) -> Self::Wide;
    /// Product of the low words; high words are ignored.
    fn mul_wide(self, a: Self::Wide, b: Self::Wide) -> Self::Wide;
    /// Sum modulo `2^64`.
    fn add_wide(self, a: Self::Wide, b: Self::Wide) -> Self::Wide;
    /// Rows become columns.
    fn transpose(self, x: &mut [Self::Vector; LANES]);
    /// Word `lanes[i]` at place `i`.
    fn permute(self, x: Self::Vector, lanes: &Line) -> Self::Vector;
    /// Asks for a line that will be read soon.
    fn prefetch(self, line: &Line);

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

    /// `a` or `a - bound`, whichever is not negative: from `[0, 2 bound)` to `[0, bound)`.
    #[inline(always)]
    fn reduce(self, a: Self::Vector, bound: Self::Vector) -> Self::Vector {
        self.min(a, self.sub(a, bound))
    }
}

//! Vectors as points of a transform: butterflies, and words dealt anew between two vectors.

use engine::arith::{ShoupFactor, Word};

use super::lanes::{Bounds, LANES, Lanes, Line};

/// Sixteen Shoup factors: one vector of values and one of quotients.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub(super) struct Factors {
    /// The factors, each in `[0, q)`.
    pub(super) value: Line,
    /// `floor(value * 2^32 / q)`.
    pub(super) quotient: Line,
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
    /// Factors at their places; places beyond the end of the iterator hold zero.
    pub(super) fn collect(factors: impl IntoIterator<Item = ShoupFactor>) -> Self {
        let (mut value, mut quotient) = ([0; LANES], [0; LANES]);
        for (i, factor) in factors.into_iter().take(LANES).enumerate() {
            value[i] = factor.value();
            quotient[i] = factor.quotient();
        }
        Self { value, quotient }
    }

    /// The factor at a place.
    #[inline(always)]
    pub(super) const fn at(&self, place: usize) -> Factor {
        Factor {
            value: self.value[place],
            quotient: self.quotient[place],
        }
    }
}

/// An instruction set in whose vectors a transform is made.
pub(super) trait Points: Lanes {
    /// Halves of `a` and `b`: the first of both, the second of both. Its own inverse.
    fn deal_halves(self, pair: [Self::Vector; 2]) -> [Self::Vector; 2];
    /// Even and odd quarters: `a0 b0 ..` with their counterparts of the second of the pair, so that quarters that stood side by
    /// side face each other.
    fn deal_quarters(self, pair: [Self::Vector; 2]) -> [Self::Vector; 2];
    /// The inverse of [`deal_quarters`](Self::deal_quarters).
    fn undeal_quarters(self, pair: [Self::Vector; 2]) -> [Self::Vector; 2];
    /// In each quarter, the first two words of both vectors, and the last two. Its own inverse.
    fn deal_pairs(self, pair: [Self::Vector; 2]) -> [Self::Vector; 2];
    /// Even words of both vectors, in turn, and odd words. Its own inverse.
    fn deal_singles(self, pair: [Self::Vector; 2]) -> [Self::Vector; 2];
    /// [`deal_halves`](Self::deal_halves), [`deal_quarters`](Self::deal_quarters), [`deal_pairs`](Self::deal_pairs) and
    /// [`deal_singles`](Self::deal_singles) in one: even and odd words.
    fn deal_all(self, pair: [Self::Vector; 2]) -> [Self::Vector; 2];
    /// The inverse of [`deal_all`](Self::deal_all).
    fn undeal_all(self, pair: [Self::Vector; 2]) -> [Self::Vector; 2];

    /// `floor(a * b / 2^32)`.
    #[inline(always)]
    fn mul_high(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        let ([a0, a1], [b0, b1]) = (self.split(a), self.split(b));
        self.join_high([self.mul_wide(a0, b0), self.mul_wide(a1, b1)])
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

    /// `(x + w y, x - w y)`. In in `[0, 2q)` and any words, out in `[0, 4q)`.
    #[inline(always)]
    fn butterfly_lazy(
        self,
        x: &mut Self::Vector,
        y: &mut Self::Vector,
        w: Factor,
        b: Bounds<Self>,
    ) {
        let product = self.mul_scalar_lazy(*y, w.value, w.quotient, b.q);
        let sum = self.add(*x, product);
        *y = self.add(self.sub(*x, product), b.two_q);
        *x = sum;
    }

    /// `(x + w y, x - w y)`. In and out in `[0, 4q)`.
    #[inline(always)]
    fn butterfly(self, x: &mut Self::Vector, y: &mut Self::Vector, w: Factor, b: Bounds<Self>) {
        *x = self.reduce(*x, b.two_q);
        self.butterfly_lazy(x, y, w, b);
    }

    /// [`butterfly`](Self::butterfly) with a factor for each lane.
    #[inline(always)]
    fn lane_butterfly(
        self,
        [x, y]: [Self::Vector; 2],
        w: &Factors,
        b: Bounds<Self>,
    ) -> [Self::Vector; 2] {
        let x = self.reduce(x, b.two_q);
        let product = self.mul_lazy(y, self.load(&w.value), self.load(&w.quotient), b.q);
        let difference = self.add(self.sub(x, product), b.two_q);
        [self.add(x, product), difference]
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

    /// `(x + y, w (x - y))` with a factor for each lane. In in `[0, 2q)`, out below the sum and in `[0, 2q)`.
    #[inline(always)]
    fn inverse_lane_butterfly_lazy(
        self,
        [x, y]: [Self::Vector; 2],
        w: &Factors,
        b: Bounds<Self>,
    ) -> [Self::Vector; 2] {
        let difference = self.add(self.sub(x, y), b.two_q);
        let product = self.mul_lazy(difference, self.load(&w.value), self.load(&w.quotient), b.q);
        [self.add(x, y), product]
    }

    /// [`inverse_butterfly`](Self::inverse_butterfly) with a factor for each lane.
    #[inline(always)]
    fn inverse_lane_butterfly(
        self,
        pair: [Self::Vector; 2],
        w: &Factors,
        b: Bounds<Self>,
    ) -> [Self::Vector; 2] {
        let [sum, product] = self.inverse_lane_butterfly_lazy(pair, w, b);
        [self.reduce(sum, b.two_q), product]
    }
}

/// A transform in the vectors of any such set.
pub(super) trait Transform {
    /// The transform; `#[inline(always)]`, so that it is compiled for the set of its caller.
    fn run<S: Points>(self, s: S);
}

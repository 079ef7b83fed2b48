//! Reduction of sums of products.

use engine::arith::{Modulus, ShoupFactor, WORD_BITS, Word};

use super::lanes::{Bounds, Lanes};

/// Products of residues below `2^30` that can be added before a reduction: `12 (2^30 - 1)^2 + 2^32 (2^30 - 1) < 2^64`.
pub(super) const MAX_PRODUCTS: usize = 12;

/// `-1 / q mod 2^32`, by Newton's iteration.
pub(super) const fn negative_inverse(q: Modulus) -> Word {
    let q = q.value();
    let mut inverse = 1u32;
    let mut round = 0;
    // Each round doubles the number of right bits, of which the first has one.
    while round < 5 {
        inverse = inverse.wrapping_mul(2u32.wrapping_sub(q.wrapping_mul(inverse)));
        round += 1;
    }
    inverse.wrapping_neg()
}

/// A modulus as vectors.
#[derive(Clone, Copy)]
pub(super) struct Reduction<S: Lanes> {
    s: S,
    bounds: Bounds<S>,
    pub(super) q_wide: S::Wide,
    pub(super) negative_inverse: S::Wide,
    /// `2^32 mod q`, which undoes a Montgomery reduction.
    word: ShoupFactor,
}

impl<S: Lanes> Reduction<S> {
    #[inline(always)]
    pub(super) fn new(s: S, q: Modulus) -> Self {
        Self {
            s,
            bounds: Bounds::new(s, q),
            q_wide: s.splat_wide(u64::from(q.value())),
            negative_inverse: s.splat_wide(u64::from(negative_inverse(q))),
            word: ShoupFactor::new(q.reduce_wide(1 << WORD_BITS), q),
        }
    }

    /// `t / 2^32 mod q` for `t + (2^32 - 1) q < 2^34 q`; the result is in `[0, q)`.
    #[inline(always)]
    pub(super) fn montgomery(&self, t: [S::Wide; 2]) -> S::Vector {
        let (q, inverse) = (self.q_wide, self.negative_inverse);
        let word = self.s.montgomery_lazy(t, q, inverse);
        self.bounds.reduce_4q(self.s, word)
    }

    /// `t mod q` for `t + 2^32 q < 2^64`; the result is in `[0, q)`.
    #[inline(always)]
    pub(super) fn reduce_wide(&self, t: [S::Wide; 2]) -> S::Vector {
        let low = self
            .s
            .montgomery_lazy(t, self.q_wide, self.negative_inverse);
        self.mul(low, self.word)
    }

    /// `a * w mod q` for any words `a`; the result is in `[0, q)`.
    #[inline(always)]
    pub(super) fn mul(&self, a: S::Vector, w: ShoupFactor) -> S::Vector {
        let s = self.s;
        let product = s.mul_scalar_lazy(a, w.value(), w.quotient(), self.bounds.q);
        s.reduce(product, self.bounds.q)
    }

    /// `a + b mod q`; in and out in `[0, q)`.
    #[inline(always)]
    pub(super) fn add(&self, a: S::Vector, b: S::Vector) -> S::Vector {
        self.s.reduce(self.s.add(a, b), self.bounds.q)
    }

    /// `a - b mod q`; in and out in `[0, q)`.
    #[inline(always)]
    pub(super) fn sub(&self, a: S::Vector, b: S::Vector) -> S::Vector {
        self.s.lift(self.s.sub(a, b), self.bounds.q)
    }

    /// `-a mod q`; in and out in `[0, q)`.
    #[inline(always)]
    pub(super) fn neg(&self, a: S::Vector) -> S::Vector {
        self.s.reduce(self.s.sub(self.bounds.q, a), self.bounds.q)
    }

    /// `a - b mod q` for `a` and `b` in `[0, q)`; the result is in `[0, 2q)`.
    #[inline(always)]
    pub(super) fn sub_lazy(&self, a: S::Vector, b: S::Vector) -> S::Vector {
        self.s.add(self.s.sub(a, b), self.bounds.q)
    }

    /// The products of the words of two vectors.
    #[inline(always)]
    pub(super) fn product(&self, a: S::Vector, b: S::Vector) -> [S::Wide; 2] {
        let ([a0, a1], [b0, b1]) = (self.s.split(a), self.s.split(b));
        [self.s.mul_wide(a0, b0), self.s.mul_wide(a1, b1)]
    }

    /// `sum + a * b`, modulo `2^64`.
    #[inline(always)]
    pub(super) fn add_product(
        &self,
        [t0, t1]: [S::Wide; 2],
        [a0, a1]: [S::Wide; 2],
        b: S::Vector,
    ) -> [S::Wide; 2] {
        let s = self.s;
        let [b0, b1] = s.split(b);
        [
            s.add_wide(t0, s.mul_wide(a0, b0)),
            s.add_wide(t1, s.mul_wide(a1, b1)),
        ]
    }
}

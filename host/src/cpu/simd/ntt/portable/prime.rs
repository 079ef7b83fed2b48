//! Butterflies of words.

use std::hint::black_box;

use engine::arith::{Modulus, WORD_BITS, Word};

use super::{
    super::super::{
        lanes::{LANES, Line},
        portable::{WORD, sign},
    },
    table::Factor,
};

/// What a butterfly knows of its modulus `q`.
#[repr(C, align(64))]
pub(super) struct Prime {
    /// For each word of a line. It is read for each of them: where compilers widen a word before a loop, they multiply double words in
    /// the loop.
    q: Line,
    two_q: Word,
    /// `two_q`, unknown to the compiler, which would otherwise choose between two words where it takes an instruction less to add.
    also_two_q: Word,
}

impl Prime {
    pub(super) fn new(q: Modulus) -> Self {
        Self {
            q: [q.value(); LANES],
            two_q: 2 * q.value(),
            also_two_q: black_box(2 * q.value()),
        }
    }

    /// `a * w mod q` at place `t` of a line; for any words `a` the result is in `[0, 2q)`. The product is Montgomery's (Modular
    /// multiplication without trial division, 1985), because SSE2 takes the high words of two vectors in one instruction.
    #[inline(always)]
    pub(super) const fn mul_lazy(&self, a: Word, w: Factor, t: usize) -> Word {
        let a = a as u64;
        let multiple = a.wrapping_mul(w.multiplier) & WORD;
        ((a * w.scaled as u64 + multiple * self.q[t] as u64) >> WORD_BITS) as Word
    }

    /// From `[-2q, 2q)` to `[0, 2q)`.
    #[inline(always)]
    const fn lift(&self, x: Word) -> Word {
        x.wrapping_add(self.also_two_q & sign(x))
    }

    /// From `[0, 4q)` to `[0, 2q)`.
    #[inline(always)]
    pub(super) const fn reduce(&self, x: Word) -> Word {
        self.lift(x.wrapping_sub(self.two_q))
    }

    /// From `[0, 2q)` to `[0, q)`.
    #[inline(always)]
    pub(super) const fn reduce_2q(&self, x: Word) -> Word {
        let x = x.wrapping_sub(self.two_q / 2);
        x.wrapping_add((self.also_two_q / 2) & sign(x))
    }

    /// `(x + y, x - y)`. In in `[0, 2q)`, out in `[0, 4q)`.
    #[inline(always)]
    pub(super) const fn add_sub(&self, x: Word, y: Word) -> [Word; 2] {
        [
            x.wrapping_add(y),
            x.wrapping_sub(y).wrapping_add(self.two_q),
        ]
    }

    /// `(x + w y, x - w y)`. In and out in `[0, 4q)`.
    #[inline(always)]
    pub(super) const fn butterfly(&self, [x, y]: [Word; 2], w: Factor, t: usize) -> [Word; 2] {
        self.add_sub(self.reduce(x), self.mul_lazy(y, w, t))
    }

    /// `(x + y, w (x - y))`. In and out in `[0, 2q)`.
    #[inline(always)]
    pub(super) const fn inverse_butterfly(
        &self,
        [x, y]: [Word; 2],
        w: Factor,
        t: usize,
    ) -> [Word; 2] {
        let y = y.wrapping_sub(self.two_q);
        [
            self.lift(x.wrapping_add(y)),
            self.mul_lazy(x.wrapping_sub(y), w, t),
        ]
    }

    /// Two levels, with the factor `u` in the first and `v` and `w` in the second. In and out in `[0, 4q)`.
    #[inline(always)]
    pub(super) const fn butterflies_of_4(
        &self,
        [i, j, k, l]: [Word; 4],
        [u, v, w]: [Factor; 3],
        t: usize,
    ) -> [Word; 4] {
        let (i, k) = (self.reduce(i), self.mul_lazy(k, u, t));
        let [j, l] = self.butterfly([j, l], u, t);
        // The difference is not moved to positive words and back.
        let (i, k) = (self.reduce(i.wrapping_add(k)), self.lift(i.wrapping_sub(k)));
        let [i, j] = self.add_sub(i, self.mul_lazy(j, v, t));
        let [k, l] = self.add_sub(k, self.mul_lazy(l, w, t));
        [i, j, k, l]
    }

    /// The inverse of [`butterflies_of_4`](Self::butterflies_of_4). In and out in `[0, 2q)`.
    #[inline(always)]
    pub(super) const fn inverse_butterflies_of_4(
        &self,
        [i, j, k, l]: [Word; 4],
        [u, v, w]: [Factor; 3],
        t: usize,
    ) -> [Word; 4] {
        let [i, j] = self.inverse_butterfly([i, j], v, t);
        let [k, l] = self.inverse_butterfly([k, l], w, t);
        let [i, k] = self.inverse_butterfly([i, k], u, t);
        let [j, l] = self.inverse_butterfly([j, l], u, t);
        [i, j, k, l]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::arith::ntt_primes;

    #[test]
    fn products_of_any_words_are_below_2q() {
        for high in [1 << 30, 1 << 28, 25_500_000] {
            let q = ntt_primes(1 << 10, 1 << 24, high).next().unwrap();
            let p = Prime::new(q);
            let mut a = 1u32;
            for w in [0, 1, 2, q.value() / 2, q.value() - 2, q.value() - 1] {
                let factor = Factor::new(w, q);
                for i in 0..1000 {
                    a = a.wrapping_mul(747_796_405).wrapping_add(2_891_336_453);
                    let a = [a, u32::MAX - i][i as usize % 2];
                    let product = p.mul_lazy(a, factor, i as usize % LANES);
                    assert!(product < 2 * q.value(), "{a} {w}");
                    let expected = q.reduce_wide(u64::from(a) * u64::from(w));
                    assert_eq!(q.reduce_2q(product), expected, "{a} {w}");
                }
            }
        }
    }
}

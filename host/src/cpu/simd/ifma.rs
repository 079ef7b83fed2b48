//! AVX-512 IFMA: products of 52 bits in eight double words.
//!
//! A product modulo `p` takes three instructions and no correction: with `w' = floor(2^52 w / p)` and `h` the high 52 bits of
//! `y w'`, the low 52 bits of `y w - h p` are in `[0, p + y p / 2^52)`. Bits from 52 on are garbage that the next product ignores, so
//! `-p` is added as `2^52 - p`, and sums are right modulo `2^52`.

#![expect(
    unsafe_code,
    reason = "intrinsics; a token of this module proves that the processor has them"
)]

use std::arch::x86_64::*;

use engine::arith::{Modulus, Word};

use super::{
    avx512::{Avx512, EVEN},
    lanes::{Lanes, Line},
};

/// Proof that the processor has AVX-512 F, BW, DQ, VL and IFMA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ifma(Avx512);

/// A computation for this instruction set.
pub(super) trait IfmaKernel {
    /// The computation; `#[inline(always)]`, so that it is compiled for the set of its caller.
    fn run(self, s: Ifma);
}

/// Eight double words in memory.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(super) struct WideLine(pub(super) [u64; 8]);

/// A constant factor with its quotient.
#[derive(Clone, Copy, Debug)]
pub(super) struct WideFactor {
    /// `w`, in `[0, p)`.
    pub(super) value: u64,
    /// `floor(2^52 w / p)`.
    pub(super) quotient: u64,
}

impl WideFactor {
    pub(super) const ZERO: Self = Self {
        value: 0,
        quotient: 0,
    };

    /// The factor `value` in `[0, p)`.
    pub(super) const fn new(value: Word, p: Modulus) -> Self {
        let value = value as u64;
        // 2^52 w / p in two steps of 26 bits, because 2^52 w does not fit: the remainder of the first is below p < 2^30.
        let first = value << 26;
        let (high, rest) = (first / p.value() as u64, first % p.value() as u64);
        Self {
            value,
            quotient: (high << 26) + (rest << 26) / p.value() as u64,
        }
    }
}

/// Eight factors.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(super) struct WideFactors {
    pub(super) value: WideLine,
    pub(super) quotient: WideLine,
}

impl WideFactors {
    /// The factors at their places.
    pub(super) fn from_fn(factor: impl Fn(usize) -> WideFactor) -> Self {
        Self {
            value: WideLine(std::array::from_fn(|i| factor(i).value)),
            quotient: WideLine(std::array::from_fn(|i| factor(i).quotient)),
        }
    }
}

/// Eight double words in a register.
pub(super) type Wide = __m512i;

// SAFETY of all blocks below: `self` is a token, so the processor has the instructions; loads and stores go through
// references to 64 bytes.
impl Ifma {
    /// The token, if the processor has the instructions.
    pub(super) fn detect(token: Avx512) -> Option<Self> {
        is_x86_feature_detected!("avx512ifma").then_some(Self(token))
    }

    /// The token of the instructions without IFMA.
    pub(super) const fn narrow(self) -> Avx512 {
        self.0
    }

    /// Runs a kernel compiled for this instruction set.
    #[inline]
    pub(super) fn run<K: IfmaKernel>(self, kernel: K) {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma,bmi2")]
        fn inner<K: IfmaKernel>(token: Ifma, kernel: K) {
            kernel.run(token);
        }
        // SAFETY: a token exists only where `detect` found the features.
        unsafe { inner(self, kernel) }
    }

    #[inline(always)]
    pub(super) fn splat(self, x: u64) -> Wide {
        self.0.splat_wide(x)
    }
    #[inline(always)]
    pub(super) fn load(self, from: &WideLine) -> Wide {
        // SAFETY: 64 readable, aligned bytes; see above.
        unsafe { _mm512_load_si512(from.0.as_ptr().cast()) }
    }
    #[inline(always)]
    pub(super) fn store(self, x: Wide, to: &mut WideLine) {
        // SAFETY: 64 writable, aligned bytes; see above.
        unsafe { _mm512_store_si512(to.0.as_mut_ptr().cast(), x) }
    }
    #[inline(always)]
    pub(super) fn load_words(self, from: &Line) -> Wide {
        self.0.load(from)
    }
    #[inline(always)]
    pub(super) fn store_words(self, x: Wide, to: &mut Line) {
        self.0.store(x, to);
    }
    /// The words at even places.
    #[inline(always)]
    pub(super) fn even(self, x: Wide) -> Wide {
        // SAFETY: see above.
        unsafe { _mm512_and_si512(x, _mm512_set1_epi64(0xffff_ffff)) }
    }
    /// The words at odd places.
    #[inline(always)]
    pub(super) fn odd(self, x: Wide) -> Wide {
        self.0.split(x)[1]
    }
    /// Low words to even and odd places.
    #[inline(always)]
    pub(super) fn join(self, even: Wide, odd: Wide) -> Wide {
        // SAFETY: see above.
        unsafe { _mm512_mask_shuffle_epi32::<0xA0>(even, !EVEN, odd) }
    }
    /// Words from `[0, 2 bound)` to `[0, bound)`.
    #[inline(always)]
    pub(super) fn reduce_words(self, x: Wide, bound: Wide) -> Wide {
        self.0.reduce(x, bound)
    }
    #[inline(always)]
    pub(super) fn add(self, a: Wide, b: Wide) -> Wide {
        self.0.add_wide(a, b)
    }
    #[inline(always)]
    pub(super) fn sub(self, a: Wide, b: Wide) -> Wide {
        // SAFETY: see above.
        unsafe { _mm512_sub_epi64(a, b) }
    }
    /// `sum + (a b mod 2^52)`.
    #[inline(always)]
    pub(super) fn add_low(self, sum: Wide, a: Wide, b: Wide) -> Wide {
        // SAFETY: see above.
        unsafe { _mm512_madd52lo_epu64(sum, a, b) }
    }
    /// `floor(a b / 2^52)`.
    #[inline(always)]
    pub(super) fn high(self, a: Wide, b: Wide) -> Wide {
        // SAFETY: see above.
        unsafe { _mm512_madd52hi_epu64(_mm512_setzero_si512(), a, b) }
    }

    /// Halves of `a` and `b`: `a0 a1 b0 b1` and `a2 a3 b2 b3`, in pairs of double words. Its own inverse.
    #[inline(always)]
    pub(super) fn deal_halves(self, [a, b]: [Wide; 2]) -> [Wide; 2] {
        // SAFETY: see above.
        unsafe {
            [
                _mm512_shuffle_i64x2::<0x44>(a, b),
                _mm512_shuffle_i64x2::<0xEE>(a, b),
            ]
        }
    }
    /// Even and odd pairs of double words: `a0 a2 b0 b2` and `a1 a3 b1 b3`.
    #[inline(always)]
    pub(super) fn deal_pairs(self, [a, b]: [Wide; 2]) -> [Wide; 2] {
        // SAFETY: see above.
        unsafe {
            [
                _mm512_shuffle_i64x2::<0x88>(a, b),
                _mm512_shuffle_i64x2::<0xDD>(a, b),
            ]
        }
    }
    /// The inverse of [`deal_pairs`](Self::deal_pairs).
    #[inline(always)]
    pub(super) fn undeal_pairs(self, [a, b]: [Wide; 2]) -> [Wide; 2] {
        // SAFETY: see above.
        unsafe {
            [
                _mm512_permutex2var_epi64(a, _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11), b),
                _mm512_permutex2var_epi64(a, _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15), b),
            ]
        }
    }
    /// Even and odd double words of each pair: `a0 b0 a2 b2 ..` and `a1 b1 a3 b3 ..`. Its own inverse.
    #[inline(always)]
    pub(super) fn deal_singles(self, [a, b]: [Wide; 2]) -> [Wide; 2] {
        // SAFETY: see above.
        unsafe { [_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b)] }
    }
    /// [`deal_halves`](Self::deal_halves), [`deal_pairs`](Self::deal_pairs) and
    /// [`deal_singles`](Self::deal_singles) in one.
    #[inline(always)]
    pub(super) fn deal_all(self, [a, b]: [Wide; 2]) -> [Wide; 2] {
        // SAFETY: see above.
        unsafe {
            [
                _mm512_permutex2var_epi64(a, _mm512_setr_epi64(0, 2, 8, 10, 4, 6, 12, 14), b),
                _mm512_permutex2var_epi64(a, _mm512_setr_epi64(1, 3, 9, 11, 5, 7, 13, 15), b),
            ]
        }
    }
    /// The inverse of [`deal_all`](Self::deal_all).
    #[inline(always)]
    pub(super) fn undeal_all(self, [a, b]: [Wide; 2]) -> [Wide; 2] {
        // SAFETY: see above.
        unsafe {
            [
                _mm512_permutex2var_epi64(a, _mm512_setr_epi64(0, 8, 1, 9, 4, 12, 5, 13), b),
                _mm512_permutex2var_epi64(a, _mm512_setr_epi64(2, 10, 3, 11, 6, 14, 7, 15), b),
            ]
        }
    }
}

//! AVX-512: one register of sixteen words.

#![expect(
    unsafe_code,
    reason = "intrinsics; a token of this module proves that the processor has them"
)]

use std::arch::{asm, x86_64::*};

use engine::arith::Word;

use super::{
    isa::Kernel,
    lanes::{Lanes, Line, Registers},
    points::{Points, Transform},
};

/// Proof that the processor has AVX-512 F, BW, DQ and VL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Avx512(());

impl Avx512 {
    /// The token, if the processor has the instructions.
    pub(super) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("bmi2"))
        .then_some(Self(()))
    }

    /// Runs a kernel compiled for this instruction set.
    #[inline]
    pub(super) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,bmi2")]
        fn inner<K: Kernel>(token: Avx512, kernel: K) -> K::Output {
            kernel.run(token)
        }
        // SAFETY: a token exists only where `detect` found the features.
        unsafe { inner(self, kernel) }
    }

    /// Runs a transform compiled for this instruction set.
    #[inline]
    pub(super) fn transform<T: Transform>(self, transform: T) {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,bmi2")]
        fn inner<T: Transform>(token: Avx512, transform: T) {
            transform.run(token);
        }
        // SAFETY: a token exists only where `detect` found the features.
        unsafe { inner(self, transform) }
    }
}

/// Hides a value from the compiler, which would otherwise use what it knows of the high words to replace a product of low words by
/// a slower one of double words, or a broadcast from memory by a move and a shuffle.
#[inline]
#[target_feature(enable = "avx512f")]
fn opaque(mut x: __m512i) -> __m512i {
    // SAFETY: no instruction.
    unsafe {
        asm!("/* {0} */", inout(zmm_reg) x, options(pure, nomem, nostack, preserves_flags));
    }
    x
}

/// The even places.
pub(super) const EVEN: __mmask16 = 0x5555;

// SAFETY of all blocks below: `self` is a token, so the processor has the instructions; loads and stores go through
// references to 64 bytes.
impl Lanes for Avx512 {
    type Vector = __m512i;
    type Wide = __m512i;
    const REGISTERS: Registers = Registers::Many;

    #[inline(always)]
    fn load(self, from: &Line) -> __m512i {
        // SAFETY: 64 readable bytes; see above.
        unsafe { _mm512_loadu_si512(from.as_ptr().cast()) }
    }
    #[inline(always)]
    fn store(self, vector: __m512i, to: &mut Line) {
        // SAFETY: 64 writable bytes; see above.
        unsafe { _mm512_storeu_si512(to.as_mut_ptr().cast(), vector) }
    }
    #[inline(always)]
    fn prefetch(self, row: &[Line], i: usize) {
        // SAFETY: any address may be prefetched; see above.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(row.as_ptr().wrapping_add(i).cast()) }
    }
    #[inline(always)]
    fn splat(self, word: Word) -> __m512i {
        // SAFETY: see above.
        unsafe { _mm512_set1_epi32(word.cast_signed()) }
    }
    #[inline(always)]
    fn add(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: see above.
        unsafe { _mm512_add_epi32(a, b) }
    }
    #[inline(always)]
    fn sub(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: see above.
        unsafe { _mm512_sub_epi32(a, b) }
    }
    #[inline(always)]
    fn min(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: see above.
        unsafe { _mm512_min_epu32(a, b) }
    }
    #[inline(always)]
    fn mul_low(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: see above.
        unsafe { _mm512_mullo_epi32(a, b) }
    }
    #[inline(always)]
    fn split(self, vector: __m512i) -> [__m512i; 2] {
        // SAFETY: see above.
        [vector, unsafe { _mm512_srli_epi64::<32>(vector) }]
    }
    #[inline(always)]
    fn join_high(self, [even, odd]: [__m512i; 2]) -> __m512i {
        // SAFETY: see above.
        unsafe { _mm512_mask_shuffle_epi32::<0xF5>(odd, EVEN, even) }
    }
    #[inline(always)]
    fn splat_wide(self, word: u64) -> __m512i {
        // SAFETY: see above.
        unsafe { opaque(_mm512_set1_epi64(word.cast_signed())) }
    }
    #[inline(always)]
    fn mul_wide(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: see above.
        unsafe { _mm512_mul_epu32(a, b) }
    }
    #[inline(always)]
    fn mul_wide_low(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: see above.
        unsafe { opaque(_mm512_mul_epu32(a, b)) }
    }
    #[inline(always)]
    fn add_wide(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: see above.
        unsafe { _mm512_add_epi64(a, b) }
    }
    #[inline(always)]
    fn mul_high_scalar(self, a: __m512i, b: Word) -> __m512i {
        let [even, odd] = self.split(a);
        // A broadcast of words, which is a load; what stands in the high words is ignored.
        // SAFETY: see above.
        let b = unsafe { opaque(self.splat(b)) };
        self.join_high([self.mul_wide(even, b), self.mul_wide(odd, b)])
    }
    #[inline(always)]
    fn permute(self, x: __m512i, lanes: &Line) -> __m512i {
        // SAFETY: see above; only the low four bits of an index count.
        unsafe { _mm512_permutexvar_epi32(self.load(lanes), x) }
    }
}

impl Points for Avx512 {
    #[inline(always)]
    fn deal_halves(self, [a, b]: [__m512i; 2]) -> [__m512i; 2] {
        // SAFETY: see above.
        unsafe {
            [
                _mm512_shuffle_i64x2::<0x44>(a, b),
                _mm512_shuffle_i64x2::<0xEE>(a, b),
            ]
        }
    }
    #[inline(always)]
    fn deal_quarters(self, [a, b]: [__m512i; 2]) -> [__m512i; 2] {
        // SAFETY: see above.
        unsafe {
            [
                _mm512_shuffle_i64x2::<0x88>(a, b),
                _mm512_shuffle_i64x2::<0xDD>(a, b),
            ]
        }
    }
    #[inline(always)]
    fn undeal_quarters(self, [a, b]: [__m512i; 2]) -> [__m512i; 2] {
        // SAFETY: see above.
        unsafe {
            [
                _mm512_permutex2var_epi64(a, _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11), b),
                _mm512_permutex2var_epi64(a, _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15), b),
            ]
        }
    }
    #[inline(always)]
    fn deal_pairs(self, [a, b]: [__m512i; 2]) -> [__m512i; 2] {
        // SAFETY: see above.
        unsafe { [_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b)] }
    }
    #[inline(always)]
    fn deal_singles(self, [a, b]: [__m512i; 2]) -> [__m512i; 2] {
        // SAFETY: see above.
        unsafe {
            [
                _mm512_mask_shuffle_epi32::<0xA0>(a, !EVEN, b),
                _mm512_mask_shuffle_epi32::<0xF5>(b, EVEN, a),
            ]
        }
    }
    #[inline(always)]
    fn deal_all(self, [a, b]: [__m512i; 2]) -> [__m512i; 2] {
        // SAFETY: see above.
        unsafe {
            let even = _mm512_setr_epi32(0, 2, 4, 6, 16, 18, 20, 22, 8, 10, 12, 14, 24, 26, 28, 30);
            let odd = _mm512_setr_epi32(1, 3, 5, 7, 17, 19, 21, 23, 9, 11, 13, 15, 25, 27, 29, 31);
            [
                _mm512_permutex2var_epi32(a, even, b),
                _mm512_permutex2var_epi32(a, odd, b),
            ]
        }
    }
    #[inline(always)]
    fn undeal_all(self, [a, b]: [__m512i; 2]) -> [__m512i; 2] {
        // SAFETY: see above.
        unsafe {
            let first = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 8, 24, 9, 25, 10, 26, 11, 27);
            let second =
                _mm512_setr_epi32(4, 20, 5, 21, 6, 22, 7, 23, 12, 28, 13, 29, 14, 30, 15, 31);
            [
                _mm512_permutex2var_epi32(a, first, b),
                _mm512_permutex2var_epi32(a, second, b),
            ]
        }
    }
}

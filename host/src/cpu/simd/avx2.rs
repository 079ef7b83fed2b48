//! AVX2: two registers of eight words.

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

/// Proof that the processor has AVX2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Avx2(());

impl Avx2 {
    /// The token, if the processor has the instructions.
    pub(super) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("bmi2")).then_some(Self(()))
    }

    /// Runs a kernel compiled for this instruction set.
    #[inline]
    pub(super) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "avx2,bmi2")]
        fn inner<K: Kernel>(token: Avx2, kernel: K) -> K::Output {
            kernel.run(token)
        }
        // SAFETY: a token exists only where `detect` found the features.
        unsafe { inner(self, kernel) }
    }

    /// Runs a transform compiled for this instruction set.
    #[inline]
    pub(super) fn transform<T: Transform>(self, transform: T) {
        #[target_feature(enable = "avx2,bmi2")]
        fn inner<T: Transform>(token: Avx2, transform: T) {
            transform.run(token);
        }
        // SAFETY: a token exists only where `detect` found the features.
        unsafe { inner(self, transform) }
    }
}

/// Hides a value from the compiler, which would otherwise use what it knows of the high words to replace a product of low words by
/// a slower one of double words, or a broadcast from memory by a move and a shuffle.
#[inline]
#[target_feature(enable = "avx2")]
fn opaque(mut x: __m256i) -> __m256i {
    // SAFETY: no instruction.
    unsafe {
        asm!("/* {0} */", inout(ymm_reg) x, options(pure, nomem, nostack, preserves_flags));
    }
    x
}

/// The same intrinsic on both registers.
macro_rules! both {
    ($intrinsic:expr, $a:expr, $b:expr) => {
        // SAFETY: `self` is a token, so the processor has the instruction.
        unsafe { [$intrinsic($a[0], $b[0]), $intrinsic($a[1], $b[1])] }
    };
}

// SAFETY of all blocks below: `self` is a token, so the processor has the instructions; loads and stores go through
// references to 64 bytes.
impl Lanes for Avx2 {
    type Vector = [__m256i; 2];
    type Wide = [__m256i; 2];
    const REGISTERS: Registers = Registers::Few;

    #[inline(always)]
    fn load(self, from: &Line) -> Self::Vector {
        let from: *const __m256i = from.as_ptr().cast();
        // SAFETY: 64 readable bytes; see above.
        unsafe { [_mm256_loadu_si256(from), _mm256_loadu_si256(from.add(1))] }
    }
    #[inline(always)]
    fn store(self, vector: Self::Vector, to: &mut Line) {
        let to: *mut __m256i = to.as_mut_ptr().cast();
        // SAFETY: 64 writable bytes; see above.
        unsafe {
            _mm256_storeu_si256(to, vector[0]);
            _mm256_storeu_si256(to.add(1), vector[1]);
        }
    }
    #[inline(always)]
    fn prefetch(self, row: &[Line], i: usize) {
        // SAFETY: any address may be prefetched; see above.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(row.as_ptr().wrapping_add(i).cast()) }
    }
    #[inline(always)]
    fn splat(self, word: Word) -> Self::Vector {
        // SAFETY: see above.
        [unsafe { _mm256_set1_epi32(word.cast_signed()) }; 2]
    }
    #[inline(always)]
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        both!(_mm256_add_epi32, a, b)
    }
    #[inline(always)]
    fn sub(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        both!(_mm256_sub_epi32, a, b)
    }
    #[inline(always)]
    fn min(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        both!(_mm256_min_epu32, a, b)
    }
    #[inline(always)]
    fn mul_low(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        both!(_mm256_mullo_epi32, a, b)
    }
    #[inline(always)]
    fn split(self, vector: Self::Vector) -> [Self::Wide; 2] {
        // SAFETY: see above.
        [vector, unsafe {
            [
                _mm256_srli_epi64::<32>(vector[0]),
                _mm256_srli_epi64::<32>(vector[1]),
            ]
        }]
    }
    #[inline(always)]
    fn join_high(self, [even, odd]: [Self::Wide; 2]) -> Self::Vector {
        // SAFETY: see above.
        let even = unsafe {
            [
                _mm256_srli_epi64::<32>(even[0]),
                _mm256_srli_epi64::<32>(even[1]),
            ]
        };
        both!(_mm256_blend_epi32::<0xAA>, even, odd)
    }
    #[inline(always)]
    fn splat_wide(self, word: u64) -> Self::Wide {
        // SAFETY: see above.
        [unsafe { opaque(_mm256_set1_epi64x(word.cast_signed())) }; 2]
    }
    #[inline(always)]
    fn mul_wide(self, a: Self::Wide, b: Self::Wide) -> Self::Wide {
        both!(_mm256_mul_epu32, a, b)
    }
    #[inline(always)]
    fn mul_wide_low(self, a: Self::Wide, b: Self::Wide) -> Self::Wide {
        let [low, high] = self.mul_wide(a, b);
        // SAFETY: see above.
        unsafe { [opaque(low), opaque(high)] }
    }
    #[inline(always)]
    fn add_wide(self, a: Self::Wide, b: Self::Wide) -> Self::Wide {
        both!(_mm256_add_epi64, a, b)
    }
    #[inline(always)]
    fn permute(self, x: Self::Vector, lanes: &Line) -> Self::Vector {
        let [low, high] = self.load(lanes);
        [permute_8(self, x, low), permute_8(self, x, high)]
    }
}

impl Points for Avx2 {
    #[inline(always)]
    fn deal_halves(self, [a, b]: [Self::Vector; 2]) -> [Self::Vector; 2] {
        [[a[0], b[0]], [a[1], b[1]]]
    }
    #[inline(always)]
    fn deal_quarters(self, [a, b]: [Self::Vector; 2]) -> [Self::Vector; 2] {
        let (x, y) = ([a[0], b[0]], [a[1], b[1]]);
        [
            both!(_mm256_permute2x128_si256::<0x20>, x, y),
            both!(_mm256_permute2x128_si256::<0x31>, x, y),
        ]
    }
    #[inline(always)]
    fn undeal_quarters(self, [a, b]: [Self::Vector; 2]) -> [Self::Vector; 2] {
        let (x, y) = (
            both!(_mm256_permute2x128_si256::<0x20>, a, b),
            both!(_mm256_permute2x128_si256::<0x31>, a, b),
        );
        [[x[0], y[0]], [x[1], y[1]]]
    }
    #[inline(always)]
    fn deal_pairs(self, [a, b]: [Self::Vector; 2]) -> [Self::Vector; 2] {
        [
            both!(_mm256_unpacklo_epi64, a, b),
            both!(_mm256_unpackhi_epi64, a, b),
        ]
    }
    #[inline(always)]
    fn deal_singles(self, [a, b]: [Self::Vector; 2]) -> [Self::Vector; 2] {
        // SAFETY: see above.
        let (raised, lowered) = unsafe {
            (
                [_mm256_slli_epi64::<32>(b[0]), _mm256_slli_epi64::<32>(b[1])],
                [_mm256_srli_epi64::<32>(a[0]), _mm256_srli_epi64::<32>(a[1])],
            )
        };
        [
            both!(_mm256_blend_epi32::<0xAA>, a, raised),
            both!(_mm256_blend_epi32::<0xAA>, lowered, b),
        ]
    }
    #[inline(always)]
    fn deal_all(self, pair: [Self::Vector; 2]) -> [Self::Vector; 2] {
        self.deal_singles(self.deal_pairs(self.deal_quarters(self.deal_halves(pair))))
    }
    #[inline(always)]
    fn undeal_all(self, [a, b]: [Self::Vector; 2]) -> [Self::Vector; 2] {
        let pair = [
            both!(_mm256_unpacklo_epi32, a, b),
            both!(_mm256_unpackhi_epi32, a, b),
        ];
        self.deal_halves(self.undeal_quarters(pair))
    }
}

// Intrinsics stand in functions and not in closures: a closure does not inherit what instructions its surroundings may use,
// and one that is not inlined calls every intrinsic.

/// Words of both registers at the places in the low four bits of each index.
#[inline(always)]
fn permute_8(_: Avx2, x: [__m256i; 2], lanes: __m256i) -> __m256i {
    // SAFETY: a token is given, so the processor has the instructions.
    unsafe {
        // The low three bits name the place within a register, bit 3 the register.
        let low = _mm256_permutevar8x32_epi32(x[0], lanes);
        let high = _mm256_permutevar8x32_epi32(x[1], lanes);
        let choice = _mm256_slli_epi32::<28>(lanes);
        _mm256_castps_si256(_mm256_blendv_ps(
            _mm256_castsi256_ps(low),
            _mm256_castsi256_ps(high),
            _mm256_castsi256_ps(choice),
        ))
    }
}

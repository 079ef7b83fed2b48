//! Plain Rust: arrays of words, left to the compiler.

use std::hint::black_box;

use engine::arith::{WORD_BITS, Word};

use super::{
    basis::TILE,
    lanes::{LANES, Lanes, Line, Registers},
    reduction::{MAX_PRODUCTS, Reduction},
};

/// The low word of a double word.
pub(super) const WORD: u64 = 0xffff_ffff;

/// Even words, or odd words, of a tile.
const SUMS: usize = TILE * LANES / 2;
/// Place of the low word of a double word.
const LOW: usize = cfg!(target_endian = "big") as usize;

/// No proof is needed for plain Rust.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Portable;

/// An array of what the expression says at each place.
macro_rules! each {
    (|$i:ident| $value:expr) => {{
        let mut result = [0; _];
        let mut $i = 0;
        while $i < result.len() {
            result[$i] = $value;
            $i += 1;
        }
        result
    }};
}

impl Lanes for Portable {
    type Vector = Line;
    type Wide = [u64; 8];
    const REGISTERS: Registers = Registers::None;

    #[inline(always)]
    fn load(self, from: &Line) -> Line {
        *from
    }
    #[inline(always)]
    fn store(self, vector: Line, to: &mut Line) {
        *to = vector;
    }
    #[inline(always)]
    fn splat(self, word: Word) -> Line {
        [word; LANES]
    }
    #[inline(always)]
    fn add(self, a: Line, b: Line) -> Line {
        each!(|i| a[i].wrapping_add(b[i]))
    }
    #[inline(always)]
    fn sub(self, a: Line, b: Line) -> Line {
        each!(|i| a[i].wrapping_sub(b[i]))
    }
    #[inline(always)]
    fn min(self, a: Line, b: Line) -> Line {
        each!(|i| if a[i] < b[i] { a[i] } else { b[i] })
    }
    #[inline(always)]
    fn mul_low(self, a: Line, b: Line) -> Line {
        each!(|i| a[i].wrapping_mul(b[i]))
    }
    #[inline(always)]
    fn split(self, vector: Line) -> [[u64; 8]; 2] {
        [
            each!(|i| u64::from(vector[i])),
            each!(|i| u64::from(vector[i + 8])),
        ]
    }
    #[inline(always)]
    fn join_high(self, halves: [[u64; 8]; 2]) -> Line {
        each!(|i| (halves[i / 8][i % 8] >> 32) as Word)
    }
    #[inline(always)]
    fn splat_wide(self, word: u64) -> [u64; 8] {
        [word; 8]
    }
    #[inline(always)]
    fn mul_wide(self, a: [u64; 8], b: [u64; 8]) -> [u64; 8] {
        each!(|i| (a[i] & WORD) * (b[i] & WORD))
    }
    #[inline(always)]
    fn mul_wide_low(self, a: [u64; 8], b: [u64; 8]) -> [u64; 8] {
        self.mul_wide(a, b)
    }
    #[inline(always)]
    fn add_wide(self, a: [u64; 8], b: [u64; 8]) -> [u64; 8] {
        each!(|i| a[i].wrapping_add(b[i]))
    }
    #[inline(always)]
    fn permute(self, x: Line, lanes: &Line) -> Line {
        each!(|i| x[lanes[i] as usize % LANES])
    }

    #[inline(always)]
    fn high_sums<const V: usize>(
        self,
        sources: &[&[Line]],
        factors: &[Word],
        i: usize,
    ) -> [Line; V] {
        let mut sums = [[0; LANES]; V];
        for (source, factor) in sources.iter().zip(factors) {
            let source = source[i..][..V].as_flattened();
            add_high_words(sums.as_flattened_mut(), source, *factor);
        }
        sums
    }

    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "words as double words")]
    fn weighted_words(
        self,
        sources: &[&[Line]],
        weights: &[u64],
        reduction: &Reduction<Self>,
        dst: &mut [Line],
    ) {
        let mut pairs = [[].as_slice(); MAX_PRODUCTS + 1];
        for (pairs, source) in pairs.iter_mut().zip(sources) {
            *pairs = source[..dst.len()].as_flattened().as_chunks().0;
        }
        let (twos, rest) = pairs[..sources.len()].as_chunks();
        let (weights, last) = weights.as_chunks();
        let dst = dst.as_flattened_mut().as_chunks_mut().0;
        let (even, odd) = (&mut [0; SUMS][..dst.len()], &mut [0; SUMS][..dst.len()]);
        for ([a, b], [v, w]) in twos.iter().zip(weights) {
            add_two_products(even, odd, a, b, *v as Word, *w as Word);
        }
        for (a, w) in rest.iter().zip(last) {
            add_products(even, odd, a, *w as Word);
        }
        let (even, odd) = (bytemuck::cast_slice(even), bytemuck::cast_slice(odd));
        let q = reduction.q_wide[0] as Word;
        let negative_inverse = reduction.negative_inverse[0];
        montgomery(dst, even, odd, q, black_box(q), negative_inverse);
    }

    #[inline(always)]
    fn mul_scalar_lazy(self, a: Line, value: Word, quotient: Word, q: Line) -> Line {
        each!(|i| mul_lazy(a[i], [value, quotient], q[0]))
    }
    #[inline(always)]
    fn reduce(self, a: Line, bound: Line) -> Line {
        each!(|i| reduce(a[i], bound[i]))
    }
    #[inline(always)]
    fn lift(self, a: Line, q: Line) -> Line {
        each!(|i| lift(a[i], q[i]))
    }
}

/// `a * value mod q`; the result is in `[0, 2q)`. One wide difference, because SSE2 has only products of 64 bits.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "the low word")]
const fn mul_lazy(a: Word, [value, quotient]: [Word; 2], q: Word) -> Word {
    let a = a as u64;
    let multiple = (a * quotient as u64) >> 32;
    (a * value as u64).wrapping_sub(multiple * q as u64) as Word
}

/// All ones for a negative number, else zero.
#[inline(always)]
pub(super) const fn sign(a: Word) -> Word {
    (a.cast_signed() >> 31).cast_unsigned()
}

/// From `[0, 2 bound)` to `[0, bound)` by the sign of the difference, because SSE2 has no unsigned comparison.
#[inline(always)]
const fn reduce(a: Word, bound: Word) -> Word {
    let difference = a.wrapping_sub(bound);
    difference.wrapping_add(bound & sign(difference))
}

/// From `(-q, q)` to `[0, q)`.
#[inline(always)]
const fn lift(a: Word, q: Word) -> Word {
    a.wrapping_add(q & sign(a))
}

// The functions below are not inlined: as arguments the lines cannot overlap, and so the loops become vector code. Even words are
// multiplied where they are, in the low halves of double words, so that only odd words are moved.

/// `dst = t / 2^32 mod q`, in `[0, q)`, for even and odd words. The modulus twice, the second unknown to the compiler, which would
/// otherwise choose between two words where it takes an instruction less to add.
#[inline(never)]
fn montgomery(
    dst: &mut [[Word; 2]],
    even: &[[Word; 2]],
    odd: &[[Word; 2]],
    q: Word,
    also_q: Word,
    negative_inverse: u64,
) {
    for ((dst, even), odd) in dst.iter_mut().zip(even).zip(odd) {
        let word = |t: &[Word; 2]| {
            let low = u64::from(t[LOW]);
            let multiple = low.wrapping_mul(negative_inverse) & WORD;
            let word = ((low + multiple * u64::from(q)) >> WORD_BITS) as Word + t[1 - LOW];
            let word = word.wrapping_sub(2 * q);
            let word = word.wrapping_add((2 * also_q) & sign(word)).wrapping_sub(q);
            word.wrapping_add(also_q & sign(word))
        };
        *dst = [word(even), word(odd)];
    }
}

/// `sums += a * w`, for even and odd words.
#[inline(never)]
fn add_products(even: &mut [u64], odd: &mut [u64], a: &[[Word; 2]], w: Word) {
    for ((even, odd), a) in even.iter_mut().zip(odd).zip(a) {
        *even = even.wrapping_add(u64::from(a[0]) * u64::from(w));
        *odd = odd.wrapping_add(u64::from(a[1]) * u64::from(w));
    }
}

/// `sums += a * v + b * w`, for even and odd words.
#[inline(never)]
fn add_two_products(
    even: &mut [u64],
    odd: &mut [u64],
    a: &[[Word; 2]],
    b: &[[Word; 2]],
    v: Word,
    w: Word,
) {
    for (((even, odd), a), b) in even.iter_mut().zip(odd).zip(a).zip(b) {
        let (av, bw) = (
            u64::from(a[0]) * u64::from(v),
            u64::from(b[0]) * u64::from(w),
        );
        *even = even.wrapping_add(av.wrapping_add(bw));
        let (av, bw) = (
            u64::from(a[1]) * u64::from(v),
            u64::from(b[1]) * u64::from(w),
        );
        *odd = odd.wrapping_add(av.wrapping_add(bw));
    }
}

/// `sums += floor(a * w / 2^32)`.
#[inline(never)]
fn add_high_words(sums: &mut [Word], a: &[Word], w: Word) {
    for (sum, a) in sums.iter_mut().zip(a) {
        *sum = sum.wrapping_add(((u64::from(*a) * u64::from(w)) >> WORD_BITS) as Word);
    }
}

//! Plain Rust: arrays of words, left to the compiler.

use engine::arith::Word;

use super::lanes::{LANES, Lanes, Line};

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
    const MANY_REGISTERS: bool = false;

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
    #[expect(clippy::cast_possible_truncation, reason = "the low words")]
    fn join_low(self, halves: [[u64; 8]; 2]) -> Line {
        each!(|i| halves[i / 8][i % 8] as Word)
    }
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "the high words")]
    fn join_high(self, halves: [[u64; 8]; 2]) -> Line {
        each!(|i| (halves[i / 8][i % 8] >> 32) as Word)
    }
    #[inline(always)]
    fn splat_wide(self, word: u64) -> [u64; 8] {
        [word; 8]
    }
    #[inline(always)]
    fn mul_wide(self, a: [u64; 8], b: [u64; 8]) -> [u64; 8] {
        each!(|i| (a[i] & 0xffff_ffff) * (b[i] & 0xffff_ffff))
    }
    #[inline(always)]
    fn add_wide(self, a: [u64; 8], b: [u64; 8]) -> [u64; 8] {
        each!(|i| a[i].wrapping_add(b[i]))
    }
    #[inline(always)]
    fn transpose(self, x: &mut [Line; LANES]) {
        for i in 0..LANES {
            for j in 0..i {
                let word = x[i][j];
                x[i][j] = x[j][i];
                x[j][i] = word;
            }
        }
    }
    #[inline(always)]
    fn permute(self, x: Line, lanes: &Line) -> Line {
        each!(|i| x[lanes[i] as usize % LANES])
    }
    #[inline(always)]
    fn prefetch(self, _: &Line) {}
}

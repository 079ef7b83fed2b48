//! Twiddle factors for Montgomery's products.

use engine::arith::{Modulus, WORD_BITS, Word};

use super::super::{
    super::{
        lanes::{LANES, Line},
        reduction::negative_inverse,
    },
    table::{Direction, Twiddles},
};

/// One factor `w`.
#[derive(Clone, Copy)]
pub(super) struct Factor {
    /// `w * 2^32 mod q`.
    pub(super) scaled: Word,
    /// `-scaled / q mod 2^32`. A double word, because compilers take the low half of a product of widened words for a product of words,
    /// which SSE2 does not have.
    pub(super) multiplier: u64,
}

impl Factor {
    pub(super) const fn new(w: Word, q: Modulus) -> Self {
        let scaled = q.mul(w, q.reduce_wide(1 << WORD_BITS));
        Self {
            scaled,
            multiplier: scaled.wrapping_mul(negative_inverse(q)) as u64,
        }
    }
}

/// Factors for the words of a line.
pub(super) trait LineFactors {
    /// The factor of word `t`.
    fn at(&self, t: usize) -> Factor;
}

/// Sixteen factors.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub(in super::super) struct MontgomeryFactors {
    scaled: Line,
    multiplier: Line,
}

impl MontgomeryFactors {
    /// Factors at their places; places beyond the end of the iterator hold zero.
    #[expect(clippy::cast_possible_truncation, reason = "multipliers are words")]
    fn collect(factors: impl IntoIterator<Item = Factor>) -> Self {
        let (mut scaled, mut multiplier) = ([0; LANES], [0; LANES]);
        for (i, factor) in factors.into_iter().take(LANES).enumerate() {
            scaled[i] = factor.scaled;
            multiplier[i] = factor.multiplier as Word;
        }
        Self { scaled, multiplier }
    }

    /// The factors at four places, four times.
    pub(super) fn repeat(&self, places: [usize; 4]) -> Self {
        let repeat = |line: &Line| {
            let mut repeated = [0; LANES];
            for four in repeated.as_chunks_mut().0 {
                *four = places.map(|place| line[place]);
            }
            repeated
        };
        Self {
            scaled: repeat(&self.scaled),
            multiplier: repeat(&self.multiplier),
        }
    }
}

impl LineFactors for MontgomeryFactors {
    #[inline(always)]
    fn at(&self, t: usize) -> Factor {
        Factor {
            scaled: self.scaled[t],
            multiplier: u64::from(self.multiplier[t]),
        }
    }
}

/// One factor for all words. It is read for each of them nevertheless, like the modulus; of a multiplier only the low word is used.
#[repr(C, align(64))]
pub(super) struct Splat {
    scaled: Line,
    multiplier: u64,
}

impl Splat {
    pub(super) const fn new(factor: Factor) -> Self {
        Self {
            scaled: [factor.scaled; LANES],
            multiplier: factor.multiplier,
        }
    }
}

impl LineFactors for Splat {
    #[inline(always)]
    fn at(&self, t: usize) -> Factor {
        Factor {
            scaled: self.scaled[t],
            multiplier: self.multiplier,
        }
    }
}

/// The factors of one direction; those of the last four levels are of the third pass over a row, for each of its columns, and of the
/// fourth, for each line of a quarter.
pub(in super::super) type PortableDirection =
    Direction<MontgomeryFactors, [[MontgomeryFactors; 3]; 5]>;

impl PortableDirection {
    pub(in super::super) fn of(t: &Twiddles, radices: (usize, usize)) -> Self {
        let collect = |words: &mut dyn Iterator<Item = Word>| {
            MontgomeryFactors::collect(words.map(|w| Factor::new(w, t.modulus())))
        };
        // Of a level and its group, for column `k`.
        let third = [(0, 0), (1, 0), (1, 1)]
            .map(|(level, group)| collect(&mut (0..LANES).map(|k| t.last_levels(k, level, group))));
        // The four groups of the third level are interleaved, and of each group the first and the second of the fourth.
        let fourth = |line: usize| {
            [(2, 1, 0), (3, 2, 0), (3, 2, 1)].map(|(level, step, first)| {
                collect(&mut (0..LANES).map(|place| {
                    let (k, group) = (4 * line + place / 4, place % 4);
                    t.last_levels(k, level, step * group + first)
                }))
            })
        };
        let last = [third, fourth(0), fourth(1), fourth(2), fourth(3)];
        Self::new(t, radices, collect, last)
    }
}

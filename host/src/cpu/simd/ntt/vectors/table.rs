//! Shoup's twiddle factors.

use engine::arith::{ShoupFactor, Word};

use super::super::{
    super::{lanes::LANES, points::Factors},
    table::{Direction, Twiddles},
};

/// The factors of one direction; those of the last four levels per pair of vectors of a row and level, at the places of words that
/// were dealt.
pub(in super::super) type VectorDirection = Direction<Factors, [[Factors; 4]; LANES / 2]>;

impl VectorDirection {
    pub(in super::super) fn of(t: &Twiddles, radices: (usize, usize)) -> Self {
        let collect = |words: &mut dyn Iterator<Item = Word>| {
            Factors::collect(words.map(|w| ShoupFactor::new(w, t.modulus())))
        };
        let last = std::array::from_fn(|pair| {
            [0, 1, 2, 3].map(|level| {
                collect(&mut (0..LANES).map(|place| {
                    let (owner, word) = dealt(level, place);
                    t.last_levels(2 * pair + owner, level, word >> (4 - level))
                }))
            })
        });
        Self::new(t, radices, collect, last)
    }
}

/// Which of two vectors and which word of it stands at a place of the first of two vectors that were dealt for one of the last
/// four levels.
const fn dealt(level: u32, place: usize) -> (usize, usize) {
    let (half, quarter) = (place / 8, place / 4 % 2);
    match level {
        0 => (half, place % 8),
        1 => (quarter, 8 * half + place % 4),
        2 => (quarter, 8 * half + place % 4 / 2 * 4 + place % 2),
        _ => (quarter, 8 * half + place % 4 * 2),
    }
}

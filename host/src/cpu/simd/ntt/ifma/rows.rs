//! The eight levels inside each row of the matrix.
//!
//! Four levels across the vectors of even and of odd words, then four for each pair of vectors: three with words dealt anew between
//! two registers, so that partners face each other, and one between even and odd words.

use super::{
    super::{
        super::{
            ifma::{Ifma, Wide, WideFactors, WideLine},
            lanes::LANES,
        },
        MatrixRow,
    },
    STRIDE,
    block::{self, Prime},
    columns::FORWARD_OFFSET,
    table::{WideDirection, WideTable},
};

#[inline(always)]
fn load_factors(s: Ifma, factors: &WideFactors) -> [Wide; 2] {
    [s.load(&factors.value), s.load(&factors.quotient)]
}

/// The last eight levels of row `r`. In double words in `[0, 2^43)`; out in `[0, q)`.
#[inline(always)]
pub(super) fn forward(
    s: Ifma,
    prime: Prime,
    t: &WideDirection,
    r: usize,
    row: &mut MatrixRow,
    double: &mut [WideLine; STRIDE],
) {
    let offset = s.splat(FORWARD_OFFSET * prime.p);
    // floor(2^52 / p), to reduce at the end.
    let inverse_p = s.splat((1 << 52) / prime.p);
    let p_words = s.splat(prime.p | prime.p << 32);
    let (factors, twist) = (&t.rows[r], &t.twist[r]);
    for parity in 0..2 {
        let powers = load_factors(s, &twist[parity]);
        let mut x = [offset; LANES];
        for k in 0..LANES {
            let words = s.load(&double[2 * k + parity]);
            x[k] = block::add_product(s, offset, words, powers, prime);
        }
        block::forward(s, &mut x, factors, prime);
        for k in 0..LANES {
            s.store(x[k], &mut double[2 * k + parity]);
        }
    }
    for (pair, factors) in t.lanes.iter().enumerate() {
        let mut x = [[offset; 2]; 2];
        for parity in 0..2 {
            let at = |owner: usize| s.load(&double[2 * (2 * pair + owner) + parity]);
            let mut y = s.deal_halves([at(0), at(1)]);
            y = block::butterfly(s, y, load_factors(s, &factors[0]), prime);
            y = s.deal_pairs(y);
            y = block::butterfly(s, y, load_factors(s, &factors[1]), prime);
            y = s.deal_singles(y);
            x[parity] = block::butterfly(s, y, load_factors(s, &factors[2]), prime);
        }
        let mut words = [offset; 2];
        for h in 0..2 {
            let w = load_factors(s, &factors[3 + h]);
            let y = block::butterfly(s, [x[0][h], x[1][h]], w, prime);
            let [even, odd] = y.map(|y| s.add_low(y, s.high(y, inverse_p), prime.minus_p));
            words[h] = s.reduce_words(s.join(even, odd), p_words);
        }
        let words = s.undeal_all(words);
        for owner in 0..2 {
            s.store_words(words[owner], &mut row[2 * pair + owner]);
        }
    }
}

/// The first eight levels of the inverse in row `r`. In in `[0, q)`; out fresh products plus `offset`.
#[inline(always)]
pub(super) fn inverse(
    s: Ifma,
    prime: Prime,
    table: &WideTable,
    r: usize,
    row: &MatrixRow,
    double: &mut [WideLine; STRIDE],
    offset: u64,
) {
    let zero = s.splat(0);
    let t = &table.inverse;
    let (factors, twist) = (&t.rows[r], &t.twist[r]);
    let o = &table.offsets;
    for (pair, factors) in t.lanes.iter().enumerate() {
        let words = s.deal_all([
            s.load_words(&row[2 * pair]),
            s.load_words(&row[2 * pair + 1]),
        ]);
        let mut x = [[zero; 2]; 2];
        for h in 0..2 {
            let even = s.add(s.even(words[h]), s.load(&o.even[h]));
            let w = load_factors(s, &factors[3 + h]);
            let offset = if h == 0 { s.load(&o.first) } else { zero };
            let y = [even, s.odd(words[h])];
            [x[0][h], x[1][h]] = block::inverse_butterfly(s, y, w, offset, prime);
        }
        for parity in 0..2 {
            let mut y = x[parity];
            let w = load_factors(s, &factors[2]);
            y = block::inverse_butterfly(s, y, w, s.load(&o.second), prime);
            y = s.deal_singles(y);
            let w = load_factors(s, &factors[1]);
            y = block::inverse_butterfly(s, y, w, s.load(&o.third), prime);
            y = s.undeal_pairs(y);
            let w = load_factors(s, &factors[0]);
            y = s.deal_halves(block::inverse_butterfly(s, y, w, zero, prime));
            for owner in 0..2 {
                s.store(y[owner], &mut double[2 * (2 * pair + owner) + parity]);
            }
        }
    }
    let offset = s.splat(offset);
    for parity in 0..2 {
        let mut x = [zero; LANES];
        for k in 0..LANES {
            x[k] = s.load(&double[2 * k + parity]);
            if k % 2 == 0 {
                x[k] = s.add(x[k], s.splat(block::grown_offset(prime.p, k, 4)));
            }
        }
        block::inverse(s, &mut x, factors, 0, prime);
        let powers = load_factors(s, &twist[parity]);
        for k in 0..LANES {
            let words = block::add_product(s, offset, x[k], powers, prime);
            s.store(words, &mut double[2 * k + parity]);
        }
    }
}

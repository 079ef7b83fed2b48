//! Random polynomials from a seed: uniform residues, ternary secrets, Gaussian errors.
//!
//! The generator is ChaCha20; seeds come from the operating system and are made by the caller.

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use super::{Basis, RingContext};
use crate::arith::{Modulus, Word};

/// The key of a random stream.
#[derive(Clone, PartialEq, Eq, zeroize::Zeroize, zeroize::ZeroizeOnDrop)]
pub struct Seed(pub [u8; 32]);

impl Seed {
    /// The `index`-th seed derived from this one.
    #[must_use]
    pub fn derive(&self, index: u64) -> Self {
        let mut rng = self.rng(index);
        let mut seed = [0; 32];
        rng.fill_bytes(&mut seed);
        Self(seed)
    }

    fn rng(&self, stream: u64) -> ChaCha20Rng {
        let mut rng = ChaCha20Rng::from_seed(self.0);
        rng.set_stream(stream);
        rng
    }
}

impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seed(..)")
    }
}

/// Standard deviation of the errors (Security Guidelines 2024, eprint 2024/463).
pub const SIGMA: f64 = 3.2;
/// Errors are at most this large: 6 standard deviations and a half; the cut tail has probability below `2^-33`.
const TAIL: usize = 21;

/// Residues drawn uniformly: row-major, one row for each limb of `basis`, stream by limb, so that a smaller basis gives the
/// same rows.
#[must_use]
pub fn uniform(context: &RingContext, basis: &Basis, seed: &Seed) -> Vec<Word> {
    let mut words = Vec::with_capacity(basis.len() * context.degree());
    for limb in basis.iter() {
        let mut rng = seed.rng(limb as u64);
        uniform_row(
            &mut rng,
            context.modulus(limb),
            context.degree(),
            &mut words,
        );
    }
    words
}

fn uniform_row(rng: &mut ChaCha20Rng, q: Modulus, n: usize, words: &mut Vec<Word>) {
    let mask = q.value().next_power_of_two() - 1;
    let end = words.len() + n;
    while words.len() < end {
        let draw = rng.next_u32() & mask;
        if draw < q.value() {
            words.push(draw);
        }
    }
}

/// Coefficients drawn uniformly from `{-1, 0, 1}`.
#[must_use]
pub fn ternary(n: usize, seed: &Seed) -> Vec<i8> {
    let mut rng = seed.rng(0);
    let mut coefficients = Vec::with_capacity(n);
    while coefficients.len() < n {
        let word = rng.next_u32();
        let pairs = (0..16)
            .map(|i| word >> (2 * i) & 3)
            .filter(|pair| *pair < 3);
        for pair in pairs.take(n - coefficients.len()) {
            coefficients.push([-1, 0, 1][pair as usize]);
        }
    }
    coefficients
}

/// `weight` coefficients `-1` or `1` in places drawn uniformly, the others `0`. `n` is a power of two.
///
/// # Range
/// `weight <= n`; a larger one is taken as `n`.
#[must_use]
pub fn sparse_ternary(n: usize, weight: usize, seed: &Seed) -> Vec<i8> {
    let mut rng = seed.rng(0);
    let mut coefficients = vec![0i8; n];
    let mut left = weight.min(n);
    while left > 0 {
        let draw = rng.next_u32();
        let place = (draw >> 1) as usize & (n - 1);
        if coefficients[place] == 0 {
            coefficients[place] = if draw & 1 == 1 { 1 } else { -1 };
            left -= 1;
        }
    }
    coefficients
}

/// Coefficients from the discrete Gaussian of standard deviation [`SIGMA`], by inversion of its distribution function
/// (63-bit thresholds).
#[must_use]
pub fn gaussian(n: usize, seed: &Seed) -> Vec<i8> {
    let weight = |k: usize| (-((k * k) as f64) / (2.0 * SIGMA * SIGMA)).exp();
    let total = 1.0 + 2.0 * (1..=TAIL).map(weight).sum::<f64>();
    let mut cumulative = 0.0;
    // Thresholds of |x|: zero has its own weight, every other magnitude that of both signs.
    let thresholds: Vec<u64> = (0..=TAIL)
        .map(|k| {
            cumulative += if k == 0 { 1.0 } else { 2.0 } * weight(k) / total;
            #[expect(clippy::cast_possible_truncation, reason = "a probability times 2^63")]
            #[expect(clippy::cast_sign_loss, reason = "probabilities are not negative")]
            let threshold = (cumulative * (1u64 << 63) as f64) as u64;
            threshold
        })
        .collect();
    let mut rng = seed.rng(0);
    (0..n)
        .map(|_| {
            let draw = rng.next_u64();
            let magnitude = thresholds
                .iter()
                .take(TAIL)
                .filter(|t| draw >> 1 >= **t)
                .count();
            #[expect(clippy::cast_possible_truncation, reason = "at most TAIL")]
            let magnitude = magnitude as i8;
            if draw & 1 == 1 { -magnitude } else { magnitude }
        })
        .collect()
}

/// Small signed coefficients as residues of every limb of `basis`, row-major.
#[must_use]
pub fn residues(context: &RingContext, basis: &Basis, coefficients: &[i8]) -> Vec<Word> {
    let rows = basis.iter().flat_map(|limb| {
        let q = context.modulus(limb);
        coefficients
            .iter()
            .map(move |c| q.reduce_signed(i64::from(*c)))
    });
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaussian_has_its_moments() {
        let n = 1 << 18;
        let draws = gaussian(n, &Seed([3; 32]));
        let mean = draws.iter().map(|x| f64::from(*x)).sum::<f64>() / n as f64;
        let variance = draws.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / n as f64;
        assert!(mean.abs() < 0.03, "{mean}");
        assert!((variance.sqrt() - SIGMA).abs() < 0.02, "{variance}");
    }

    #[test]
    fn ternary_is_balanced() {
        let n = 3 << 16;
        let draws = ternary(n, &Seed([5; 32]));
        for value in [-1, 0, 1] {
            let count = draws.iter().filter(|x| **x == value).count();
            assert!(count.abs_diff(n / 3) < 1000, "{value}: {count}");
        }
    }

    #[test]
    fn sparse_ones_have_their_weight_everywhere_and_both_signs() {
        let n = 1 << 10;
        let mut places = vec![0; n];
        let mut sum = 0i32;
        for seed in 0..200 {
            let draws = sparse_ternary(n, 32, &Seed([seed; 32]));
            assert_eq!(draws.iter().filter(|x| **x != 0).count(), 32);
            sum += draws.iter().map(|x| i32::from(*x)).sum::<i32>();
            places
                .iter_mut()
                .zip(&draws)
                .for_each(|(p, x)| *p += i32::from(*x != 0));
        }
        // 6,400 signs, and each place 6.25 times on average.
        assert!(sum.abs() < 400, "{sum}");
        assert!(places.iter().all(|p| *p < 25));
        assert!(places.iter().filter(|p| **p == 0).count() < 20);
    }

    #[test]
    fn uniform_rows_do_not_depend_on_the_basis() {
        let context =
            RingContext::new(1 << 10, &[27_000_833, 813_432_833], &[1_073_479_681], 1).unwrap();
        let seed = Seed([9; 32]);
        let all = uniform(&context, &Basis::new(0..3), &seed);
        let some = uniform(&context, &Basis::new([0, 2]), &seed);
        assert_eq!(all[..1024], some[..1024]);
        assert_eq!(all[2048..], some[1024..]);
        assert!(all[..1024].iter().all(|x| *x < 27_000_833));
    }
}

//! Slots to coefficients and back: the canonical embedding, by a fast transform of length `N/2` in double precision.
//!
//! Slot `j` is the value of the polynomial at `zeta^(5^j)` with `zeta = exp(i pi / N)`, so that `X -> X^(5^k)` rotates the
//! slots by `k` (Cheon, Han, Kim, Kim, Song: Bootstrapping for approximate homomorphic encryption, section 4.1, sets up
//! the same order).

use num_complex::Complex64;

use crate::arith::bit_reverse;

/// Twiddles of the transform for one degree.
#[derive(Clone, Debug)]
pub struct Encoder {
    /// For each stage, from blocks of two upwards, the twiddles of a block.
    stages: Vec<Vec<Complex64>>,
    slots: usize,
}

impl Encoder {
    /// Twiddles for `degree` a power of two; `16 N` bytes.
    #[must_use]
    pub fn new(degree: usize) -> Self {
        let slots = degree / 2;
        let stages = (1..=slots.trailing_zeros()).map(|stage| {
            let (half, order) = (1usize << (stage - 1), 4usize << stage);
            let mut power = 1;
            let twiddles = (0..half).map(|_| {
                let angle = std::f64::consts::TAU * power as f64 / order as f64;
                power = power * 5 % order;
                Complex64::cis(angle)
            });
            twiddles.collect()
        });
        Self {
            stages: stages.collect(),
            slots,
        }
    }

    /// Complex slots.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.slots
    }

    /// The twiddles of each stage of [`slot_values`](Self::slot_values), from blocks of two slots upwards: half as many as
    /// a block has slots.
    #[must_use]
    pub fn stages(&self) -> &[Vec<Complex64>] {
        &self.stages
    }

    /// Real coefficients (`N` of them) of the polynomial with these slot values; missing slots count as zero.
    #[must_use]
    pub fn coefficients(&self, slots: &[Complex64]) -> Vec<f64> {
        let n = self.slots;
        let mut values = slots.to_vec();
        values.resize(n, Complex64::ZERO);
        for twiddles in self.stages.iter().rev() {
            let half = twiddles.len();
            for block in values.chunks_exact_mut(2 * half) {
                let (low, high) = block.split_at_mut(half);
                for ((x, y), w) in low.iter_mut().zip(high).zip(twiddles) {
                    (*x, *y) = (*x + *y, (*x - *y) * w.conj());
                }
            }
        }
        permute(&mut values);
        let scale = 1.0 / n as f64;
        values
            .iter()
            .map(|z| z.re * scale)
            .chain(values.iter().map(|z| z.im * scale))
            .collect()
    }

    /// Slot values of the polynomial with these `N` real coefficients.
    #[must_use]
    pub fn slot_values(&self, coefficients: &[f64]) -> Vec<Complex64> {
        let (re, im) = coefficients.split_at(self.slots);
        let mut values: Vec<_> = re
            .iter()
            .zip(im)
            .map(|(re, im)| Complex64::new(*re, *im))
            .collect();
        permute(&mut values);
        for twiddles in &self.stages {
            let half = twiddles.len();
            for block in values.chunks_exact_mut(2 * half) {
                let (low, high) = block.split_at_mut(half);
                for ((x, y), w) in low.iter_mut().zip(high).zip(twiddles) {
                    let product = *y * w;
                    (*x, *y) = (*x + product, *x - product);
                }
            }
        }
        values
    }
}

fn permute(values: &mut [Complex64]) {
    let bits = values.len().trailing_zeros();
    for i in 0..values.len() {
        let j = bit_reverse(i, bits);
        if i < j {
            values.swap(i, j);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn direct(coefficients: &[f64], slot: usize) -> Complex64 {
        let n = coefficients.len();
        let exponent = (0..slot).fold(1, |power, _| power * 5 % (2 * n));
        let angle = std::f64::consts::PI * exponent as f64 / n as f64;
        let terms = coefficients.iter().enumerate();
        terms
            .map(|(k, c)| c * Complex64::cis(angle * k as f64))
            .sum()
    }

    #[test]
    fn slots_are_values_at_powers_of_five() {
        for degree in [4, 16, 64] {
            let encoder = Encoder::new(degree);
            let coefficients: Vec<_> = (0..degree)
                .map(|i| ((i * 7 + 3) % 11) as f64 - 5.0)
                .collect();
            for (j, value) in encoder.slot_values(&coefficients).into_iter().enumerate() {
                assert!(
                    (value - direct(&coefficients, j)).norm() < 1e-9,
                    "N = {degree}, slot {j}"
                );
            }
        }
    }

    #[test]
    fn encoding_and_decoding_are_inverse() {
        let encoder = Encoder::new(1 << 12);
        let slots: Vec<_> = (0..1 << 11)
            .map(|i| Complex64::new((i as f64).sin(), (2.0 * i as f64).cos()))
            .collect();
        let back = encoder.slot_values(&encoder.coefficients(&slots));
        let worst = slots
            .iter()
            .zip(&back)
            .map(|(a, b)| (a - b).norm())
            .fold(0.0, f64::max);
        assert!(worst < 1e-12, "{worst}");
    }
}

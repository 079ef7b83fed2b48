//! A model of the noise of ciphertexts.
//!
//! A model, not a bound: independent Gaussian noise of one size in each slot for every rescale and every key switch at
//! the canonical scale. Left out are the encoding of plaintexts (about `2^-6` of it for values near one), and
//! relinearisation, whose noise the rescale behind it divides away.

use num_complex::Complex64;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// Sizes of the noise, as standard deviations of one slot's real part (and of its imaginary part).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NoiseModel {
    /// Of a rescale or key switch.
    pub rounding: f64,
    /// Of a refresh.
    pub refresh: f64,
}

impl NoiseModel {
    /// The rounding of a rescale under a dense ternary secret of `h = 2N/3` ones: each coefficient is off by
    /// `sqrt((h + 1)/12)`, each slot by `sqrt(N/2)` times that, over the scale. The refresh is a fresh encryption
    /// under the secret key with errors of standard deviation 3.2.
    #[must_use]
    pub fn new(log_degree: u32, log_scale: f64) -> Self {
        let degree = f64::from(log_degree).exp2();
        let scale = log_scale.exp2();
        let weight = 2.0 * degree / 3.0;
        Self {
            rounding: ((weight + 1.0) / 12.0 * degree / 2.0).sqrt() / scale,
            refresh: 3.2 * (degree / 2.0).sqrt() / scale,
        }
    }
}

/// Normally distributed numbers from a seed, by the Box-Muller transform.
#[derive(Debug)]
pub(super) struct Gaussian(ChaCha8Rng);

impl Gaussian {
    pub(super) fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// Uniform in `(0, 1]`.
    fn uniform(&mut self) -> f64 {
        ((self.0.next_u64() >> 11) + 1) as f64 * (-53f64).exp2()
    }

    /// Real and imaginary part independent, of standard deviation one.
    pub(super) fn complex(&mut self) -> Complex64 {
        let radius = (-2.0 * self.uniform().ln()).sqrt();
        Complex64::from_polar(radius, std::f64::consts::TAU * self.uniform())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_the_ones_measured_on_ciphertexts() {
        // 2^12.4 and 2^13.4 over the scale.
        for (log_degree, log_size) in [(15, 12.4), (16, 13.4)] {
            let noise = NoiseModel::new(log_degree, 39.5);
            assert!((noise.rounding.log2() - (log_size - 39.5)).abs() < 0.1);
        }
    }

    #[test]
    fn numbers_are_normal_and_follow_the_seed() {
        let draw = |seed| {
            let mut random = Gaussian::new(seed);
            (0..20_000).map(|_| random.complex()).collect::<Vec<_>>()
        };
        let numbers = draw(1);
        assert_eq!(numbers, draw(1));
        assert_ne!(numbers[0], draw(2)[0]);
        let mean = |f: fn(&Complex64) -> f64| numbers.iter().map(f).sum::<f64>() / 20_000.0;
        assert!(mean(|z| z.re).abs() < 0.03 && mean(|z| z.im).abs() < 0.03);
        assert!((mean(|z| z.re * z.re) - 1.0).abs() < 0.05);
        assert!((mean(|z| z.im.powi(4)) - 3.0).abs() < 0.3);
        assert!(mean(|z| z.re * z.im).abs() < 0.03);
    }
}

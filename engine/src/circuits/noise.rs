//! A model of the noise of ciphertexts.
//!
//! A model, not a bound: independent Gaussian noise of one size in each slot for every rescale and every key switch, as
//! large as [`Params::noise`] says. Left out are the encoding of plaintexts (about `2^-6` of a rounding for values near
//! one), and relinearization, whose noise the rescale behind it divides away.

use num_complex::Complex64;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use crate::ckks::{Level, Params, Source};

/// Sizes of the noise by level, as standard deviations of one slot's real part (and of its imaginary part).
#[derive(Clone, Debug, PartialEq)]
pub struct NoiseModel {
    levels: Vec<Sizes>,
    /// Of a bootstrap, if that is how vectors are refreshed.
    bootstrap: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Sizes {
    rescale: f64,
    key_switch: f64,
    fresh: f64,
}

impl NoiseModel {
    /// The noise of ciphertexts of a parameter set.
    #[must_use]
    pub fn of(params: &Params) -> Self {
        let sizes = |level: usize| {
            let of = |source| params.noise(source, Level(level));
            Sizes {
                rescale: of(Source::Rescale),
                key_switch: of(Source::KeySwitch),
                fresh: of(Source::EncryptSecret),
            }
        };
        Self {
            levels: (0..=params.max_level().0).map(sizes).collect(),
            bootstrap: None,
        }
    }

    /// The same with refreshes by bootstrapping.
    #[must_use]
    pub fn with_bootstrap(mut self, params: &Params) -> Self {
        self.bootstrap = Some(params.noise(Source::Bootstrap, params.max_level()));
        self
    }

    /// Of a rescale, or any change of level, that ends at `level`.
    #[must_use]
    pub fn rescale(&self, level: Level) -> f64 {
        self.at(level, |sizes| sizes.rescale)
    }

    /// Of a rotation or conjugation at `level`.
    #[must_use]
    pub fn key_switch(&self, level: Level) -> f64 {
        self.at(level, |sizes| sizes.key_switch)
    }

    /// Of a refresh to `level` of values up to `bound`: by the data owner an encryption under the secret key, which knows
    /// no bound; by bootstrapping that of a bootstrap, times the bound.
    #[must_use]
    pub fn refresh(&self, level: Level, bound: f64) -> f64 {
        match self.bootstrap {
            Some(size) => size * bound.max(1.0).log2().ceil().exp2(),
            None => self.at(level, |sizes| sizes.fresh),
        }
    }

    /// A size at a level; at the highest one for those above it.
    fn at(&self, level: Level, size: impl Fn(&Sizes) -> f64) -> f64 {
        self.levels
            .get(level.0)
            .or(self.levels.last())
            .map_or(0.0, size)
    }
}

/// Complex numbers whose parts are independent and normally distributed, from a seed.
///
/// Drawing them anew for every vector of a large training would take most of its time. So a table is drawn once, by the
/// Box-Muller transform, and a vector gets a window of it that begins anywhere, times 1, i, -1 or -i. Two vectors then
/// share numbers in different slots, never in the same one unless their windows begin alike, once in `2^17` pairs.
#[derive(Debug)]
pub(super) struct Gaussian {
    random: ChaCha8Rng,
    table: Vec<Complex64>,
}

/// Numbers of the table: a power of two.
const TABLE: usize = 1 << 17;

impl Gaussian {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            random: ChaCha8Rng::seed_from_u64(seed),
            table: Vec::new(),
        }
    }

    /// Adds noise of this standard deviation to each part of each value.
    pub(super) fn add_to(&mut self, values: &mut [Complex64], deviation: f64) {
        if self.table.is_empty() {
            self.table = (0..TABLE).map(|_| draw(&mut self.random)).collect();
        }
        let turn = Complex64::I.powu(self.random.next_u32() % 4) * deviation;
        let mut start = self.random.next_u32() as usize % TABLE;
        let mut rest = values;
        while !rest.is_empty() {
            let window = &self.table[start..];
            let (now, later) = rest.split_at_mut(window.len().min(rest.len()));
            for (value, noise) in now.iter_mut().zip(window) {
                *value += noise * turn;
            }
            (rest, start) = (later, 0);
        }
    }
}

/// One number, both parts of standard deviation one.
fn draw(random: &mut ChaCha8Rng) -> Complex64 {
    // In `(0, 1]`.
    let mut uniform = || ((random.next_u64() >> 11) + 1) as f64 * (-53f64).exp2();
    let radius = (-2.0 * uniform().ln()).sqrt();
    Complex64::from_polar(radius, std::f64::consts::TAU * uniform())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ckks::presets;

    #[test]
    fn sizes_are_those_of_the_parameter_set() {
        let params = presets::named("insecure-10").unwrap().unwrap();
        let noise = NoiseModel::of(&params);
        for level in (0..=params.max_level().0).map(Level) {
            let of = |source| params.noise(source, level);
            assert_eq!(noise.rescale(level), of(Source::Rescale));
            assert_eq!(noise.key_switch(level), of(Source::KeySwitch));
            assert_eq!(noise.refresh(level, 3.0), of(Source::EncryptSecret));
            assert!(noise.refresh(level, 3.0) < noise.rescale(level));
        }
        assert_eq!(noise.rescale(Level(99)), noise.rescale(params.max_level()));
    }

    #[test]
    fn numbers_are_normal_and_follow_the_seed() {
        let mut random = Gaussian::new(1);
        let mut draw = || {
            let mut values = vec![Complex64::ZERO; TABLE + 100];
            random.add_to(&mut values, 2.0);
            values
        };
        let (numbers, others) = (draw(), draw());
        let mut again = vec![Complex64::ONE; TABLE + 100];
        Gaussian::new(1).add_to(&mut again, 2.0);
        assert!((again[0] - numbers[0] - 1.0).norm() < 1e-12);
        let mut other_seed = vec![Complex64::ZERO; 1];
        Gaussian::new(2).add_to(&mut other_seed, 2.0);
        assert_ne!(numbers[0], other_seed[0]);

        let mean = |f: &dyn Fn(usize) -> f64| {
            (0..numbers.len()).map(f).sum::<f64>() / numbers.len() as f64
        };
        assert!(mean(&|i| numbers[i].re).abs() < 0.03 && mean(&|i| numbers[i].im).abs() < 0.03);
        assert!((mean(&|i| numbers[i].re.powi(2)) / 4.0 - 1.0).abs() < 0.02);
        assert!((mean(&|i| numbers[i].im.powi(4)) / 16.0 - 3.0).abs() < 0.1);
        assert!(mean(&|i| numbers[i].re * numbers[i].im).abs() < 0.05);
        // Slot by slot, two vectors have nothing to do with each other.
        assert!(mean(&|i| numbers[i].re * others[i].re).abs() < 0.05);
        assert!(mean(&|i| numbers[i].re * others[i].im).abs() < 0.05);
    }
}

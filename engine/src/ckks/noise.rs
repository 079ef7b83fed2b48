//! How large the errors are: the promised precision of every operation.
//!
//! An error polynomial with independent coefficients of variance `v` puts the variance `v N/2` into each part of a slot. The
//! secret is uniform ternary: two thirds of its coefficients are not zero.

use super::{Level, Params};
use crate::ring::sampling::SIGMA;

/// What adds an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Encoding: the rounding of coefficients.
    Encode,
    /// Encryption with the secret key.
    EncryptSecret,
    /// Encryption with the public key.
    EncryptPublic,
    /// A rescaling, or any change of level.
    Rescale,
    /// A key switch: a rotation, a conjugation, a relinearization.
    KeySwitch,
    /// A bootstrap of values in `[-1, 1]`, to the highest level for use, whatever level is asked for.
    Bootstrap,
}

/// What a bootstrap's cosine makes of an error of `T_2` of its input, root mean square over the integers that the raised
/// modulus adds. By 1700 at the integer zero, where `T_2` is flattest, and about inversely to the integer elsewhere, which
/// makes 900; the other roundings of the modular reduction add a third.
const COSINE: f64 = 1200.0;

/// Largest error in standard deviations of a part.
///
/// A rounding error comes times the secret, so in a slot it is a product of two complex Gaussians, whose modulus exceeds
/// `t` times its root mean square with probability `2t K1(2t)`, about `sqrt(pi t) exp(-2t)`: a much longer tail than a
/// Gaussian's. With `t = 16 / sqrt 2`, one of `2^15` slots exceeds it with probability `2^-15`.
const LARGEST: f64 = 16.0;

impl Params {
    /// Standard deviation of the error that a source adds to each part of a slot of a ciphertext at `level`, in units of the
    /// message.
    #[must_use]
    pub fn noise(&self, source: Source, level: Level) -> f64 {
        let n = self.degree() as f64;
        if source == Source::Bootstrap {
            return self.bootstrap_noise();
        }
        // Rounding each coefficient of both halves, the second one times the secret.
        let rounding = (1.0 + 2.0 * n / 3.0) / 12.0;
        let variance = match source {
            Source::Encode => 1.0 / 12.0,
            Source::EncryptSecret => SIGMA * SIGMA + 1.0 / 12.0,
            Source::EncryptPublic => rounding + 1.0 / 12.0,
            Source::Rescale => rounding,
            Source::KeySwitch => rounding + self.gadget_variance(level),
            Source::Bootstrap => 0.0,
        };
        (variance * n / 2.0).sqrt() / self.scale(level)
    }

    /// The noise of the modular reduction, that of the roundings in front of it and behind it, and the sine's own error.
    fn bootstrap_noise(&self) -> f64 {
        let top = self.max_level();
        let cosine = Level(top.0 + self.evalmod_levels().saturating_sub(1));
        let reduction = self.bootstrap_gain() * COSINE * self.noise(Source::Rescale, cosine);
        // To the levels of slots-to-coefficients, through them, and out of the reduction.
        let roundings = 2.0 * self.noise(Source::Rescale, top);
        let angle = std::f64::consts::TAU * self.message_ratio();
        let sine = angle * angle / 24.0 / 2f64.sqrt();
        (reduction.powi(2) + roundings.powi(2) + sine.powi(2)).sqrt()
    }

    /// Variance of a coefficient of `sum of digit * error / P`: digits are uniform in `[-D/2, D/2)`.
    fn gadget_variance(&self, level: Level) -> f64 {
        let ring = self.ring();
        let log_p = ring.log2(&ring.special());
        let digits = ring.digits().at(self.basis(level));
        let ratios = digits
            .iter()
            .map(|(_, limbs)| (2.0 * (ring.log2(limbs) - log_p)).exp2());
        ratios.sum::<f64>() / 12.0 * SIGMA * SIGMA * self.degree() as f64
    }

    /// Bits that are right in both parts of every slot, given the standard deviation of the error of a part.
    #[must_use]
    pub fn promised_bits(deviation: f64) -> f64 {
        -(LARGEST * deviation).log2()
    }
}

//! Parameter sets: what people write, and what the code uses.

mod chain;
mod error;
mod literal;

use std::sync::Arc;

use super::{Level, security};
use crate::ring::{Basis, MAX_SOURCES, RingContext};

pub use error::ParamsError;
pub use literal::ParamsLiteral;

/// The longest name of a set.
pub const MAX_NAME_BYTES: usize = 64;
/// The most that the scale of a level for use is away from that of level 0, in bits. In the named sets it is 0.5.
pub const MAX_SCALE_DRIFT: f64 = 2.0;

/// A checked, immutable parameter set. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Params(Arc<Checked>);

#[derive(Debug)]
struct Checked {
    literal: ParamsLiteral,
    ring: Arc<RingContext>,
    bases: Vec<Basis>,
    scales: Vec<f64>,
    gain: f64,
}

impl Params {
    /// Checks a literal.
    ///
    /// # Errors
    /// [`ParamsError`]: no name, not a ring, levels that do not add up or do not rise, a scale far from that of level 0, no room
    /// above the scale, P smaller than a digit, or less than 128 bits of security in a set that is not named `insecure-*`.
    pub fn new(literal: ParamsLiteral) -> Result<Self, ParamsError> {
        let name = || literal.name.clone();
        let ordinary: Vec<_> = literal
            .terminal_primes
            .iter()
            .chain(&literal.main_primes)
            .copied()
            .collect();
        let special = &literal.special_primes;
        if let Some(fault) = name_fault(&literal.name) {
            return Err(ParamsError::Name { fault });
        }
        for (kind, primes) in [("ordinary", &ordinary), ("special", special)] {
            if primes.is_empty() {
                let name = name();
                return Err(ParamsError::NoPrimes { name, kind });
            }
        }
        let ring = RingContext::new(literal.degree, &ordinary, special, special.len());
        let ring = ring.map_err(|source| ParamsError::Ring {
            name: name(),
            source,
        })?;
        let found = literal.message_bits;
        if literal.evalmod > 0 && !(4.0..=30.0).contains(&found) {
            return Err(ParamsError::MessageBits {
                name: name(),
                found,
            });
        }
        let bases = chain::bases(&literal)?;
        let (scales, gain) = chain::scales(&literal, &ring, &bases);
        let checked = Checked {
            ring: Arc::new(ring),
            bases,
            scales,
            gain,
            literal,
        };
        let params = Self(Arc::new(checked));
        params.check()?;
        Ok(params)
    }

    fn check(&self) -> Result<(), ParamsError> {
        let name = self.name().to_owned();
        for level in (0..self.0.bases.len()).map(Level) {
            let (log_scale, log_q) = (
                self.scale(level).log2(),
                self.ring().log2(self.basis(level)),
            );
            if log_scale + 3.0 > log_q {
                return Err(ParamsError::Scale {
                    name,
                    level,
                    log_scale,
                    log_q,
                });
            }
        }
        self.check_steps()?;
        for level in (1..self.0.bases.len()).map(Level) {
            let going = self.basis(level).difference(self.basis(Level(level.0 - 1)));
            let found = going.len() + self.ring().special().len();
            if found > MAX_SOURCES {
                return Err(ParamsError::Step { name, level, found });
            }
        }
        let log_p = self.ring().log2(&self.ring().special());
        let digits = self.ring().digits().at(&self.ring().ordinary());
        let log_digit = digits
            .iter()
            .map(|d| self.ring().log2(&d.1))
            .fold(0.0, f64::max);
        if log_p < log_digit {
            return Err(ParamsError::SpecialModulus {
                name,
                log_p,
                log_digit,
            });
        }
        let log_modulus = self.log_encapsulation();
        if self.is_bootstrappable() && log_modulus > security::LARGEST_SPARSE_LOG_Q {
            return Err(ParamsError::Encapsulation { name, log_modulus });
        }
        if self.security_bits() == 0 && !self.is_declared_insecure() {
            let (log_qp, log_n) = (self.log_qp(), self.log_degree());
            let limit = security::largest_log_qp(log_n);
            return Err(ParamsError::Insecure {
                name,
                log_qp,
                limit,
                log_n,
            });
        }
        Ok(())
    }

    /// Each level is a step up, and its scale near that of level 0; above it, where a bootstrap wants larger ones.
    fn check_steps(&self) -> Result<(), ParamsError> {
        let name = self.name().to_owned();
        for level in (1..self.0.bases.len()).map(Level) {
            let [below, log_q] =
                [level.0 - 1, level.0].map(|level| self.ring().log2(self.basis(Level(level))));
            if log_q <= below {
                return Err(ParamsError::Order {
                    name,
                    level,
                    log_q,
                    below,
                });
            }
            let (expected, log_scale) = (self.0.literal.log_scale, self.scale(level).log2());
            let drift = log_scale - expected;
            let is_larger = drift > 0.0 && level > self.max_level();
            // Not so for what is no number.
            let is_right = is_larger || drift.abs() <= MAX_SCALE_DRIFT;
            if !is_right {
                return Err(ParamsError::Drift {
                    name,
                    level,
                    log_scale,
                    expected,
                });
            }
        }
        Ok(())
    }

    /// Name of the set.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.literal.name
    }

    /// What the set was made from.
    #[must_use]
    pub fn literal(&self) -> &ParamsLiteral {
        &self.0.literal
    }

    /// Degree, moduli and tables.
    #[must_use]
    pub fn ring(&self) -> &Arc<RingContext> {
        &self.0.ring
    }

    /// N.
    #[must_use]
    pub fn degree(&self) -> usize {
        self.0.literal.degree
    }

    /// `log2 N`.
    #[must_use]
    pub fn log_degree(&self) -> u32 {
        self.degree().trailing_zeros()
    }

    /// Complex slots: `N/2`.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.degree() / 2
    }

    /// The highest level for use; those above belong to bootstrapping.
    #[must_use]
    pub fn max_level(&self) -> Level {
        Level(self.0.literal.app_levels + self.0.literal.stc)
    }

    /// The highest level of all: where a bootstrap raises a ciphertext to. [`max_level`](Self::max_level) in a set without one.
    #[must_use]
    pub fn top_level(&self) -> Level {
        Level(self.0.bases.len() - 1)
    }

    /// Whether the set has the levels of a bootstrap.
    #[must_use]
    pub fn is_bootstrappable(&self) -> bool {
        let literal = &self.0.literal;
        literal.stc > 0 && literal.evalmod > 0 && literal.cts > 0
    }

    /// Levels of slots-to-coefficients: a ciphertext can be bootstrapped at this level or above.
    #[must_use]
    pub fn stc_levels(&self) -> usize {
        self.0.literal.stc
    }

    /// Levels of the modular reduction.
    #[must_use]
    pub fn evalmod_levels(&self) -> usize {
        self.0.literal.evalmod
    }

    /// Levels of coefficients-to-slots.
    #[must_use]
    pub fn cts_levels(&self) -> usize {
        self.0.literal.cts
    }

    /// What a bootstrap makes of the value one: this part of the modulus of level 0, as a coefficient.
    #[must_use]
    pub fn message_ratio(&self) -> f64 {
        (-self.0.literal.message_bits).exp2()
    }

    /// A product of two ciphertexts of the level above [`max_level`](Self::max_level) is this many times the product of
    /// their values: about `1 / (2 pi message_ratio)`, by which the last squaring of a modular reduction takes the sine of the
    /// message to the message at no cost. A little more, so that the third-degree term of the sine does a quarter of the
    /// harm. One in a set without bootstrapping.
    #[must_use]
    pub fn bootstrap_gain(&self) -> f64 {
        self.0.gain
    }

    /// The limbs of a level; those of the highest one for any above it.
    #[must_use]
    pub fn basis(&self, level: Level) -> &Basis {
        &self.0.bases[level.0.min(self.0.bases.len() - 1)]
    }

    /// Number of limbs of a level.
    #[must_use]
    pub fn limbs_at(&self, level: Level) -> usize {
        self.basis(level).len()
    }

    /// The limbs that a key needs to serve this level and all below.
    #[must_use]
    pub fn key_basis(&self, level: Level) -> Basis {
        let limbs = (0..=level.0).flat_map(|i| self.basis(Level(i)).iter().collect::<Vec<_>>());
        Basis::new(limbs).union(&self.ring().special())
    }

    /// The canonical scale of a level. Rescaling a product of two ciphertexts of a level lands on that of the level below.
    #[must_use]
    pub fn scale(&self, level: Level) -> f64 {
        self.0.scales[level.0.min(self.0.scales.len() - 1)]
    }

    /// What rescaling from a level divides by: the product of the limbs that go over that of the limbs that come.
    #[must_use]
    pub fn rescale_factor(&self, from: &Basis, to: &Basis) -> f64 {
        chain::rescale_factor(self.ring(), from, to)
    }

    /// `log2(QP)` over all limbs.
    #[must_use]
    pub fn log_qp(&self) -> f64 {
        self.ring()
            .log2(&self.ring().ordinary().union(&self.ring().special()))
    }

    /// Bits of classical security of the whole modulus: 256, 192, 128, or 0 for less.
    #[must_use]
    pub fn security_bits(&self) -> u32 {
        security::security_bits(self.log_degree(), self.log_qp())
    }

    /// Whether the name says that the set is not secure.
    #[must_use]
    pub fn is_declared_insecure(&self) -> bool {
        self.name().starts_with("insecure-")
    }

    /// Bytes of a ciphertext (both halves) at a level.
    #[must_use]
    pub fn ciphertext_bytes(&self, level: Level) -> usize {
        2 * self.limbs_at(level) * self.degree() * size_of::<u32>()
    }

    /// The special limbs of the key to the sparse secret: as few as exceed the modulus of level 0, so that the secret is
    /// used with the smallest modulus there is.
    #[must_use]
    pub fn encapsulation_special(&self) -> Basis {
        let ring = self.ring();
        let mut needed = ring.log2(self.basis(Level(0)));
        let special = ring.special();
        let limbs = special.iter().take_while(|limb| {
            let take = needed > 0.0;
            needed -= f64::from(ring.modulus(*limb).value()).log2();
            take
        });
        Basis::new(limbs.collect::<Vec<_>>())
    }

    /// The modulus of the key to the sparse secret, as `log2`.
    #[must_use]
    pub fn log_encapsulation(&self) -> f64 {
        let ring = self.ring();
        ring.log2(self.basis(Level(0))) + ring.log2(&self.encapsulation_special())
    }
}

/// What is wrong with the name of a set, if anything: names are shown on terminals.
fn name_fault(name: &str) -> Option<String> {
    match name.chars().find(|c| !c.is_ascii_graphic()) {
        Some(found) => Some(format!("has {found:?}")),
        None if name.is_empty() => Some("is empty".to_owned()),
        None if name.len() > MAX_NAME_BYTES => Some(format!("has {}", name.len())),
        None => None,
    }
}

#[cfg(test)]
mod tests;

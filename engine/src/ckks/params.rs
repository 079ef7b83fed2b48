//! Parameter sets: what people write, and what the code uses.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Level, security};
use crate::ring::{Basis, LimbIndex, MAX_SOURCES, RingContext, RingError};

/// A parameter set as written: public, unchecked. The field names in files are those of `boot-39.json` and its kin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParamsLiteral {
    /// Name of the set. Names of sets below 128 bits of security begin with `insecure-`.
    #[serde(default)]
    pub name: String,
    /// Ring degree, a power of two; half as many complex slots.
    #[serde(rename = "N")]
    pub degree: usize,
    /// `log2` of the scale at level 0.
    #[serde(rename = "delta_log")]
    pub log_scale: f64,
    /// Small primes that come and go with the levels.
    pub terminal_primes: Vec<u64>,
    /// The other ordinary primes.
    pub main_primes: Vec<u64>,
    /// Primes of the key-switching modulus P.
    #[serde(rename = "aux_primes")]
    pub special_primes: Vec<u64>,
    /// For each level from 0: how many main and how many terminal primes it has, the first ones of their lists.
    #[serde(rename = "level_config")]
    pub levels: Vec<[usize; 2]>,
    /// Levels for use after a bootstrap (all of them in a set without one).
    pub app_levels: usize,
    /// Levels of slots-to-coefficients.
    #[serde(default)]
    pub stc: usize,
    /// Levels of the modular reduction.
    #[serde(default)]
    pub evalmod: usize,
    /// Levels of coefficients-to-slots.
    #[serde(default)]
    pub cts: usize,
    /// A bootstrap brings the value one to `2^-message_bits` of the modulus of level 0. The sine is then off by
    /// `(2 pi 2^-message_bits)^2 / 24` at most; noise grows as `2^message_bits`.
    #[serde(default = "default_message_bits")]
    pub message_bits: f64,
}

/// Where both errors are about equal at `N = 2^16` and a scale of 40 bits.
fn default_message_bits() -> f64 {
    13.4
}

/// Why a literal is not a parameter set.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ParamsError {
    /// Degree or primes that do not make a ring.
    #[error("parameter set {name}: {source}")]
    Ring {
        /// The set.
        name: String,
        /// What is wrong.
        source: RingError,
    },
    /// A level that asks for more primes than there are, or for none.
    #[error(
        "parameter set {name}: level {level} asks for {main} main and {terminal} terminal primes of {mains} and {terminals}"
    )]
    Level {
        /// The set.
        name: String,
        /// The level.
        level: usize,
        /// Main primes asked for.
        main: usize,
        /// Terminal primes asked for.
        terminal: usize,
        /// Main primes there are.
        mains: usize,
        /// Terminal primes there are.
        terminals: usize,
    },
    /// The parts do not add up to the levels.
    #[error("parameter set {name}: {sum} levels are named by purpose, {levels} are listed")]
    LevelCount {
        /// The set.
        name: String,
        /// Sum of the parts.
        sum: usize,
        /// Levels listed.
        levels: usize,
    },
    /// A level whose step changes the modulus too little, or whose scale leaves no room below its modulus.
    #[error(
        "parameter set {name}: {level} has scale 2^{log_scale:.1} and modulus 2^{log_q:.1}; at least 3 bits must lie between"
    )]
    Scale {
        /// The set.
        name: String,
        /// The level.
        level: Level,
        /// Its scale.
        log_scale: f64,
        /// Its modulus.
        log_q: f64,
    },
    /// Dividing by P and rescaling at once starts from too many limbs.
    #[error(
        "parameter set {name}: {level} drops {found} limbs with the special ones, at most {MAX_SOURCES} fit one conversion"
    )]
    Step {
        /// The set.
        name: String,
        /// The level.
        level: Level,
        /// Special limbs and limbs that go.
        found: usize,
    },
    /// The special primes are too small for the digits.
    #[error(
        "parameter set {name}: special modulus 2^{log_p:.1} is below the largest digit 2^{log_digit:.1}"
    )]
    SpecialModulus {
        /// The set.
        name: String,
        /// `log2 P`.
        log_p: f64,
        /// `log2` of the largest digit.
        log_digit: f64,
    },
    /// A part of the modulus that no message can have.
    #[error("parameter set {name}: message_bits = {found} is not from 4 to 30")]
    MessageBits {
        /// The set.
        name: String,
        /// What was given.
        found: f64,
    },
    /// The key to the sparse secret of a bootstrap would have too large a modulus.
    #[error(
        "parameter set {name}: the modulus of level 0 and the special limbs above it have 2^{log_modulus:.1}, at most 2^{} is \
         secure for the sparse secret of a bootstrap",
        security::LARGEST_SPARSE_LOG_Q
    )]
    Encapsulation {
        /// The set.
        name: String,
        /// `log2` of the modulus of the key.
        log_modulus: f64,
    },
    /// A set that is not secure and does not say so in its name.
    #[error(
        "parameter set {name}: log2(QP) = {log_qp:.1} is above {limit}, the 128-bit limit for N = 2^{log_n}; only sets \
         named insecure-* may be"
    )]
    Insecure {
        /// The set.
        name: String,
        /// Its modulus.
        log_qp: f64,
        /// The limit.
        limit: f64,
        /// `log2` of the degree.
        log_n: u32,
    },
}

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
    /// [`ParamsError`]: not a ring, levels that do not add up, no room above the scale, P smaller than a digit, or less than
    /// 128 bits of security in a set that is not named `insecure-*`.
    pub fn new(literal: ParamsLiteral) -> Result<Self, ParamsError> {
        let name = || literal.name.clone();
        let ordinary: Vec<_> = literal
            .terminal_primes
            .iter()
            .chain(&literal.main_primes)
            .copied()
            .collect();
        let special = &literal.special_primes;
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
        let bases = bases(&literal)?;
        let (scales, gain) = scales(&literal, &ring, &bases);
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
        rescale_factor(self.ring(), from, to)
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

fn bases(literal: &ParamsLiteral) -> Result<Vec<Basis>, ParamsError> {
    let (mains, terminals) = (literal.main_primes.len(), literal.terminal_primes.len());
    let sum = 1 + literal.app_levels + literal.stc + literal.evalmod + literal.cts;
    if sum != literal.levels.len() {
        let (name, levels) = (literal.name.clone(), literal.levels.len());
        return Err(ParamsError::LevelCount { name, sum, levels });
    }
    let levels = literal.levels.iter().enumerate();
    let bases = levels.map(|(level, &[main, terminal])| {
        if main > mains || terminal > terminals || main + terminal == 0 {
            let name = literal.name.clone();
            return Err(ParamsError::Level {
                name,
                level,
                main,
                terminal,
                mains,
                terminals,
            });
        }
        let limbs: Vec<LimbIndex> = (0..terminal).chain(terminals..terminals + main).collect();
        Ok(Basis::new(limbs))
    });
    bases.collect()
}

/// `s_(l+1) = sqrt(s_l Q_(l+1)/Q_l)` from the given scale at level 0: exact, and it damps every deviation by half a level.
/// The levels of a bootstrap start anew, from the scale of the highest level for use times the gain, which comes second.
fn scales(literal: &ParamsLiteral, ring: &RingContext, bases: &[Basis]) -> (Vec<f64>, f64) {
    let gain = if literal.evalmod > 0 {
        // With the sine's error e z^3 and a factor 1 + 3e/4, a value z is off by e (3z/4 - z^3): by e/4 at most.
        let angle = std::f64::consts::TAU * (-literal.message_bits).exp2();
        (1.0 + 0.75 * angle * angle / 6.0) / angle
    } else {
        1.0
    };
    // Not by logarithms of the moduli: those are so large that a double keeps 43 bits of their difference, which is seen
    // after a bootstrap.
    let mut scale = literal.log_scale.exp2();
    let mut scales = vec![scale];
    for (level, step) in bases.windows(2).enumerate() {
        if level == literal.app_levels + literal.stc {
            scale *= gain;
        }
        scale = (scale * rescale_factor(ring, &step[1], &step[0])).sqrt();
        scales.push(scale);
    }
    (scales, gain)
}

/// What rescaling divides by: the product of the limbs that go over that of the limbs that come.
fn rescale_factor(ring: &RingContext, from: &Basis, to: &Basis) -> f64 {
    let product = |limbs: Basis| {
        let moduli = limbs.iter().map(|limb| ring.modulus(limb).value());
        moduli.map(f64::from).product::<f64>()
    };
    product(from.difference(to)) / product(to.difference(from))
}

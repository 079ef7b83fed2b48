//! What is wrong with what people write.

use super::{MAX_NAME_BYTES, MAX_SCALE_DRIFT};
use crate::ckks::{Level, security};
use crate::ring::{MAX_SOURCES, RingError};

/// Why a literal is not a parameter set.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ParamsError {
    /// A name that cannot be shown or is too long.
    #[error(
        "the name of a parameter set {fault}; it must be of 1 to {MAX_NAME_BYTES} visible ASCII characters"
    )]
    Name {
        /// What is wrong with it.
        fault: String,
    },
    /// Q or P is the empty product.
    #[error("parameter set {name}: there are no {kind} primes")]
    NoPrimes {
        /// The set.
        name: String,
        /// Which ones.
        kind: &'static str,
    },
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
        /// Sum of the parts, and one; the largest number where it is larger.
        sum: usize,
        /// Levels listed.
        levels: usize,
    },
    /// A level that is no step up from the one below.
    #[error(
        "parameter set {name}: {level} has modulus 2^{log_q:.1}, which is not above 2^{below:.1} of the level below"
    )]
    Order {
        /// The set.
        name: String,
        /// The level.
        level: Level,
        /// Its modulus.
        log_q: f64,
        /// That of the level below.
        below: f64,
    },
    /// A level whose step makes values much more or less precise than the set says.
    #[error(
        "parameter set {name}: {level} has scale 2^{log_scale:.1}, more than {MAX_SCALE_DRIFT} bits from delta_log = \
         {expected}; each step must change the modulus by about as much"
    )]
    Drift {
        /// The set.
        name: String,
        /// The level.
        level: Level,
        /// Its scale.
        log_scale: f64,
        /// The scale of level 0.
        expected: f64,
    },
    /// A level whose scale leaves no room below its modulus.
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

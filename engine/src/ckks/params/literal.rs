//! What people write.

use serde::{Deserialize, Serialize};

/// A parameter set as written: public, unchecked. The field names in files are those of `boot-39.json` and its kin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParamsLiteral {
    /// Name of the set, of 1 to 64 visible ASCII characters. Names of sets below 128 bits of security begin with `insecure-`.
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

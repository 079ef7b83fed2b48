//! Parameter sets.

use serde::Serialize;

/// A parameter set.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ParamsReport {
    /// Its name.
    pub name: String,
    /// `log2` of the degree.
    pub log_n: u32,
    /// N.
    pub degree: usize,
    /// Complex slots.
    pub slots: usize,
    /// Primes of Q.
    pub ordinary_primes: usize,
    /// Primes of P.
    pub special_primes: usize,
    /// Levels for use.
    pub levels: usize,
    /// `log2` of the scale at level 0.
    pub log_scale: f64,
    /// `log2 Q`.
    pub log_q: f64,
    /// `log2 P`.
    pub log_p: f64,
    /// `log2(QP)`.
    pub log_qp: f64,
    /// The largest `log2(QP)` with 128 bits of security.
    pub log_qp_limit: f64,
    /// Bits of classical security, 0 if fewer than 128.
    pub security_bits: u32,
    /// Whether it has 128 bits.
    pub secure: bool,
    /// Bytes of a relinearization key at the highest level for use, in memory.
    pub relinearization_key_bytes: usize,
    /// Bytes of a ciphertext at the highest level for use, in memory.
    pub fresh_ciphertext_bytes: usize,
    /// What it is for.
    pub purpose: String,
    /// Its bootstrap, if it has one.
    pub bootstrap: Option<BootstrapReport>,
    /// The levels for use, from 0.
    pub rows: Vec<LevelReport>,
}

/// The bootstrap of a parameter set.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BootstrapReport {
    /// Levels left for use after it: those above slots-to-coefficients.
    pub levels_left: usize,
    /// Bits that it keeps of values up to one, in the worst slot.
    pub promised_bits: f64,
    /// `log2` of the probability that it fails.
    pub log_failure: f64,
    /// Switching keys that it needs.
    pub keys: usize,
    /// Bytes of them, in memory.
    pub key_bytes: usize,
    /// Keys with `--refresh bootstrap-lean`.
    pub lean_keys: usize,
    /// Bytes of those.
    pub lean_key_bytes: usize,
}

/// A level of a parameter set.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LevelReport {
    /// The level.
    pub level: usize,
    /// Its limbs.
    pub limbs: usize,
    /// `log2` of its modulus.
    pub log_q: f64,
    /// `log2` of its scale.
    pub log_scale: f64,
}

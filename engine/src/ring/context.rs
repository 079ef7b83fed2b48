//! Degree, moduli and roots of a parameter set, and the tables derived from them: built once, shared.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::{BaseConversion, Basis, DigitLayout, FRACTION_BITS, LimbIndex, MAX_SOURCES, ModDown};
use crate::arith::{Modulus, ModulusError, Word, is_prime, primitive_root_2n, strict_log2};

/// Why numbers do not make a ring.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RingError {
    /// Not a power of two in range.
    #[error("degree {0} is not a power of two in [2^4, 2^17]")]
    Degree(usize),
    /// Not a modulus.
    #[error(transparent)]
    Modulus(#[from] ModulusError),
    /// A modulus without the roots of unity the transform needs, or not prime.
    #[error("modulus {modulus} is not a prime = 1 mod 2N for N = {degree}")]
    NotNttFriendly {
        /// The modulus.
        modulus: u64,
        /// N.
        degree: usize,
    },
    /// A modulus too small for the fixed-point fractions of base conversion.
    #[error("modulus {0} is not above 2^{FRACTION_BITS}")]
    TooSmall(u64),
    /// The same modulus twice.
    #[error("modulus {0} is listed twice")]
    Repeated(u64),
    /// A digit or the special limbs are too many for one base conversion.
    #[error("{what}: {found} limbs, at most {MAX_SOURCES}")]
    TooManyLimbs {
        /// Which limbs.
        what: &'static str,
        /// How many.
        found: usize,
    },
}

type Cache<T> = Mutex<HashMap<(Basis, Basis), Arc<T>>>;

/// Degree `N`, the ordinary moduli followed by the special ones, and every table that depends on nothing else.
#[derive(Debug)]
pub struct RingContext {
    degree: usize,
    moduli: Vec<Modulus>,
    roots: Vec<Word>,
    ordinary: usize,
    digits: DigitLayout,
    mod_ups: Cache<BaseConversion>,
    mod_downs: Cache<ModDown>,
}

impl RingContext {
    /// The ring of degree `degree` with `ordinary` moduli (Q) and `special` ones (P); digits of `digit_size` limbs.
    ///
    /// # Errors
    /// [`RingError`] unless the degree is a power of two and all moduli are different primes in `(2^24, 2^30)`, `= 1 mod 2N`.
    pub fn new(
        degree: usize,
        ordinary: &[u64],
        special: &[u64],
        digit_size: usize,
    ) -> Result<Self, RingError> {
        if strict_log2(degree).is_none_or(|bits| !(4..=17).contains(&bits)) {
            return Err(RingError::Degree(degree));
        }
        for (what, found) in [("special limbs", special.len()), ("a digit", digit_size)] {
            if found > MAX_SOURCES {
                return Err(RingError::TooManyLimbs { what, found });
            }
        }
        let mut moduli: Vec<Modulus> = Vec::new();
        for &value in ordinary.iter().chain(special) {
            let modulus = Modulus::new(value)?;
            if value >> FRACTION_BITS == 0 {
                return Err(RingError::TooSmall(value));
            }
            if value % (2 * degree as u64) != 1 || !is_prime(value) {
                return Err(RingError::NotNttFriendly {
                    modulus: value,
                    degree,
                });
            }
            if moduli.contains(&modulus) {
                return Err(RingError::Repeated(value));
            }
            moduli.push(modulus);
        }
        let roots = moduli
            .iter()
            .map(|q| primitive_root_2n(degree, *q))
            .collect();
        Ok(Self {
            degree,
            roots,
            moduli,
            ordinary: ordinary.len(),
            digits: DigitLayout::consecutive(ordinary.len(), digit_size),
            mod_ups: Mutex::default(),
            mod_downs: Mutex::default(),
        })
    }

    /// N.
    #[must_use]
    pub fn degree(&self) -> usize {
        self.degree
    }

    /// All moduli, the ordinary ones first.
    #[must_use]
    pub fn moduli(&self) -> &[Modulus] {
        &self.moduli
    }

    /// The modulus of a limb.
    #[must_use]
    pub fn modulus(&self, limb: LimbIndex) -> Modulus {
        self.moduli[limb]
    }

    /// The primitive `2N`-th root of unity of a limb.
    #[must_use]
    pub fn root(&self, limb: LimbIndex) -> Word {
        self.roots[limb]
    }

    /// The special limbs (P).
    #[must_use]
    pub fn special(&self) -> Basis {
        Basis::new(self.ordinary..self.moduli.len())
    }

    /// All ordinary limbs (Q).
    #[must_use]
    pub fn ordinary(&self) -> Basis {
        Basis::new(0..self.ordinary)
    }

    /// The partition of the ordinary limbs into gadget digits.
    #[must_use]
    pub fn digits(&self) -> &DigitLayout {
        &self.digits
    }

    /// `log2` of the product of limbs.
    #[must_use]
    pub fn log2(&self, limbs: &Basis) -> f64 {
        limbs
            .iter()
            .map(|limb| f64::from(self.modulus(limb).value()).log2())
            .sum()
    }

    /// The product of limbs modulo another one.
    #[must_use]
    pub fn product(&self, limbs: &Basis, q: Modulus) -> Word {
        limbs
            .iter()
            .fold(1, |p, limb| q.mul(p, self.modulus(limb).value()))
    }

    /// The table of mod-up from `sources` to `targets`.
    #[must_use]
    pub fn mod_up(&self, sources: &Basis, targets: &Basis) -> Arc<BaseConversion> {
        cached(&self.mod_ups, sources, targets, || {
            BaseConversion::mod_up(self, sources, targets)
        })
    }

    /// The table of division from `from` to `to`.
    #[must_use]
    pub fn mod_down(&self, from: &Basis, to: &Basis) -> Arc<ModDown> {
        cached(&self.mod_downs, from, to, || ModDown::new(self, from, to))
    }
}

fn cached<T>(cache: &Cache<T>, a: &Basis, b: &Basis, make: impl FnOnce() -> T) -> Arc<T> {
    let mut tables = cache.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(
        tables
            .entry((a.clone(), b.clone()))
            .or_insert_with(|| Arc::new(make())),
    )
}

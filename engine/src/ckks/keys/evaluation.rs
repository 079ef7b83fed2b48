//! Evaluation keys: what a server needs to multiply and to rotate.

use std::collections::BTreeMap;

use super::KeyName;
use crate::arith::Word;
use crate::backend::{Backend, BackendError, GadgetKey, Shape};
use crate::ckks::{EvalError, Level, Params};
use crate::ring::sampling::{self, Seed};
use crate::ring::{Digit, GaloisElement, Rotation};

/// Which keys to make, each for a level and all below it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyPlan {
    /// The highest level at which products are relinearized.
    pub relinearization: Option<Level>,
    /// The highest level at which vectors are conjugated.
    pub conjugation: Option<Level>,
    /// Whether the modulus is raised: keys to a sparse secret and back.
    pub encapsulation: bool,
    /// The highest level of each rotation.
    pub rotations: BTreeMap<Rotation, Level>,
}

impl KeyPlan {
    /// Number of switching keys.
    #[must_use]
    pub fn len(&self) -> usize {
        let single = [self.relinearization, self.conjugation];
        let sparse = 2 * usize::from(self.encapsulation);
        single.iter().flatten().count() + sparse + self.rotations.len()
    }

    /// Whether nothing is planned.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of all keys in memory.
    #[must_use]
    pub fn bytes(&self, params: &Params) -> usize {
        let keys = KeyName::all(params, self).into_iter();
        keys.map(|(name, level)| name.bytes(params, level)).sum()
    }

    /// The keys of both plans.
    #[must_use]
    pub fn union(mut self, other: &Self) -> Self {
        self.relinearization = self.relinearization.max(other.relinearization);
        self.conjugation = self.conjugation.max(other.conjugation);
        self.encapsulation |= other.encapsulation;
        for (&by, &level) in &other.rotations {
            let highest = self.rotations.entry(by).or_insert(level);
            *highest = level.max(*highest);
        }
        self
    }
}

/// A switching key: one pair `(b, a)` for each gadget digit. The `a` halves are uniform and made again from a seed.
pub struct SwitchingKey<B: Backend> {
    pub(in crate::ckks) gadget: GadgetKey<B::Buffer>,
    pub(in crate::ckks) level: Level,
    pub(in crate::ckks) seed: Seed,
}

impl<B: Backend> SwitchingKey<B> {
    /// The highest level it serves.
    #[must_use]
    pub fn level(&self) -> Level {
        self.level
    }

    /// The pairs of the digits.
    #[must_use]
    pub fn gadget(&self) -> &GadgetKey<B::Buffer> {
        &self.gadget
    }

    /// The seed of the uniform halves. Public.
    #[must_use]
    pub fn seed(&self) -> &Seed {
        &self.seed
    }

    /// The `b` halves, digit after digit, row-major.
    ///
    /// # Errors
    /// Those of the device.
    pub fn download(&self, backend: &B) -> Result<Vec<Vec<Word>>, BackendError> {
        self.gadget
            .pairs
            .iter()
            .map(|[b, _]| backend.download(b))
            .collect()
    }

    /// The key of this name, up to this level, with these `b` halves, as [`download`](Self::download) gives them, and the uniform halves of `seed`.
    ///
    /// # Errors
    /// [`EvalError::Batch`] for a number of halves that is not that of the digits, [`EvalError::Backend`] for word counts that do
    /// not fit. Residues must be canonical: whoever reads them from outside checks them.
    pub fn upload(
        backend: &B,
        params: &Params,
        (name, level): (KeyName, Level),
        seed: Seed,
        halves: &[Vec<Word>],
    ) -> Result<Self, EvalError> {
        let (shape, digits) = (name.shape(params, level), name.digits(params, level));
        if digits.len() != halves.len() {
            let (left, right) = (digits.len(), halves.len());
            return Err(EvalError::Batch {
                op: "switching key",
                left,
                right,
            });
        }
        let pairs = digits.iter().zip(halves).map(|(digit, b)| {
            Ok([
                backend.upload(&shape, b)?,
                uniform_half(backend, &shape, &seed, *digit)?,
            ])
        });
        let pairs = pairs.collect::<Result<_, BackendError>>()?;
        Ok(Self {
            gadget: GadgetKey { pairs },
            level,
            seed,
        })
    }
}

/// The uniform half of a digit. Uniform residues are uniform in either domain: they are taken as evaluations.
pub(super) fn uniform_half<B: Backend>(
    backend: &B,
    shape: &Shape,
    seed: &Seed,
    digit: Digit,
) -> Result<B::Buffer, BackendError> {
    let words = sampling::uniform(
        backend.context(),
        &shape.basis,
        &seed.derive(digit.0 as u64),
    );
    backend.upload(shape, &words)
}

/// The keys a server holds.
pub struct EvaluationKeys<B: Backend> {
    /// For products.
    pub relinearization: Option<SwitchingKey<B>>,
    /// From the secret to the sparse one of a bootstrap.
    pub to_sparse: Option<SwitchingKey<B>>,
    /// From the sparse secret back.
    pub to_dense: Option<SwitchingKey<B>>,
    /// For rotations and the conjugation.
    pub galois: BTreeMap<GaloisElement, SwitchingKey<B>>,
}

impl<B: Backend> Default for EvaluationKeys<B> {
    fn default() -> Self {
        Self {
            relinearization: None,
            to_sparse: None,
            to_dense: None,
            galois: BTreeMap::new(),
        }
    }
}

impl<B: Backend> EvaluationKeys<B> {
    pub(in crate::ckks) fn relinearization(
        &self,
        level: Level,
    ) -> Result<&GadgetKey<B::Buffer>, EvalError> {
        let key = self
            .relinearization
            .as_ref()
            .filter(|key| key.level >= level);
        key.map(|key| &key.gadget).ok_or(EvalError::MissingKey {
            kind: "relinearization",
            level,
        })
    }

    pub(in crate::ckks) fn galois(
        &self,
        g: GaloisElement,
        level: Level,
    ) -> Option<&GadgetKey<B::Buffer>> {
        self.galois
            .get(&g)
            .filter(|key| key.level >= level)
            .map(|key| &key.gadget)
    }
}

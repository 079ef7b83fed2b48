//! What the parties send to each other.

use crate::backend::Backend;
use crate::ckks::{Ciphertext, EvaluationKeys, KeyPlan, Level, SwitchingKey};
use crate::ring::sampling::Seed;
use crate::ring::{GaloisElement, Rotation};

/// Which evaluation key a switching key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyName {
    /// For products.
    Relinearization,
    /// For the complex conjugation.
    Conjugation,
    /// For one rotation.
    Rotation(Rotation),
}

impl KeyName {
    /// The keys of a plan in the order in which they are made and sent, each with its highest level.
    #[must_use]
    pub fn all(plan: &KeyPlan) -> Vec<(Self, Level)> {
        let single = [
            (Self::Relinearization, plan.relinearization),
            (Self::Conjugation, plan.conjugation),
        ];
        let single = single
            .into_iter()
            .filter_map(|(name, level)| Some((name, level?)));
        let rotations = plan
            .rotations
            .iter()
            .map(|(by, level)| (Self::Rotation(*by), *level));
        single.chain(rotations).collect()
    }

    /// Puts a key in its place.
    pub fn insert<B: Backend>(
        self,
        keys: &mut EvaluationKeys<B>,
        degree: usize,
        key: SwitchingKey<B>,
    ) {
        let element = match self {
            Self::Relinearization => {
                keys.relinearization = Some(key);
                return;
            }
            Self::Conjugation => GaloisElement::conjugation(degree),
            Self::Rotation(by) => GaloisElement::of(by, degree),
        };
        keys.galois.insert(element, key);
    }

    /// The plan that has this key alone.
    #[must_use]
    pub fn plan(self, level: Level) -> KeyPlan {
        let mut plan = KeyPlan::default();
        match self {
            Self::Relinearization => plan.relinearization = Some(level),
            Self::Conjugation => plan.conjugation = Some(level),
            Self::Rotation(by) => {
                plan.rotations.insert(by, level);
            }
        }
        plan
    }
}

/// A batch of ciphertexts as the owner makes them: the second halves come from a public seed, so only the first ones
/// need to be sent.
pub struct Fresh<B: Backend> {
    /// Both halves.
    pub ciphertext: Ciphertext<B>,
    /// The seed of the second halves. Public.
    pub seed: Seed,
}

impl<B: Backend> Clone for Fresh<B> {
    fn clone(&self) -> Self {
        Self {
            ciphertext: self.ciphertext.clone(),
            seed: self.seed.clone(),
        }
    }
}

/// An encrypted batch of samples.
pub struct EncryptedBatch<B: Backend> {
    /// For each tile its row blocks.
    pub features: Vec<Fresh<B>>,
    /// One vector of labels.
    pub labels: Fresh<B>,
    /// Samples that are present. Public.
    pub samples: usize,
}

impl<B: Backend> EncryptedBatch<B> {
    /// What the server gets.
    #[must_use]
    pub fn received(&self) -> ReceivedBatch<B> {
        let tiles = self.features.iter();
        ReceivedBatch {
            features: tiles.map(|tile| tile.ciphertext.clone()).collect(),
            labels: self.labels.ciphertext.clone(),
            samples: self.samples,
        }
    }
}

/// An encrypted batch of samples as the server has it.
pub struct ReceivedBatch<B: Backend> {
    /// For each tile its row blocks.
    pub features: Vec<Ciphertext<B>>,
    /// One vector of labels.
    pub labels: Ciphertext<B>,
    /// Samples that are present: the first ones.
    pub samples: usize,
}

/// The server's wish to have ciphertexts encrypted anew.
pub struct RefreshRequest<B: Backend> {
    /// The ciphertexts.
    pub ciphertext: Ciphertext<B>,
    /// The level that the answer is wanted at.
    pub to: Level,
    /// What real and imaginary parts are bounded by.
    pub bound: f64,
}

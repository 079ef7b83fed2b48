//! What the parties send to each other.

use super::BatchVectors;
use crate::backend::Backend;
use crate::circuits::PlainVector;
use crate::ckks::{Ciphertext, Level};
use crate::ring::sampling::Seed;

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
            weighted: None,
        }
    }
}

/// An encrypted batch of samples as the server has it.
pub type ReceivedBatch<B> = BatchVectors<Ciphertext<B>, PlainVector<B>>;

/// The server's wish to have ciphertexts encrypted anew.
pub struct RefreshRequest<B: Backend> {
    /// The ciphertexts.
    pub ciphertext: Ciphertext<B>,
    /// The level that the answer is wanted at.
    pub to: Level,
    /// What real and imaginary parts are bounded by.
    pub bound: f64,
}

//! The server's part of a round of pruning: scores of all samples, and the merging of those that the owner keeps.

use super::{ReceivedBatch, Server};
use crate::backend::Backend;
use crate::circuits::matmul::Diagonals;
use crate::ckks::{Ciphertext, EvalError};
use crate::prune::{MergePlan, Merger};

/// The weights of a state, spread for the scores of all batches.
pub struct ScoreWeights<B: Backend>(Diagonals<Ciphertext<B>>);

/// A merging on its way on ciphertexts.
pub struct Merging<'p, B: Backend>(Merger<'p, Ciphertext<B>>);

impl<B: Backend> Server<'_, B> {
    /// Spreads the weights of a state that has been refreshed, once for the scores of all batches.
    ///
    /// # Errors
    /// [`EvalError::Empty`] for a plan without pruning; those of the device.
    pub fn score_weights(&self, state: &Ciphertext<B>) -> Result<ScoreWeights<B>, EvalError> {
        let weights = self.program.score_weights(&self.machine, state)?;
        Ok(ScoreWeights(weights))
    }

    /// The forward pass of a batch, as far as scores need it: logits, or probabilities.
    ///
    /// # Errors
    /// Those of the device.
    pub fn score_forward(
        &self,
        weights: &ScoreWeights<B>,
        batch: &ReceivedBatch<B>,
    ) -> Result<Ciphertext<B>, EvalError> {
        let program = &self.program;
        program.score_forward(&self.machine, &weights.0, batch)
    }

    /// The scores of a batch from its forward pass.
    ///
    /// # Errors
    /// Those of the device.
    pub fn score(
        &self,
        forward: &Ciphertext<B>,
        batch: &ReceivedBatch<B>,
    ) -> Result<Ciphertext<B>, EvalError> {
        self.program.score(&self.machine, forward, batch)
    }

    /// The message to the owner: the scores of all batches at level 0.
    ///
    /// # Errors
    /// [`EvalError::Empty`] without batches; those of the device.
    pub fn pack_scores(&self, scores: &[Ciphertext<B>]) -> Result<Ciphertext<B>, EvalError> {
        self.program.pack_scores(&self.machine, scores)
    }

    /// Begins to merge the training set.
    #[must_use]
    pub fn merging<'p>(&'p self, plan: &'p MergePlan) -> Merging<'p, B> {
        Merging(Merger::new(self.program.layout(), plan))
    }

    /// Takes in a batch of the training set. They come in ascending order.
    ///
    /// # Errors
    /// [`EvalError::MissingRotation`] for moves between rows with keys of a plan without them; those of the device.
    pub fn merge(
        &self,
        merging: &mut Merging<'_, B>,
        index: usize,
        batch: &ReceivedBatch<B>,
    ) -> Result<(), EvalError> {
        let program = &self.program;
        program.merge(&self.machine, &mut merging.0, index, batch)
    }

    /// The merged batches, with the weights of their samples.
    ///
    /// # Errors
    /// [`EvalError::Empty`] if a batch with survivors was not taken in; those of the device.
    pub fn merged(
        &self,
        merging: Merging<'_, B>,
        plan: &MergePlan,
    ) -> Result<Vec<ReceivedBatch<B>>, EvalError> {
        self.program.merged(&self.machine, merging.0, plan)
    }

    /// A merged batch with the weights of its places.
    ///
    /// # Errors
    /// [`EvalError::SlotCount`] if the plan is for another number of slots.
    pub fn weighted(
        &self,
        features: Vec<Ciphertext<B>>,
        labels: Ciphertext<B>,
        weights: &[f64],
    ) -> Result<ReceivedBatch<B>, EvalError> {
        let program = &self.program;
        program.weighted(&self.machine, features, labels, weights)
    }
}

//! The server's part of a round of pruning: scores of all samples, and the merging of those that the owner keeps.

use std::sync::Arc;

use super::{ReceivedBatch, Server};
use crate::backend::Backend;
use crate::circuits::activation::Activation;
use crate::circuits::matmul::{Diagonals, SampleMask};
use crate::circuits::{PlainVector, Slots};
use crate::ckks::{Ciphertext, EvalError, Level};
use crate::prune::{MergePlan, Merger, Scorer};

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
        Ok(ScoreWeights(self.scorer()?.weights(&self.machine, state)?))
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
        self.scorer()?
            .forward(&self.machine, &weights.0, &batch.features)
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
        self.scorer()?
            .distance(&self.machine, forward, &batch.labels)
    }

    /// The message to the owner: the scores of all batches at level 0.
    ///
    /// # Errors
    /// [`EvalError::Empty`] without batches; those of the device.
    pub fn pack_scores(&self, scores: &[Ciphertext<B>]) -> Result<Ciphertext<B>, EvalError> {
        self.scorer()?.pack(&self.machine, scores)
    }

    /// Begins to merge the training set.
    #[must_use]
    pub fn merging<'p>(&'p self, plan: &'p MergePlan) -> Merging<'p, B> {
        Merging(Merger::new(self.step.layout(), plan))
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
        let level = self.step.levels().labels.0 + 1;
        let level = Level(level).min(batch.labels.level());
        let labels = self.machine.lower(&batch.labels, level)?;
        let merger = &mut merging.0;
        merger.absorb(&self.machine, index, &batch.features, &labels)
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
        let batches = (0..).zip(merging.0.finish(&self.machine)?);
        let received = batches.map(|(index, merged)| {
            self.weighted(
                merged.features,
                merged.labels,
                &plan.weights(self.step.layout(), index),
            )
        });
        received.collect()
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
        let layout = self.step.layout();
        let blocks = weights.len().div_ceil(layout.height()).max(1);
        let layout = layout.with_row_blocks(blocks);
        let counted = SampleMask::weighted(&self.machine, &layout, weights)?;
        Ok(ReceivedBatch {
            features,
            labels,
            samples: counted.samples(),
            weighted: Some(Arc::new(counted)),
        })
    }

    fn scorer(&self) -> Result<&Scorer<Activation, PlainVector<B>>, EvalError> {
        let scorer = self.scorer.as_ref();
        scorer.ok_or(EvalError::Empty { op: "score" })
    }
}

//! A round of pruning on clear slots.

use std::sync::Arc;

use super::simulation::Merged;
use super::{OwnerError, Simulation};
use crate::circuits::Slots;
use crate::circuits::matmul::SampleMask;
use crate::ckks::{EvalError, Level};
use crate::prune::{Mask, MergePlan, Merger, Score, read_scores};
use crate::train::Batch;

/// Samples of a batch, row by row, and their classes.
pub type ClearBatch<'a> = (&'a [f64], &'a [usize]);

impl Simulation {
    /// The scores of all samples under the weights so far, as the owner would read them.
    ///
    /// # Errors
    /// [`OwnerError::Eval`] for a plan without pruning; [`OwnerError::Packing`] for batches that do not fit it.
    pub fn scores(
        &self,
        score: Score,
        batches: &[ClearBatch<'_>],
    ) -> Result<Vec<Vec<f64>>, OwnerError> {
        let scorer = self.scorer.as_ref();
        let scorer = scorer.ok_or(EvalError::Empty { op: "score" })?;
        let weights = scorer.weights(&self.machine, &self.state)?;
        let mut scores = Vec::with_capacity(batches.len());
        for (x, labels) in batches {
            let (features, labels) = self.encode(x, labels)?;
            let forward = scorer.forward(&self.machine, &weights, &features)?;
            scores.push(scorer.distance(&self.machine, &forward, &labels)?);
        }
        let packed = scorer.pack(&self.machine, &scores)?;
        let classes: Vec<Vec<usize>> = batches.iter().map(|(_, labels)| labels.to_vec()).collect();
        let samples: Vec<usize> = classes.iter().map(Vec::len).collect();
        Ok(read_scores(
            score,
            self.step.layout(),
            self.step.head().activation(),
            &self.machine.values(&packed),
            &samples,
            &classes,
        )?)
    }

    /// Merges the samples that a mask keeps, from all batches; [`step_merged`](Self::step_merged) then trains on them.
    ///
    /// # Errors
    /// [`OwnerError::Packing`] for batches that do not fit the plan, [`OwnerError::Eval`] for data without a level to spare.
    pub fn merge(
        &mut self,
        plan: &MergePlan,
        mask: &Mask,
        batches: &[ClearBatch<'_>],
    ) -> Result<usize, OwnerError> {
        let layout = self.step.layout();
        let mut merger = Merger::new(layout, plan);
        for (index, (x, labels)) in batches.iter().enumerate() {
            if mask.kept().get(index).is_some_and(Vec::is_empty) {
                continue;
            }
            let (features, labels) = self.encode(x, labels)?;
            let level = Level(self.step.levels().labels.0 + 1);
            let labels = self.machine.lower(&labels, level)?;
            merger.absorb(&self.machine, index, &features, &labels)?;
        }
        let mut merged = Vec::new();
        for (index, batch) in merger.finish(&self.machine)?.into_iter().enumerate() {
            let blocks = plan.row_blocks()[index];
            let step = self.step.with_row_blocks(&self.machine, blocks)?;
            let weights = plan.weights(layout, index);
            let counted = SampleMask::weighted(&self.machine, step.layout(), &weights)?;
            merged.push(Merged {
                step: Arc::new(step),
                batch: Arc::new(Batch {
                    features: batch.features,
                    labels: batch.labels,
                    counted: Arc::new(counted),
                }),
            });
        }
        self.merged = merged;
        Ok(self.merged.len())
    }
}

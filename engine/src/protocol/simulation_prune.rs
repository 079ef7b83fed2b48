//! A round of pruning on clear slots.

use super::{OwnerError, Simulation};
use crate::prune::{Mask, MergePlan, Merger, Score, read_scores};

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
        let (machine, program) = (&self.machine, &self.program);
        let weights = program.score_weights(machine, &self.state)?;
        let mut scores = Vec::with_capacity(batches.len());
        for (x, labels) in batches {
            let batch = self.encode(x, labels)?;
            let forward = program.score_forward(machine, &weights, &batch)?;
            scores.push(program.score(machine, &forward, &batch)?);
        }
        let packed = program.pack_scores(machine, &scores)?;
        let classes: Vec<Vec<usize>> = batches.iter().map(|(_, labels)| labels.to_vec()).collect();
        let samples: Vec<usize> = classes.iter().map(Vec::len).collect();
        Ok(read_scores(
            score,
            program.layout(),
            program.activation(),
            &machine.values(&packed),
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
        let (machine, program) = (&self.machine, &self.program);
        let mut merger = Merger::new(program.layout(), plan);
        for (index, (x, labels)) in batches.iter().enumerate() {
            if mask.kept().get(index).is_none_or(|kept| !kept.is_empty()) {
                let batch = self.encode(x, labels)?;
                program.merge(machine, &mut merger, index, &batch)?;
            }
        }
        self.merged = program.merged(machine, merger, plan)?;
        Ok(self.merged.len())
    }
}

//! The program on vectors without values: what a training does, part by part.

use super::program::Program;
use super::{BatchVectors, Plan};
use crate::circuits::{Budget, Clear, ClearPlain, ClearVector};
use crate::ckks::EvalError;
use crate::prune::{Mask, MergeMethod, MergePlan, MergeTotals, Merger};

/// A training that is counted. Known vectors are encoded when they are first used, as the server does it, so parts are
/// counted in the order of the training.
pub struct Counting {
    machine: Clear,
    program: Program<ClearPlain>,
    /// With all the levels that a step has.
    state: ClearVector,
    features: Vec<ClearVector>,
    labels: ClearVector,
    steps: usize,
    /// The survivors of the last merging.
    merged: Vec<BatchVectors<ClearVector, ClearPlain>>,
}

/// The operations of a round's scores.
#[derive(Clone, Debug)]
pub struct ScoringBudgets {
    /// The forward pass of all batches, as far as scores need it, and spreading the weights for it.
    pub forward: Budget,
    /// The scores behind it, and packing them.
    pub scores: Budget,
}

impl Counting {
    /// Of a plan.
    ///
    /// # Errors
    /// Those of the program.
    pub fn new(plan: &Plan) -> Result<Self, EvalError> {
        let (layout, data) = (plan.layout(), plan.data_levels());
        let machine = Clear::counting(layout.slots());
        let tile = |_| machine.zeros(layout.row_blocks(), data.features);
        Ok(Self {
            program: Program::new(&machine, plan, 1.0)?,
            state: machine.zeros(layout.state_vectors(), plan.levels().state)?,
            features: (0..layout.tiles()).map(tile).collect::<Result<_, _>>()?,
            labels: machine.zeros(1, data.labels)?,
            machine,
            steps: 0,
            merged: Vec::new(),
        })
    }

    /// A batch of the training set.
    fn batch(&self, samples: usize) -> BatchVectors<ClearVector, ClearPlain> {
        BatchVectors {
            features: self.features.clone(),
            labels: self.labels.clone(),
            samples,
            weighted: None,
        }
    }

    /// A step on a batch of the training set with so many samples, without the refresh of the state behind it.
    ///
    /// # Errors
    /// Those of the program.
    pub fn step(&mut self, samples: usize) -> Result<Budget, EvalError> {
        self.step_on(&self.batch(samples))
    }

    /// A step on a merged batch, without the refresh of the state behind it.
    ///
    /// # Errors
    /// [`EvalError::Empty`] for a batch that is not there; those of the program.
    pub fn step_merged(&mut self, index: usize) -> Result<Budget, EvalError> {
        let batch = self.merged.get(index).cloned();
        self.step_on(&batch.ok_or(EvalError::Empty { op: "merged batch" })?)
    }

    fn step_on(
        &mut self,
        batch: &BatchVectors<ClearVector, ClearPlain>,
    ) -> Result<Budget, EvalError> {
        let (machine, program) = (&self.machine, &self.program);
        program.step(machine, &self.state, batch, self.steps)?;
        self.steps += 1;
        Ok(self.machine.take_budget())
    }

    /// The scores of so many batches.
    ///
    /// # Errors
    /// [`EvalError::Empty`] for a plan without pruning, and without batches; those of the program.
    pub fn scores(&mut self, batches: usize) -> Result<ScoringBudgets, EvalError> {
        let (machine, program) = (&self.machine, &self.program);
        let batch = self.batch(self.program.layout().batch());
        let weights = program.score_weights(machine, &self.state)?;
        let mut forward = machine.take_budget();
        let (mut scores, mut vectors) = (Budget::default(), Vec::with_capacity(batches));
        for _ in 0..batches {
            let logits = program.score_forward(machine, &weights, &batch)?;
            forward.merge(&machine.take_budget());
            vectors.push(program.score(machine, &logits, &batch)?);
            scores.merge(&machine.take_budget());
        }
        program.pack_scores(machine, &vectors)?;
        scores.merge(&machine.take_budget());
        Ok(ScoringBudgets { forward, scores })
    }

    /// The merging of the samples that a mask keeps; [`step_merged`](Self::step_merged) is then a step on those.
    ///
    /// # Errors
    /// [`EvalError::LevelExhausted`] for a plan whose data have no level to spare; those of the program.
    pub fn merge(
        &mut self,
        mask: &Mask,
        method: MergeMethod,
    ) -> Result<(Budget, MergeTotals), EvalError> {
        let (machine, program) = (&self.machine, &self.program);
        let plan = MergePlan::new(program.layout(), mask, method);
        let mut merger = Merger::new(program.layout(), &plan);
        for (index, kept) in mask.kept().iter().enumerate() {
            if !kept.is_empty() {
                let batch = self.batch(mask.samples()[index]);
                program.merge(machine, &mut merger, index, &batch)?;
            }
        }
        self.merged = program.merged(machine, merger, &plan)?;
        Ok((self.machine.take_budget(), *plan.totals()))
    }

    /// The logits of so many batches of validation samples, as [`Server::validation_logits`](super::Server::validation_logits).
    ///
    /// # Errors
    /// Those of the program.
    pub fn validation(&mut self, batches: usize, plan: &Plan) -> Result<Budget, EvalError> {
        let (machine, layout) = (&self.machine, plan.layout());
        let level = plan.validation_levels().features;
        let tile = |_| machine.zeros(layout.row_blocks(), level);
        let tiles: Vec<_> = (0..layout.tiles()).map(tile).collect::<Result<_, _>>()?;
        let program = &self.program;
        program.validation_logits(machine, &self.state, &vec![tiles; batches])?;
        Ok(self.machine.take_budget())
    }
}

//! Both parties on clear slots: what a training would do, without keys.

use super::program::Program;
use super::{BatchVectors, DataLevels, OwnerError, Plan};
use crate::circuits::packing::WeightSet;
use crate::circuits::{Clear, ClearPlain, ClearVector};
use crate::ckks::EvalError;
use crate::train::Model;

/// The program that the server runs, on vectors that are not encrypted but have levels, and noise if the machine has it.
pub struct Simulation {
    pub(super) machine: Clear,
    pub(super) program: Program<ClearPlain>,
    pub(super) state: ClearVector,
    data: DataLevels,
    steps: usize,
    /// The survivors of the last round of pruning.
    pub(super) merged: Vec<BatchVectors<ClearVector, ClearPlain>>,
}

impl Simulation {
    /// Starts from a model, on a machine with as many slots as the plan's.
    ///
    /// # Errors
    /// [`OwnerError::Packing`] for a model of other sizes, [`OwnerError::Eval`] for another number of slots.
    pub fn new(
        machine: Clear,
        plan: &Plan,
        start: &Model,
        learning_rate: f64,
    ) -> Result<Self, OwnerError> {
        let program = Program::new(&machine, plan, learning_rate)?;
        let state = plan.layout().pack_state(start.values(), start.values())?;
        Ok(Self {
            program,
            data: plan.data_levels(),
            merged: Vec::new(),
            state: machine.vector(&state, plan.levels().state)?,
            machine,
            steps: 0,
        })
    }

    /// One step on a batch, and the refresh behind it: `x` holds its samples row by row.
    ///
    /// # Errors
    /// [`OwnerError::Packing`] for a batch that does not fit the plan, [`OwnerError::Eval`] for values that leave the range
    /// of a refresh.
    pub fn step(&mut self, x: &[f64], labels: &[usize]) -> Result<(), OwnerError> {
        let batch = self.encode(x, labels)?;
        self.run(&batch)
    }

    /// One step on a merged batch, and the refresh behind it.
    ///
    /// # Errors
    /// [`OwnerError::Eval`] for a batch that is not there, and for values that leave the range of a refresh.
    pub fn step_merged(&mut self, index: usize) -> Result<(), OwnerError> {
        let merged = self.merged.get(index).cloned();
        self.run(&merged.ok_or(EvalError::Empty { op: "merged batch" })?)
    }

    fn run(&mut self, batch: &BatchVectors<ClearVector, ClearPlain>) -> Result<(), OwnerError> {
        let (machine, program) = (&self.machine, &self.program);
        let state = program.step(machine, &self.state, batch, self.steps)?;
        self.state = program.refresh(machine, &state)?;
        self.steps += 1;
        // The next step does the same.
        self.machine.take_budget();
        Ok(())
    }

    /// Samples as the owner would encrypt them.
    pub(super) fn encode(
        &self,
        x: &[f64],
        labels: &[usize],
    ) -> Result<BatchVectors<ClearVector, ClearPlain>, OwnerError> {
        let (layout, data) = (self.program.layout(), self.data);
        let tiles = layout.pack_features(x)?;
        let features = tiles
            .iter()
            .map(|tile| self.machine.vector(tile, data.features));
        let classes = layout.pack_labels(labels)?;
        Ok(BatchVectors {
            features: features.collect::<Result<_, _>>()?,
            labels: self.machine.vector(&[classes], data.labels)?,
            samples: labels.len(),
            weighted: None,
        })
    }

    /// The model so far.
    ///
    /// # Errors
    /// None, as long as the state is the plan's.
    pub fn model(&self) -> Result<Model, OwnerError> {
        let layout = self.program.layout();
        let values = layout.unpack_state(&self.machine.values(&self.state), WeightSet::Weights)?;
        Ok(Model::from_values(
            layout.classes(),
            layout.features(),
            values,
        )?)
    }
}

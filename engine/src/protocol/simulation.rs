//! Both parties on clear slots: what a training would do, without keys.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{DataLevels, OwnerError, Plan};
use crate::circuits::activation::Activation;
use crate::circuits::matmul::SampleMask;
use crate::circuits::packing::WeightSet;
use crate::circuits::{Clear, ClearVector, Parts, Slots};
use crate::ckks::EvalError;
use crate::prune::Scorer;
use crate::train::{Batch, Model, Step, WEIGHT_BOUND};

pub(super) type Plain = <Clear as Slots>::Plain;

/// A merged batch, with the step for as many row blocks as it has.
#[derive(Clone)]
pub(super) struct Merged {
    pub(super) step: Arc<Step<Activation, Plain>>,
    pub(super) batch: Arc<Batch<ClearVector, Plain>>,
}

/// The program that the server runs, on vectors that are not encrypted but have levels, and noise if the machine has it.
pub struct Simulation {
    pub(super) machine: Clear,
    pub(super) step: Arc<Step<Activation, Plain>>,
    pub(super) state: ClearVector,
    pub(super) scorer: Option<Scorer<Activation, Plain>>,
    pub(super) data: DataLevels,
    steps: usize,
    /// The survivors of the last round of pruning.
    pub(super) merged: Vec<Merged>,
    /// By number of samples that are present.
    masks: BTreeMap<usize, Arc<SampleMask<Plain>>>,
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
        let (layout, activation) = (plan.layout(), plan.activation().clone());
        let refreshes = plan.choice().refreshes.clone();
        let step = Step::with_plan(&machine, layout, activation, learning_rate, refreshes)?;
        let state = layout.pack_state(start.values(), start.values())?;
        let scorer = plan.pruning().map(|pruning| {
            let (score, state) = (pruning.pruning().score, step.levels().state);
            Scorer::new(&machine, step.head(), score, state, plan.range())
        });
        Ok(Self {
            scorer: scorer.transpose()?,
            data: plan.data_levels(),
            merged: Vec::new(),
            state: machine.vector(&state, plan.levels().state)?,
            machine,
            step: Arc::new(step),
            steps: 0,
            masks: BTreeMap::new(),
        })
    }

    /// One step on a batch, and the refresh behind it: `x` holds its samples row by row.
    ///
    /// # Errors
    /// [`OwnerError::Packing`] for a batch that does not fit the plan, [`OwnerError::Eval`] for values that leave the range
    /// of a refresh.
    pub fn step(&mut self, x: &[f64], labels: &[usize]) -> Result<(), OwnerError> {
        let layout = self.step.layout();
        let (features, labels_vector) = self.encode(x, labels)?;
        let batch = Batch {
            features,
            labels: labels_vector,
            counted: match self.masks.get(&labels.len()) {
                Some(mask) => Arc::clone(mask),
                None => {
                    let mask = SampleMask::first(&self.machine, layout, labels.len())?;
                    let mask = Arc::new(mask);
                    self.masks.insert(labels.len(), Arc::clone(&mask));
                    mask
                }
            },
        };
        let step = Arc::clone(&self.step);
        self.run(&step, &batch)
    }

    /// One step on a merged batch, and the refresh behind it.
    ///
    /// # Errors
    /// [`OwnerError::Eval`] for a batch that is not there, and for values that leave the range of a refresh.
    pub fn step_merged(&mut self, index: usize) -> Result<(), OwnerError> {
        let merged = self.merged.get(index).cloned();
        let Merged { step, batch } = merged.ok_or(EvalError::Empty { op: "merged batch" })?;
        self.run(&step, &batch)
    }

    fn run(
        &mut self,
        step: &Step<Activation, Plain>,
        batch: &Batch<ClearVector, Plain>,
    ) -> Result<(), OwnerError> {
        let state = step.run(&self.machine, &self.state, batch, self.steps)?;
        let level = step.levels().state;
        self.state = self
            .machine
            .refresh(&state, level, WEIGHT_BOUND, Parts::Complex)?;
        self.steps += 1;
        // The next step does the same.
        self.machine.take_budget();
        Ok(())
    }

    /// Samples as the owner would encrypt them: features, labels.
    pub(super) fn encode(
        &self,
        x: &[f64],
        labels: &[usize],
    ) -> Result<(Vec<ClearVector>, ClearVector), OwnerError> {
        let (layout, data) = (self.step.layout(), self.data);
        let tiles = layout.pack_features(x)?;
        let features = tiles
            .iter()
            .map(|tile| self.machine.vector(tile, data.features));
        let labels = layout.pack_labels(labels)?;
        Ok((
            features.collect::<Result<_, _>>()?,
            self.machine.vector(&[labels], data.labels)?,
        ))
    }

    /// The model so far.
    ///
    /// # Errors
    /// None, as long as the state is the plan's.
    pub fn model(&self) -> Result<Model, OwnerError> {
        let layout = self.step.layout();
        let values = layout.unpack_state(&self.machine.values(&self.state), WeightSet::Weights)?;
        Ok(Model::from_values(
            layout.classes(),
            layout.features(),
            values,
        )?)
    }
}

//! Both parties on clear slots: what a training would do, without keys.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{OwnerError, Plan, WEIGHT_BOUND};
use crate::circuits::activation::Activation;
use crate::circuits::matmul::SampleMask;
use crate::circuits::packing::WeightSet;
use crate::circuits::{Clear, ClearVector, Slots};
use crate::train::{Batch, Model, Step};

type Plain = <Clear as Slots>::Plain;

/// The program that the server runs, on vectors that are not encrypted but have levels, and noise if the machine has it.
pub struct Simulation {
    machine: Clear,
    step: Step<Activation, Plain>,
    state: ClearVector,
    steps: usize,
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
        Ok(Self {
            state: machine.vector(&state, plan.levels().state)?,
            machine,
            step,
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
        let (layout, levels) = (self.step.layout(), self.step.levels());
        let tiles = layout.pack_features(x)?;
        let features = tiles
            .iter()
            .map(|tile| self.machine.vector(tile, levels.features));
        let labels_vector = layout.pack_labels(labels)?;
        let batch = Batch {
            features: features.collect::<Result<_, _>>()?,
            labels: self.machine.vector(&[labels_vector], levels.labels)?,
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
        let state = self
            .step
            .run(&self.machine, &self.state, &batch, self.steps)?;
        self.state = self.machine.refresh(&state, levels.state, WEIGHT_BOUND)?;
        self.steps += 1;
        // The next step does the same.
        self.machine.take_budget();
        Ok(())
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

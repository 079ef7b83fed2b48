//! The server: holds evaluation keys and ciphertexts, and nothing that could open them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Plan, ReceivedBatch};
use crate::backend::Backend;
use crate::circuits::activation::Activation;
use crate::circuits::matmul::SampleMask;
use crate::circuits::packing::WeightSet;
use crate::circuits::{Ciphertexts, Parts, PlainVector, Refresh, Slots, Watch};
use crate::ckks::{Ciphertext, EvalError, Evaluator, Level};
use crate::prune::Scorer;
use crate::train::{Batch, Step, WEIGHT_BOUND};

type ServerStep<B> = Step<Activation, PlainVector<B>>;

/// Runs the steps of one training on ciphertexts.
pub struct Server<'a, B: Backend> {
    pub(super) machine: Ciphertexts<'a, B>,
    pub(super) step: ServerStep<B>,
    /// Steps on merged batches, by row blocks.
    smaller: RefCell<BTreeMap<usize, Arc<ServerStep<B>>>>,
    pub(super) scorer: Option<Scorer<Activation, PlainVector<B>>>,
    /// By number of samples that are present. Batches differ by one at most, so there are few.
    masks: RefCell<BTreeMap<usize, Arc<SampleMask<PlainVector<B>>>>>,
}

impl<'a, B: Backend> Server<'a, B> {
    /// Prepares the masks of a plan. `refresher` leads to the owner, or bootstraps.
    ///
    /// # Errors
    /// [`EvalError::SlotCount`] if the plan is for another number of slots.
    pub fn new(
        evaluator: Evaluator<'a, B>,
        refresher: &'a dyn Refresh<B>,
        plan: &Plan,
        learning_rate: f64,
    ) -> Result<Self, EvalError> {
        let machine = Ciphertexts::new(evaluator, refresher);
        let activation = plan.activation().clone();
        let refreshes = plan.choice().refreshes.clone();
        let step = Step::with_plan(
            &machine,
            plan.layout(),
            activation,
            learning_rate,
            refreshes,
        )?;
        let scorer = plan.pruning().map(|pruning| {
            let (score, state) = (pruning.pruning().score, step.levels().state);
            Scorer::new(&machine, step.head(), score, state, plan.range())
        });
        Ok(Self {
            scorer: scorer.transpose()?,
            machine,
            step,
            smaller: RefCell::default(),
            masks: RefCell::default(),
        })
    }

    /// The same, with somebody who is told of each change of phase.
    #[must_use]
    pub fn watched_by(mut self, watch: &'a dyn Watch) -> Self {
        self.machine = self.machine.watched_by(watch);
        self
    }

    /// The state after step number `number`, counted from zero. It has no levels left for another one.
    ///
    /// # Errors
    /// [`EvalError::LevelExhausted`] for a state that was not refreshed, [`EvalError::MissingRotation`] and
    /// [`EvalError::MissingKey`] for keys of another plan; those of the device.
    pub fn step(
        &self,
        state: &Ciphertext<B>,
        batch: &ReceivedBatch<B>,
        number: usize,
    ) -> Result<Ciphertext<B>, EvalError> {
        let blocks = batch.features.first();
        let blocks = blocks.map_or(0, |tile| self.machine.batch(tile));
        let counted = match &batch.weighted {
            Some(weighted) => Arc::clone(weighted),
            None => self.mask(batch.samples)?,
        };
        let batch = Batch {
            features: batch.features.clone(),
            labels: batch.labels.clone(),
            counted,
        };
        if blocks == self.step.layout().row_blocks() {
            return self.step.run(&self.machine, state, &batch, number);
        }
        let step = self.smaller(blocks)?;
        step.run(&self.machine, state, &batch, number)
    }

    /// The step for batches of so many row blocks.
    fn smaller(&self, blocks: usize) -> Result<Arc<ServerStep<B>>, EvalError> {
        if !(1..=self.step.layout().row_blocks()).contains(&blocks) {
            return Err(EvalError::Batch {
                op: "training step",
                left: blocks,
                right: self.step.layout().row_blocks(),
            });
        }
        let mut smaller = self.smaller.borrow_mut();
        if let Some(step) = smaller.get(&blocks) {
            return Ok(Arc::clone(step));
        }
        let step = Arc::new(self.step.with_row_blocks(&self.machine, blocks)?);
        smaller.insert(blocks, Arc::clone(&step));
        Ok(step)
    }

    /// The logits of validation samples under the weights of a state that has been refreshed: for each set of feature tiles a
    /// vector, at level 0.
    ///
    /// # Errors
    /// [`EvalError::LevelRaised`] for a state without levels, [`EvalError::Empty`] without features; those of the device.
    pub fn validation_logits(
        &self,
        state: &Ciphertext<B>,
        features: &[Vec<Ciphertext<B>>],
    ) -> Result<Ciphertext<B>, EvalError> {
        let (machine, head) = (&self.machine, self.step.head());
        // Products are the cheaper the lower they are.
        let state = machine.lower(state, Level(head.logits_depth()))?;
        let weights = head.matmul().expand(machine, &state, WeightSet::Weights)?;
        let logits = features
            .iter()
            .map(|tiles| head.matmul().logits(machine, tiles, &weights));
        let logits = logits.collect::<Result<Vec<_>, _>>()?;
        machine.stack(&logits.iter().collect::<Vec<_>>())
    }

    /// The same state with the levels of a step.
    ///
    /// # Errors
    /// [`EvalError::Refresh`], [`EvalError::OutOfRange`] for weights beyond [`WEIGHT_BOUND`]; those of the device.
    pub fn refresh(&self, state: &Ciphertext<B>) -> Result<Ciphertext<B>, EvalError> {
        let level = self.step.levels().state;
        self.machine
            .refresh(state, level, WEIGHT_BOUND, Parts::Complex)
    }

    /// The mask of so many samples.
    fn mask(&self, samples: usize) -> Result<Arc<SampleMask<PlainVector<B>>>, EvalError> {
        if samples == self.step.layout().batch() {
            return Ok(self.step.everyone());
        }
        let mut masks = self.masks.borrow_mut();
        if let Some(mask) = masks.get(&samples) {
            return Ok(Arc::clone(mask));
        }
        let mask = SampleMask::first(&self.machine, self.step.layout(), samples)?;
        let mask = Arc::new(mask);
        masks.insert(samples, Arc::clone(&mask));
        Ok(mask)
    }
}

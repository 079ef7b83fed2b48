//! The program of a training, on any machine: steps, validation, scores, merging.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::Plan;
use crate::circuits::activation::Activation;
use crate::circuits::matmul::{Diagonals, SampleMask};
use crate::circuits::packing::{Layout, WeightSet};
use crate::circuits::{Parts, Slots};
use crate::ckks::{EvalError, Level};
use crate::prune::{MergePlan, Merger, Scorer};
use crate::train::{Batch, Step, StepLevels, WEIGHT_BOUND};

/// What the server runs, with its masks prepared on a machine whose plain vectors are `P`.
pub(super) struct Program<P> {
    step: Step<Activation, P>,
    /// Steps on merged batches, by row blocks.
    smaller: RefCell<BTreeMap<usize, Arc<Step<Activation, P>>>>,
    scorer: Option<Scorer<Activation, P>>,
    /// By number of samples that are present. Batches differ by one at most, so there are few.
    masks: RefCell<BTreeMap<usize, Arc<SampleMask<P>>>>,
}

/// A batch of samples on a machine with vectors `V` and plain vectors `P`.
#[derive(Clone)]
pub struct BatchVectors<V, P> {
    /// For each tile its row blocks.
    pub features: Vec<V>,
    /// One vector of labels.
    pub labels: V,
    /// Samples that are present: the first ones, unless they are weighted.
    pub samples: usize,
    /// Where samples are and how much they count, in a merged batch.
    pub weighted: Option<Arc<SampleMask<P>>>,
}

impl<P: Clone> Program<P> {
    /// Prepares the masks of a plan.
    ///
    /// # Errors
    /// [`EvalError::SlotCount`] if the plan is for another number of slots.
    pub(super) fn new<S: Slots<Plain = P>>(
        machine: &S,
        plan: &Plan,
        learning_rate: f64,
    ) -> Result<Self, EvalError> {
        let activation = plan.activation().clone();
        let refreshes = plan.choice().refreshes.clone();
        let step = Step::with_plan(machine, plan.layout(), activation, learning_rate, refreshes)?;
        let scorer = plan.pruning().map(|pruning| {
            let (score, state) = (pruning.pruning().score, step.levels().state);
            Scorer::new(machine, step.head(), score, state, plan.range())
        });
        Ok(Self {
            scorer: scorer.transpose()?,
            step,
            smaller: RefCell::default(),
            masks: RefCell::default(),
        })
    }

    /// The layout of a full batch.
    pub(super) const fn layout(&self) -> &Layout {
        self.step.layout()
    }

    /// The activation.
    pub(super) const fn activation(&self) -> &Activation {
        self.step.head().activation()
    }

    /// Where the data of a step are used.
    pub(super) const fn levels(&self) -> StepLevels {
        self.step.levels()
    }

    /// The state after step number `number`, counted from zero. It has no levels left for another one.
    ///
    /// # Errors
    /// [`EvalError::LevelExhausted`] for a state that was not refreshed, [`EvalError::Batch`] for more row blocks than the
    /// layout has; those of the machine.
    pub(super) fn step<S: Slots<Plain = P>>(
        &self,
        machine: &S,
        state: &S::Vector,
        batch: &BatchVectors<S::Vector, P>,
        number: usize,
    ) -> Result<S::Vector, EvalError> {
        let blocks = batch.features.first();
        let blocks = blocks.map_or(0, |tile| machine.batch(tile));
        let counted = match &batch.weighted {
            Some(weighted) => Arc::clone(weighted),
            None => self.mask(machine, batch.samples)?,
        };
        let batch = Batch {
            features: batch.features.clone(),
            labels: batch.labels.clone(),
            counted,
        };
        if blocks == self.layout().row_blocks() {
            return self.step.run(machine, state, &batch, number);
        }
        let step = self.smaller(machine, blocks)?;
        step.run(machine, state, &batch, number)
    }

    /// The step for batches of so many row blocks.
    fn smaller<S: Slots<Plain = P>>(
        &self,
        machine: &S,
        blocks: usize,
    ) -> Result<Arc<Step<Activation, P>>, EvalError> {
        if !(1..=self.layout().row_blocks()).contains(&blocks) {
            return Err(EvalError::Batch {
                op: "training step",
                left: blocks,
                right: self.layout().row_blocks(),
            });
        }
        let mut smaller = self.smaller.borrow_mut();
        if let Some(step) = smaller.get(&blocks) {
            return Ok(Arc::clone(step));
        }
        let step = Arc::new(self.step.with_row_blocks(machine, blocks)?);
        smaller.insert(blocks, Arc::clone(&step));
        Ok(step)
    }

    /// The mask of so many samples.
    fn mask<S: Slots<Plain = P>>(
        &self,
        machine: &S,
        samples: usize,
    ) -> Result<Arc<SampleMask<P>>, EvalError> {
        if samples == self.layout().batch() {
            return Ok(self.step.everyone());
        }
        let mut masks = self.masks.borrow_mut();
        if let Some(mask) = masks.get(&samples) {
            return Ok(Arc::clone(mask));
        }
        let mask = SampleMask::first(machine, self.layout(), samples)?;
        let mask = Arc::new(mask);
        masks.insert(samples, Arc::clone(&mask));
        Ok(mask)
    }

    /// The same state with the levels of a step.
    ///
    /// # Errors
    /// [`EvalError::Refresh`], [`EvalError::OutOfRange`] for weights beyond [`WEIGHT_BOUND`]; those of the machine.
    pub(super) fn refresh<S: Slots<Plain = P>>(
        &self,
        machine: &S,
        state: &S::Vector,
    ) -> Result<S::Vector, EvalError> {
        machine.refresh(state, self.levels().state, WEIGHT_BOUND, Parts::Complex)
    }

    /// The logits of validation samples under the weights of a state that has been refreshed: for each set of feature tiles a
    /// vector, at level 0.
    ///
    /// # Errors
    /// [`EvalError::LevelRaised`] for a state without levels, [`EvalError::Empty`] without features; those of the machine.
    pub(super) fn validation_logits<S: Slots<Plain = P>>(
        &self,
        machine: &S,
        state: &S::Vector,
        features: &[Vec<S::Vector>],
    ) -> Result<S::Vector, EvalError> {
        let head = self.step.head();
        // Products are the cheaper the lower they are.
        let state = machine.lower(state, Level(head.logits_depth()))?;
        let weights = head.matmul().expand(machine, &state, WeightSet::Weights)?;
        let logits = features
            .iter()
            .map(|tiles| head.matmul().logits(machine, tiles, &weights));
        let logits = logits.collect::<Result<Vec<_>, _>>()?;
        machine.stack(&logits.iter().collect::<Vec<_>>())
    }

    /// The weights of a state that has been refreshed, spread for the scores of all batches.
    ///
    /// # Errors
    /// [`EvalError::Empty`] for a plan without pruning; those of the machine.
    pub(super) fn score_weights<S: Slots<Plain = P>>(
        &self,
        machine: &S,
        state: &S::Vector,
    ) -> Result<Diagonals<S::Vector>, EvalError> {
        self.scorer()?.weights(machine, state)
    }

    /// The forward pass of a batch, as far as scores need it: logits, or probabilities.
    ///
    /// # Errors
    /// As [`score_weights`](Self::score_weights).
    pub(super) fn score_forward<S: Slots<Plain = P>>(
        &self,
        machine: &S,
        weights: &Diagonals<S::Vector>,
        batch: &BatchVectors<S::Vector, P>,
    ) -> Result<S::Vector, EvalError> {
        self.scorer()?.forward(machine, weights, &batch.features)
    }

    /// The scores of a batch from its forward pass.
    ///
    /// # Errors
    /// As [`score_weights`](Self::score_weights).
    pub(super) fn score<S: Slots<Plain = P>>(
        &self,
        machine: &S,
        forward: &S::Vector,
        batch: &BatchVectors<S::Vector, P>,
    ) -> Result<S::Vector, EvalError> {
        self.scorer()?.distance(machine, forward, &batch.labels)
    }

    /// The message to the owner: the scores of all batches at level 0.
    ///
    /// # Errors
    /// [`EvalError::Empty`] without batches; as [`score_weights`](Self::score_weights).
    pub(super) fn pack_scores<S: Slots<Plain = P>>(
        &self,
        machine: &S,
        scores: &[S::Vector],
    ) -> Result<S::Vector, EvalError> {
        self.scorer()?.pack(machine, scores)
    }

    fn scorer(&self) -> Result<&Scorer<Activation, P>, EvalError> {
        let scorer = self.scorer.as_ref();
        scorer.ok_or(EvalError::Empty { op: "score" })
    }

    /// Takes a batch of the training set into a merging. They come in ascending order.
    ///
    /// # Errors
    /// [`EvalError::MissingRotation`] for moves between rows with keys of a plan without them; those of the machine.
    pub(super) fn merge<S: Slots<Plain = P>>(
        &self,
        machine: &S,
        merger: &mut Merger<'_, S::Vector>,
        index: usize,
        batch: &BatchVectors<S::Vector, P>,
    ) -> Result<(), EvalError> {
        let level = self.levels().labels.0 + 1;
        let level = Level(level).min(machine.level(&batch.labels));
        let labels = machine.lower(&batch.labels, level)?;
        merger.absorb(machine, index, &batch.features, &labels)
    }

    /// The merged batches, with the weights of their samples.
    ///
    /// # Errors
    /// [`EvalError::Empty`] if a batch with survivors was not taken in; those of the machine.
    pub(super) fn merged<S: Slots<Plain = P>>(
        &self,
        machine: &S,
        merger: Merger<'_, S::Vector>,
        plan: &MergePlan,
    ) -> Result<Vec<BatchVectors<S::Vector, P>>, EvalError> {
        let batches = (0..).zip(merger.finish(machine)?);
        let received = batches.map(|(index, merged)| {
            let weights = plan.weights(self.layout(), index);
            self.weighted(machine, merged.features, merged.labels, &weights)
        });
        received.collect()
    }

    /// A merged batch with the weights of its places.
    ///
    /// # Errors
    /// [`EvalError::SlotCount`] if the plan is for another number of slots.
    pub(super) fn weighted<S: Slots<Plain = P>>(
        &self,
        machine: &S,
        features: Vec<S::Vector>,
        labels: S::Vector,
        weights: &[f64],
    ) -> Result<BatchVectors<S::Vector, P>, EvalError> {
        let blocks = weights.len().div_ceil(self.layout().height()).max(1);
        let layout = self.layout().with_row_blocks(blocks);
        let counted = SampleMask::weighted(machine, &layout, weights)?;
        Ok(BatchVectors {
            features,
            labels,
            samples: counted.samples(),
            weighted: Some(Arc::new(counted)),
        })
    }
}

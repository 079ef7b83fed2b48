//! One step of training: forward pass, activation, residual, gradient, update. The caller refreshes the state.

use std::sync::Arc;

use num_complex::Complex64;

use super::gradient::Head;
use super::optimizer::{self, momentum, update};
use crate::circuits::activation::Activation;
use crate::circuits::matmul::SampleMask;
use crate::circuits::packing::{Layout, WeightSet};
use crate::circuits::{Budget, Clear, Slots};
use crate::ckks::{EvalError, Level};

/// A batch in slots.
#[derive(Clone, Debug)]
pub struct Batch<V, P> {
    /// For each tile the row blocks, as [`Layout::pack_features`] makes them. Missing samples are zero.
    pub features: Vec<V>,
    /// One vector, as [`Layout::pack_labels`] makes it.
    pub labels: V,
    /// Which samples count.
    pub counted: Arc<SampleMask<P>>,
}

/// Levels at which the data of a step are used; encrypted at these, nothing has to be lowered before its first use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepLevels {
    /// Of the features.
    pub features: Level,
    /// Of the labels.
    pub labels: Level,
    /// Of the state when the step is done.
    pub result: Level,
}

/// The step of one training job, with its masks prepared on a machine whose plain vectors are `P`.
#[derive(Clone, Debug)]
pub struct Step<A, P> {
    head: Head<A, P>,
    learning_rate: f64,
    everyone: Arc<SampleMask<P>>,
}

impl<A: Activation, P: Clone> Step<A, P> {
    /// Prepares the masks.
    ///
    /// # Errors
    /// [`EvalError::SlotCount`] if the layout is for another number of slots.
    pub fn new<S: Slots<Plain = P>>(
        machine: &S,
        layout: &Layout,
        activation: A,
        learning_rate: f64,
    ) -> Result<Self, EvalError> {
        Ok(Self {
            head: Head::new(machine, layout, activation)?,
            everyone: Arc::new(SampleMask::first(machine, layout, layout.batch())?),
            learning_rate,
        })
    }

    /// The layer that is trained.
    #[must_use]
    pub const fn head(&self) -> &Head<A, P> {
        &self.head
    }

    /// The layout.
    #[must_use]
    pub const fn layout(&self) -> &Layout {
        self.head.matmul().layout()
    }

    /// The mask of a full batch.
    #[must_use]
    pub fn everyone(&self) -> Arc<SampleMask<P>> {
        Arc::clone(&self.everyone)
    }

    /// Levels of a step: the state comes in at this level or above.
    #[must_use]
    pub fn depth(&self) -> usize {
        let matmul = self.head.matmul();
        self.head.logits_depth()
            + self.head.activation().depth()
            + matmul.gradient_depth()
            + optimizer::DEPTH
    }

    /// Where the data of a step are used if the state comes in at `state`; nothing if that is below
    /// [`depth`](Self::depth).
    #[must_use]
    pub fn levels(&self, state: Level) -> Option<StepLevels> {
        let below = |levels: usize| Some(Level(state.0.checked_sub(levels)?));
        Some(StepLevels {
            features: below(self.head.matmul().expand_depth())?,
            labels: below(self.head.logits_depth() + self.head.activation().depth())?,
            result: below(self.depth())?,
        })
    }

    /// The state after step number `step` (counted from zero), [`depth`](Self::depth) levels lower.
    ///
    /// # Range
    /// Logits in the interval of the activation.
    ///
    /// # Errors
    /// [`EvalError::LevelExhausted`] for a state below [`depth`](Self::depth); those of the machine.
    pub fn run<S: Slots<Plain = P>>(
        &self,
        machine: &S,
        state: &S::Vector,
        batch: &Batch<S::Vector, P>,
        step: usize,
    ) -> Result<S::Vector, EvalError> {
        let level = machine.level(state);
        if level < Level(self.depth()) {
            let needed = Level(self.depth());
            return Err(EvalError::LevelExhausted {
                op: "training step",
                needed,
                left: level,
            });
        }
        let (features, labels) = (&batch.features, &batch.labels);
        let gradient = self
            .head
            .gradient(machine, state, features, labels, &batch.counted)?;
        let rate = self.learning_rate / batch.counted.samples().max(1) as f64;
        update(
            machine,
            self.layout(),
            state,
            &gradient,
            rate,
            momentum(step),
        )
    }
}

/// What a step needs if the state comes in at `state`: a dry run on zeros.
///
/// # Errors
/// [`EvalError::LevelExhausted`] for a state below the step's depth.
pub fn step_budget<A: Activation>(
    layout: &Layout,
    activation: A,
    state: Level,
) -> Result<Budget, EvalError> {
    let machine = Clear::exact(layout.slots());
    let zeros = |count: usize, level: Level| {
        machine.vector(&vec![vec![Complex64::ZERO; layout.slots()]; count], level)
    };
    let step = Step::new(&machine, layout, activation, 1.0)?;
    let needed = Level(step.depth());
    let levels = step.levels(state);
    let levels = levels.ok_or(EvalError::LevelExhausted {
        op: "training step",
        needed,
        left: state,
    })?;
    let batch = Batch {
        features: (0..layout.tiles())
            .map(|_| zeros(layout.row_blocks(), levels.features))
            .collect::<Result<_, _>>()?,
        labels: zeros(1, levels.labels)?,
        counted: step.everyone(),
    };
    step.run(&machine, &zeros(layout.state_vectors(), state)?, &batch, 0)?;
    Ok(machine.take_budget())
}

/// What the logits of a batch under the model need if the state comes in at `state`: a dry run on zeros.
///
/// # Errors
/// [`EvalError::LevelExhausted`] for a state below [`Head::logits_depth`].
pub fn logits_budget<A: Activation>(
    layout: &Layout,
    activation: A,
    state: Level,
) -> Result<Budget, EvalError> {
    let machine = Clear::exact(layout.slots());
    let zeros = |count: usize, level: Level| {
        machine.vector(&vec![vec![Complex64::ZERO; layout.slots()]; count], level)
    };
    let head = Head::new(&machine, layout, activation)?;
    let below = Level(state.0.saturating_sub(head.matmul().expand_depth()));
    let features = (0..layout.tiles())
        .map(|_| zeros(layout.row_blocks(), below))
        .collect::<Result<Vec<_>, _>>()?;
    let state = zeros(layout.state_vectors(), state)?;
    head.logits(&machine, &state, WeightSet::Weights, &features)?;
    Ok(machine.take_budget())
}

//! One step of training: forward pass, activation, residual, gradient, update. The caller refreshes the state.

use std::sync::Arc;

use super::gradient::Head;
use super::optimizer::{momentum, update};
use crate::circuits::activation::Approximation;
use crate::circuits::matmul::SampleMask;
use crate::circuits::packing::Layout;
use crate::circuits::{Aside, LevelRange, Parts, Phase, RefreshPlan, Slots, Stage};
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
    /// Of the state when the step begins.
    pub state: Level,
    /// Of the features.
    pub features: Level,
    /// Of the labels.
    pub labels: Level,
    /// Of the state when the step is done.
    pub result: Level,
}

/// A refresh within a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepRefresh {
    /// Vectors that are refreshed together.
    pub vectors: usize,
    /// The level that they have.
    pub from: Level,
    /// The level that they get.
    pub to: Level,
    /// What their real and imaginary parts are bounded by.
    pub bound: f64,
    /// The parts that carry values.
    pub parts: Parts,
}

/// The step of one training job, with its masks prepared on a machine whose plain vectors are `P`.
#[derive(Clone, Debug)]
pub struct Step<A, P> {
    head: Head<A, P>,
    learning_rate: f64,
    everyone: Arc<SampleMask<P>>,
    levels: StepLevels,
    refreshes: Vec<Option<Level>>,
    /// The levels in front of the stages behind the logits, before they are refreshed.
    entered: Vec<Level>,
}

impl<A: Approximation, P: Clone> Step<A, P> {
    /// Prepares the masks, and plans the refreshes within the step, which give back levels in this range: as few as
    /// possible, and the products of matrices as low as possible.
    ///
    /// # Errors
    /// [`EvalError::LevelExhausted`] if a part of the step has more levels than the range, [`EvalError::SlotCount`] if the
    /// layout is for another number of slots.
    pub fn new<S: Slots<Plain = P>>(
        machine: &S,
        layout: &Layout,
        activation: A,
        learning_rate: f64,
        range: impl Into<LevelRange>,
    ) -> Result<Self, EvalError> {
        let range = range.into();
        let head = Head::new(machine, layout, activation)?;
        let stages = stages(&head);
        let plan = RefreshPlan::fewest(&stages, None, range);
        let plan = plan.ok_or_else(|| too_deep(&stages, range))?;
        Self::of(machine, head, learning_rate, plan)
    }

    /// Prepares the masks for a plan that was made for the [`stages`] of the head.
    ///
    /// # Errors
    /// [`EvalError::SlotCount`] if the layout is for another number of slots.
    pub fn with_plan<S: Slots<Plain = P>>(
        machine: &S,
        layout: &Layout,
        activation: A,
        learning_rate: f64,
        plan: RefreshPlan,
    ) -> Result<Self, EvalError> {
        let head = Head::new(machine, layout, activation)?;
        Self::of(machine, head, learning_rate, plan)
    }

    fn of<S: Slots<Plain = P>>(
        machine: &S,
        head: Head<A, P>,
        learning_rate: f64,
        plan: RefreshPlan,
    ) -> Result<Self, EvalError> {
        let layout = head.matmul().layout();
        let stages = stages(&head);
        let behind = plan.end.0 + stages.last().map_or(0, |stage| stage.depth);
        // Features are multiplied by the expanded weights, and by the residual's copies, which are a level below it.
        let expanded = plan.start.0.saturating_sub(head.matmul().expand_depth());
        let features = expanded.max(behind.saturating_sub(1));
        let levels = StepLevels {
            state: plan.start,
            features: Level(features),
            labels: Level(behind),
            result: plan.end,
        };
        Ok(Self {
            everyone: Arc::new(SampleMask::first(machine, layout, layout.batch())?),
            head,
            learning_rate,
            levels,
            entered: plan.entered(&stages).into_iter().skip(1).collect(),
            // The state is refreshed behind the step, never in front of it.
            refreshes: plan.refreshes.into_iter().skip(1).collect(),
        })
    }

    /// The same step for batches of so many row blocks: the same levels, refreshes and keys, and fewer products.
    ///
    /// # Errors
    /// [`EvalError::SlotCount`] if the machine has another number of slots.
    pub fn with_row_blocks<S: Slots<Plain = P>>(
        &self,
        machine: &S,
        blocks: usize,
    ) -> Result<Self, EvalError>
    where
        A: Clone,
    {
        let layout = self.layout().with_row_blocks(blocks);
        let activation = self.head.activation().clone();
        Ok(Self {
            everyone: Arc::new(SampleMask::first(machine, &layout, layout.batch())?),
            head: Head::new(machine, &layout, activation)?,
            learning_rate: self.learning_rate,
            levels: self.levels,
            refreshes: self.refreshes.clone(),
            entered: self.entered.clone(),
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

    /// Levels of a step, refreshes apart.
    #[must_use]
    pub fn depth(&self) -> usize {
        let stages = self.head.stages().iter().map(|stage| stage.depth);
        self.head.logits_depth() + stages.sum::<usize>()
    }

    /// Where the data of a step are used.
    #[must_use]
    pub const fn levels(&self) -> StepLevels {
        self.levels
    }

    /// The refreshes within a step, in order.
    #[must_use]
    pub fn refreshes(&self) -> Vec<StepRefresh> {
        let planned = self
            .head
            .stages()
            .iter()
            .zip(&self.refreshes)
            .zip(&self.entered);
        let refresh = |((stage, to), &from): ((&Stage, &Option<Level>), &Level)| {
            to.map(|to| StepRefresh {
                vectors: stage.vectors,
                from,
                to,
                bound: stage.bound,
                parts: Parts::Real,
            })
        };
        planned.filter_map(refresh).collect()
    }

    /// The state after step number `step` (counted from zero), without levels for another one.
    ///
    /// # Range
    /// Logits in the interval of the activation.
    ///
    /// # Errors
    /// [`EvalError::LevelExhausted`] for a state below the level that [`levels`](Self::levels) says; those of the machine.
    pub fn run<S: Slots<Plain = P>>(
        &self,
        machine: &S,
        state: &S::Vector,
        batch: &Batch<S::Vector, P>,
        step: usize,
    ) -> Result<S::Vector, EvalError> {
        let level = machine.level(state);
        if level < self.levels.state {
            return Err(EvalError::LevelExhausted {
                op: "training step",
                needed: self.levels.state,
                left: level,
            });
        }
        let gradient = self.head.gradient(
            machine,
            state,
            &batch.features,
            &batch.labels,
            &batch.counted,
            &self.refreshes,
        )?;
        let rate = self.learning_rate / batch.counted.samples().max(1) as f64;
        let (layout, gamma) = (self.layout(), momentum(step));
        machine.within(Phase::Update, || {
            update(machine, layout, state, &gradient, rate, gamma)
        })
    }
}

/// The stages of a step: logits, those of the activation, then gradient and update.
#[must_use]
pub fn stages<A: Approximation, P: Clone>(head: &Head<A, P>) -> Vec<Stage> {
    let layout = head.matmul().layout();
    let forward = Stage {
        depth: head.logits_depth(),
        work: layout.forward_key_switches(),
        vectors: layout.state_vectors(),
        bound: f64::INFINITY,
        aside: Aside::Nothing,
    };
    [&[forward], head.stages()].concat()
}

/// A stage has more levels than there are.
pub(super) fn too_deep(stages: &[Stage], range: LevelRange) -> EvalError {
    let deepest = stages.iter().map(|stage| stage.depth).max();
    EvalError::LevelExhausted {
        op: "training step",
        needed: Level(deepest.unwrap_or(0)),
        left: Level(range.depth()),
    }
}

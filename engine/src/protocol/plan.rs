//! What both parties know before anything is encrypted: sizes, levels and keys of a training.

use crate::circuits::activation::Sigmoid;
use crate::circuits::packing::{Grouping, Layout, PackingError};
use crate::circuits::{Budget, Clear};
use crate::ckks::{EvalError, KeyPlan, Level, Params};
use crate::train::{Step, StepLevels, step_budget};

/// What weights and look-ahead weights are bounded by at a refresh. A training whose weights leave this range has
/// diverged: features are normalised, and logits of a few tens decide any sample.
pub const WEIGHT_BOUND: f64 = 64.0;

/// The sizes of a classification task. Public.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// Features of a sample.
    pub features: usize,
    /// Classes.
    pub classes: usize,
    /// Samples of a batch, at most.
    pub batch: usize,
}

impl Task {
    /// The most samples of a batch whose logits fit one vector.
    #[must_use]
    pub fn largest_batch(slots: usize, classes: usize) -> usize {
        classes
            .checked_next_power_of_two()
            .map_or(0, |padded| slots / padded)
    }
}

/// The polynomial in the place of the sigmoid. Public.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approximation {
    /// It holds for logits in `[-bound, bound]`.
    pub bound: f64,
    /// Its degree.
    pub degree: usize,
}

/// Why a task cannot be planned for a parameter set.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// Sizes that do not fit the slots.
    #[error(transparent)]
    Packing(#[from] PackingError),
    /// A step needs more levels than there are.
    #[error("a training step needs {needed} levels, parameter set {params} has {found}")]
    Levels {
        /// The set.
        params: String,
        /// Levels of a step.
        needed: usize,
        /// Levels for use.
        found: usize,
    },
    /// The dry run failed.
    #[error("dry run of a training step: {0}")]
    DryRun(#[from] EvalError),
}

/// Layout, levels and keys of one training.
#[derive(Clone, Debug)]
pub struct Plan {
    layout: Layout,
    activation: Sigmoid,
    top: Level,
    levels: StepLevels,
    budget: Budget,
}

impl Plan {
    /// Plans a task: a dry run of one step on clear zeros says which keys it needs, up to which level.
    ///
    /// The state enters a step at exactly the level that the step needs, so that keys and ciphertexts are no larger
    /// than they have to be. Diagonals are packed if the set has the levels for it.
    ///
    /// # Range
    /// The bound of the activation is positive and its degree odd.
    ///
    /// # Cost
    /// One step on `f64`.
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn new(params: &Params, task: Task, activation: Approximation) -> Result<Self, PlanError> {
        let activation = Sigmoid::new(activation.bound, activation.degree);
        match Self::with_grouping(params, task, &activation, Grouping::Packed) {
            Err(PlanError::Levels { .. }) => {
                Self::with_grouping(params, task, &activation, Grouping::Flat)
            }
            plan => plan,
        }
    }

    fn with_grouping(
        params: &Params,
        task: Task,
        activation: &Sigmoid,
        grouping: Grouping,
    ) -> Result<Self, PlanError> {
        let (slots, found) = (params.slots(), params.max_level());
        let layout = Layout::plan(slots, task.classes, task.features, task.batch, grouping)?;
        let step = Step::new(&Clear::exact(slots), &layout, activation.clone(), 1.0)?;
        let top = Level(step.depth());
        let levels = step.levels(top).filter(|_| top <= found);
        let levels = levels.ok_or_else(|| PlanError::Levels {
            params: params.name().to_owned(),
            needed: top.0,
            found: found.0,
        })?;
        let budget = step_budget(&layout, activation.clone(), top)?;
        let activation = activation.clone();
        Ok(Self {
            layout,
            activation,
            top,
            levels,
            budget,
        })
    }

    /// Where samples and weights are in the slots.
    #[must_use]
    pub const fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The sizes.
    #[must_use]
    pub const fn task(&self) -> Task {
        Task {
            features: self.layout.features(),
            classes: self.layout.classes(),
            batch: self.layout.batch(),
        }
    }

    /// The activation.
    #[must_use]
    pub const fn activation(&self) -> &Sigmoid {
        &self.activation
    }

    /// The level at which the state enters a step: as many as a step has levels.
    #[must_use]
    pub const fn top(&self) -> Level {
        self.top
    }

    /// The levels of the data, and of the state after a step.
    #[must_use]
    pub const fn levels(&self) -> StepLevels {
        self.levels
    }

    /// The operations of a step.
    #[must_use]
    pub const fn budget(&self) -> &Budget {
        &self.budget
    }

    /// The evaluation keys that the server needs.
    #[must_use]
    pub fn keys(&self) -> KeyPlan {
        KeyPlan {
            relinearization: self.budget.relinearization(),
            conjugation: self.budget.conjugation(),
            encapsulation: false,
            rotations: self.budget.rotations().clone(),
        }
    }

    /// Ciphertexts of features in a batch: tiles times row blocks.
    #[must_use]
    pub const fn feature_vectors(&self) -> usize {
        self.layout.tiles() * self.layout.row_blocks()
    }
}

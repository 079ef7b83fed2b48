//! What both parties know before anything is encrypted: sizes, levels and keys of a training.

use super::PrunePlan;
use crate::bootstrap::{self, BootstrapError};
use crate::circuits::activation::{Activation, ActivationChoice, ActivationError};
use crate::circuits::packing::{Grouping, Layout, PackingError};
use crate::circuits::{Budget, Clear, LevelRange, Rotations};
use crate::ckks::{EvalError, KeyPlan, Level, Params};
use crate::train::{Step, StepLevels, StepRefresh, WEIGHT_BOUND, logits_budget, step_budget};

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

/// Who gives ciphertexts their levels back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefreshBy {
    /// The data owner, who is asked after every step.
    Owner,
    /// The server itself, by bootstrapping; nobody is asked.
    Bootstrap,
    /// The same with few rotation keys: less memory, more time.
    BootstrapLean,
}

impl RefreshBy {
    /// Bootstrapping where the set has the levels for it.
    #[must_use]
    pub fn of(params: &Params) -> Self {
        if params.is_bootstrappable() {
            Self::Bootstrap
        } else {
            Self::Owner
        }
    }

    /// The levels that a program may use.
    #[must_use]
    pub fn levels(self, params: &Params) -> LevelRange {
        let floor = match self {
            Self::Owner => 0,
            Self::Bootstrap | Self::BootstrapLean => params.stc_levels(),
        };
        LevelRange {
            floor: Level(floor),
            top: params.max_level(),
        }
    }

    /// The name, as people write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Bootstrap => "bootstrap",
            Self::BootstrapLean => "bootstrap-lean",
        }
    }

    /// How a bootstrap makes its rotations, if there is one.
    #[must_use]
    pub const fn rotations(self) -> Option<Rotations> {
        match self {
            Self::Owner => None,
            Self::Bootstrap => Some(Rotations::Hoisted),
            Self::BootstrapLean => Some(Rotations::Chained),
        }
    }
}

/// Why a task cannot be planned for a parameter set.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// Sizes that do not fit the slots.
    #[error(transparent)]
    Packing(#[from] PackingError),
    /// An activation that is not for this task.
    #[error(transparent)]
    Activation(#[from] ActivationError),
    /// A part of a step needs more levels than there are.
    #[error(
        "a part of a training step needs {needed} levels without a refresh, parameter set {params} has {found}"
    )]
    Levels {
        /// The set.
        params: String,
        /// Levels of the longest part.
        needed: usize,
        /// Levels for use.
        found: usize,
    },
    /// Merging needs a level above that of the data, and there is none.
    #[error(
        "merging needs a level above {level}, where the {what} are used, and parameter set {params} has no higher one for use; \
         choose another set or activation, or train without pruning"
    )]
    NoRoomToMerge {
        /// The set.
        params: String,
        /// Which data.
        what: &'static str,
        /// The level.
        level: usize,
    },
    /// A set that cannot be bootstrapped.
    #[error(transparent)]
    Bootstrap(#[from] BootstrapError),
    /// The dry run failed.
    #[error("dry run of a training step: {0}")]
    DryRun(#[from] EvalError),
}

/// Layout, levels and keys of one training.
#[derive(Clone, Debug)]
pub struct Plan {
    layout: Layout,
    activation: Activation,
    refresh_by: RefreshBy,
    range: LevelRange,
    depth: usize,
    levels: StepLevels,
    refreshes: Vec<StepRefresh>,
    validation: ValidationLevels,
    budget: Budget,
    pub(super) keys: KeyPlan,
    pub(super) pruning: Option<PrunePlan>,
}

/// Levels of validation: as few as logits need, which end at level 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValidationLevels {
    /// Of the state.
    pub state: Level,
    /// Of the features.
    pub features: Level,
}

impl Plan {
    /// Plans a task: a dry run of one step on clear zeros says which keys it needs, up to which level.
    ///
    /// As few vectors as possible are refreshed within a step, and only up to the level that is needed then, so that keys
    /// and ciphertexts are no larger than they have to be. Diagonals are packed unless this costs a refresh.
    ///
    /// # Cost
    /// One step on `f64`.
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn new(
        params: &Params,
        task: Task,
        activation: ActivationChoice,
        refresh_by: RefreshBy,
    ) -> Result<Self, PlanError> {
        let bootstrap = match refresh_by.rotations() {
            None => KeyPlan::default(),
            Some(rotations) => bootstrap::key_plan(params, rotations)?,
        };
        let mut plan = Self::cheapest(params, task, activation, refresh_by)?;
        plan.keys = plan.keys.union(&bootstrap);
        Ok(plan)
    }

    fn cheapest(
        params: &Params,
        task: Task,
        activation: ActivationChoice,
        refresh_by: RefreshBy,
    ) -> Result<Self, PlanError> {
        let activation = activation.build(task.classes)?;
        let grouped =
            |grouping| Self::with_grouping(params, task, &activation, refresh_by, grouping);
        let refreshed =
            |plan: &Self| -> usize { plan.refreshes.iter().map(|refresh| refresh.vectors).sum() };
        match grouped(Grouping::Packed) {
            Ok(packed) if packed.refreshes.is_empty() => Ok(packed),
            Ok(packed) => Ok(match grouped(Grouping::Flat) {
                Ok(flat) if refreshed(&flat) < refreshed(&packed) => flat,
                _ => packed,
            }),
            Err(PlanError::Levels { .. }) => grouped(Grouping::Flat),
            Err(error) => Err(error),
        }
    }

    fn with_grouping(
        params: &Params,
        task: Task,
        activation: &Activation,
        refresh_by: RefreshBy,
        grouping: Grouping,
    ) -> Result<Self, PlanError> {
        let (slots, range) = (params.slots(), refresh_by.levels(params));
        let layout = Layout::plan(slots, task.classes, task.features, task.batch, grouping)?;
        let machine = Clear::exact(slots);
        let step = Step::new(&machine, &layout, activation.clone(), 1.0, range);
        let step = step.map_err(|error| match error {
            EvalError::LevelExhausted { needed, .. } => PlanError::Levels {
                params: params.name().to_owned(),
                needed: needed.0,
                found: range.depth(),
            },
            other => PlanError::DryRun(other),
        })?;
        let budget = step_budget(&layout, activation.clone(), range)?;
        let head = step.head();
        let validation = ValidationLevels {
            state: Level(head.logits_depth()),
            features: Level(head.matmul().logits_depth()),
        };
        let mut all = budget.clone();
        all.merge(&logits_budget(
            &layout,
            activation.clone(),
            validation.state,
        )?);
        Ok(Self {
            validation,
            layout,
            activation: activation.clone(),
            refresh_by,
            range,
            depth: step.depth(),
            levels: step.levels(),
            refreshes: step.refreshes(),
            keys: KeyPlan {
                relinearization: all.relinearization(),
                conjugation: all.conjugation(),
                encapsulation: false,
                rotations: all.rotations().clone(),
            },
            pruning: None,
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
    pub const fn activation(&self) -> &Activation {
        &self.activation
    }

    /// The highest level for use: no refresh gives back more.
    #[must_use]
    pub const fn top(&self) -> Level {
        self.range.top
    }

    /// The levels that a step may use.
    #[must_use]
    pub const fn range(&self) -> LevelRange {
        self.range
    }

    /// Who gives levels back.
    #[must_use]
    pub const fn refresh_by(&self) -> RefreshBy {
        self.refresh_by
    }

    /// Levels of a step, refreshes apart.
    #[must_use]
    pub const fn depth(&self) -> usize {
        self.depth
    }

    /// The levels of the data, and of the state before and after a step.
    #[must_use]
    pub const fn levels(&self) -> StepLevels {
        self.levels
    }

    /// The refreshes of a step, in order: those within it, and at last that of the state.
    #[must_use]
    pub fn refreshes(&self) -> Vec<StepRefresh> {
        let state = StepRefresh {
            vectors: self.layout.state_vectors(),
            to: self.levels.state,
            bound: WEIGHT_BOUND,
        };
        self.refreshes.iter().copied().chain([state]).collect()
    }

    /// The operations of a step.
    #[must_use]
    pub const fn budget(&self) -> &Budget {
        &self.budget
    }

    /// The levels of validation.
    #[must_use]
    pub const fn validation_levels(&self) -> ValidationLevels {
        self.validation
    }

    /// The evaluation keys that the server needs: those of a step, of validation, and of a bootstrap.
    #[must_use]
    pub const fn keys(&self) -> &KeyPlan {
        &self.keys
    }

    /// Ciphertexts of features in a batch: tiles times row blocks.
    #[must_use]
    pub const fn feature_vectors(&self) -> usize {
        self.layout.tiles() * self.layout.row_blocks()
    }
}

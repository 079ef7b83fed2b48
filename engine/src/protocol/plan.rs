//! What both parties know before anything is encrypted: sizes, levels and keys of a training.

use super::PrunePlan;
use crate::bootstrap::{self, BootstrapError, Budgets};
use crate::circuits::activation::{Activation, ActivationChoice, ActivationError};
use crate::circuits::packing::{Grouping, Layout, PackingError};
use crate::circuits::{Budget, Clear, Costs, LevelRange, Operation, Parts, RefreshPlan, Rotations};
use crate::ckks::{EvalError, KeyPlan, Level, Params};
use crate::train::{
    Step, StepLevels, StepRefresh, WEIGHT_BOUND, fastest_plan, logits_budget, planned_budgets,
    stages,
};

/// What it weighs against seconds of work to ask the owner: more than any step. A message there and back, an owner who must be
/// at hand, and one more look at values within a step are worth no time that they may save; so the owner is asked as rarely
/// as levels allow.
const ASKING_SECONDS: f64 = 1e6;

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

    /// The operations of bootstraps, if there are any.
    ///
    /// # Errors
    /// [`BootstrapError`] for a set that has no levels for it.
    pub fn bootstraps(self, params: &Params) -> Result<Option<Budgets>, BootstrapError> {
        let budgets = |rotations| bootstrap::budgets(params, rotations);
        self.rotations().map(budgets).transpose()
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
    /// Merging needs data at a level above their use, and there is none.
    #[error(
        "merging needs the {what} at level {level}, above their use, and parameter set {params} has no such level for use; \
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
    /// A choice that comes from elsewhere, and is none for this task.
    #[error(
        "a training step of this task and parameter set {params} cannot have the levels and refreshes that were chosen for it"
    )]
    Choice {
        /// The set.
        params: String,
    },
    /// A set that cannot be bootstrapped.
    #[error(transparent)]
    Bootstrap(#[from] BootstrapError),
    /// The dry run failed.
    #[error("dry run of a training step: {0}")]
    DryRun(#[from] EvalError),
}

/// What a planner chooses by costs: both parties must choose alike, so it travels with the keys. Public.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// How many diagonals share a unit of the state.
    pub grouping: Grouping,
    /// Where a step is refreshed.
    pub refreshes: RefreshPlan,
}

/// Layout, levels and keys of one training.
#[derive(Clone, Debug)]
pub struct Plan {
    choice: Choice,
    layout: Layout,
    activation: Activation,
    refresh_by: RefreshBy,
    range: LevelRange,
    depth: usize,
    levels: StepLevels,
    refreshes: Vec<StepRefresh>,
    validation: ValidationLevels,
    first_budget: Budget,
    budget: Budget,
    pub(super) pruning: Option<PrunePlan>,
    validation_budget: Budget,
    pub(super) keys: KeyPlan,
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
    /// Plans a task with the costs that [`Costs::estimate`] gives.
    ///
    /// # Cost
    /// As [`fastest`](Self::fastest).
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn new(
        params: &Params,
        task: Task,
        activation: ActivationChoice,
        refresh_by: RefreshBy,
    ) -> Result<Self, PlanError> {
        let bootstraps = refresh_by.bootstraps(params)?;
        let costs = Costs::estimate(params, bootstraps.as_ref());
        Self::fastest(params, task, activation, refresh_by, &costs)
    }

    /// Plans a task so that a step takes the fewest seconds by these costs, where the owner is asked no more often than levels
    /// make necessary: whether diagonals are packed, where the step is
    /// refreshed, and up to which level. A dry run of a step says which keys it needs, up to which level.
    ///
    /// # Cost
    /// A few dry runs on vectors without values; with bootstrapping, those of [`bootstrap::budgets`].
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn fastest(
        params: &Params,
        task: Task,
        activation: ActivationChoice,
        refresh_by: RefreshBy,
        costs: &Costs,
    ) -> Result<Self, PlanError> {
        let built = activation.build(task.classes)?;
        let costs = &match refresh_by {
            RefreshBy::Owner => costs.clone().with_slower_refreshes(ASKING_SECONDS),
            RefreshBy::Bootstrap | RefreshBy::BootstrapLean => costs.clone(),
        };
        let with = |grouping| {
            let layout = layout(params, task, grouping)?;
            let range = refresh_by.levels(params);
            let refreshes = fastest_plan(&layout, built.clone(), range, costs);
            let refreshes = refreshes.map_err(|error| too_deep(params, range, error))?;
            let choice = Choice {
                grouping,
                refreshes,
            };
            let plan = Self::without_bootstrap(params, task, &built, refresh_by, choice)?;
            Ok((plan.step_seconds(costs), plan))
        };
        let (packed, flat) = (with(Grouping::Packed), with(Grouping::Flat));
        let mut plan = match (packed, flat) {
            (Ok((packed_seconds, packed)), Ok((flat_seconds, flat))) => {
                if flat_seconds < packed_seconds {
                    flat
                } else {
                    packed
                }
            }
            (Ok((_, plan)), Err(_)) | (Err(PlanError::Levels { .. }), Ok((_, plan))) => plan,
            // Of the two the less demanding says what is needed.
            (Err(PlanError::Levels { .. }), Err(error)) | (Err(error), _) => return Err(error),
        };
        plan.add_bootstrap(params)?;
        Ok(plan)
    }

    /// The plan of a task for which a choice was made before.
    ///
    /// # Errors
    /// [`PlanError::Choice`] if the choice is none for this task; [`PlanError`].
    pub fn chosen(
        params: &Params,
        task: Task,
        activation: ActivationChoice,
        refresh_by: RefreshBy,
        choice: Choice,
    ) -> Result<Self, PlanError> {
        let built = activation.build(task.classes)?;
        let mut plan = Self::without_bootstrap(params, task, &built, refresh_by, choice)?;
        plan.add_bootstrap(params)?;
        Ok(plan)
    }

    fn add_bootstrap(&mut self, params: &Params) -> Result<(), PlanError> {
        if let Some(rotations) = self.refresh_by.rotations() {
            let keys = bootstrap::key_plan(params, rotations)?;
            self.keys = std::mem::take(&mut self.keys).union(&keys);
        }
        Ok(())
    }

    fn without_bootstrap(
        params: &Params,
        task: Task,
        activation: &Activation,
        refresh_by: RefreshBy,
        choice: Choice,
    ) -> Result<Self, PlanError> {
        let range = refresh_by.levels(params);
        let layout = layout(params, task, choice.grouping)?;
        let machine = Clear::counting(params.slots());
        let refreshes = &choice.refreshes;
        let activation = activation.clone();
        let step = Step::with_plan(
            &machine,
            &layout,
            activation.clone(),
            1.0,
            refreshes.clone(),
        )?;
        let head = step.head();
        let fits = refreshes.fits(&stages(head), range);
        if !fits || refreshes.refreshes.first() != Some(&None) {
            return Err(PlanError::Choice {
                params: params.name().to_owned(),
            });
        }
        let [first_budget, budget] = planned_budgets(&layout, activation.clone(), refreshes)?;
        let validation = ValidationLevels {
            state: Level(head.logits_depth()),
            features: Level(head.matmul().logits_depth()),
        };
        let validation_budget = logits_budget(&layout, activation.clone(), validation.state)?;
        let mut all = budget.clone();
        all.merge(&validation_budget);
        Ok(Self {
            validation,
            depth: step.depth(),
            levels: step.levels(),
            refreshes: step.refreshes(),
            layout,
            activation,
            refresh_by,
            range,
            keys: KeyPlan {
                relinearization: all.relinearization(),
                conjugation: all.conjugation(),
                encapsulation: false,
                rotations: all.rotations().clone(),
            },
            pruning: None,
            choice,
            first_budget,
            budget,
            validation_budget,
        })
    }

    /// What was chosen by costs.
    #[must_use]
    pub const fn choice(&self) -> &Choice {
        &self.choice
    }

    /// Seconds of a step and of the refresh of the state behind it, by these costs.
    #[must_use]
    pub fn step_seconds(&self, costs: &Costs) -> f64 {
        let state = costs.of(Operation::Refresh, self.levels.state);
        costs.seconds(&self.budget) + self.layout.state_vectors() as f64 * state
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
            from: self.levels.result,
            to: self.levels.state,
            bound: WEIGHT_BOUND,
            parts: Parts::Complex,
        };
        self.refreshes.iter().copied().chain([state]).collect()
    }

    /// The operations of a step, without the refresh of the state behind it.
    #[must_use]
    pub const fn budget(&self) -> &Budget {
        &self.budget
    }

    /// The operations of the first step of a training: those of any, and the encoding of masks.
    #[must_use]
    pub const fn first_budget(&self) -> &Budget {
        &self.first_budget
    }

    /// The operations of the logits of one batch of validation samples.
    #[must_use]
    pub const fn validation_budget(&self) -> &Budget {
        &self.validation_budget
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

fn layout(params: &Params, task: Task, grouping: Grouping) -> Result<Layout, PackingError> {
    let slots = params.slots();
    Layout::plan(slots, task.classes, task.features, task.batch, grouping)
}

fn too_deep(params: &Params, range: LevelRange, error: EvalError) -> PlanError {
    match error {
        EvalError::LevelExhausted { needed, .. } => PlanError::Levels {
            params: params.name().to_owned(),
            needed: needed.0,
            found: range.depth(),
        },
        other => PlanError::DryRun(other),
    }
}

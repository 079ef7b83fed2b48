//! What pruning adds to a plan: levels of the data, keys for scores and for merging.

use super::{Plan, PlanError};
use crate::circuits::{Budget, Clear, Slots, places};
use crate::ckks::{KeyPlan, Level, Params};
use crate::prune::{Pruning, Scope, ScoreRefreshes, merge_rotations, score_budget};
use crate::train::StepLevels;

/// The part of a plan that is about pruning.
#[derive(Clone, Debug)]
pub struct PrunePlan {
    pruning: Pruning,
    data: DataLevels,
    refreshes: ScoreRefreshes,
    budget: Budget,
}

/// The levels that the training set is encrypted at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataLevels {
    /// Of the features.
    pub features: Level,
    /// Of the labels.
    pub labels: Level,
}

impl PrunePlan {
    /// What it is for.
    #[must_use]
    pub const fn pruning(&self) -> Pruning {
        self.pruning
    }

    /// Refreshes on the way to the scores.
    #[must_use]
    pub const fn refreshes(&self) -> &ScoreRefreshes {
        &self.refreshes
    }

    /// The operations of the scores of one batch.
    #[must_use]
    pub const fn budget(&self) -> &Budget {
        &self.budget
    }
}

impl Plan {
    /// The same plan for a training that prunes: features and labels are encrypted one level above their use, which merging
    /// takes, and the server gets the keys for scores and moves.
    ///
    /// Rotations between row blocks of labels are those of a gradient, at the level of the labels. With [`Scope::Global`] there
    /// are two more keys for each bit of a row's index.
    ///
    /// # Cost
    /// The scores of one batch on `f64`.
    ///
    /// # Errors
    /// [`PlanError::NoRoomToMerge`] where there is no higher level, [`PlanError::Levels`] for a score that is too deep.
    pub fn with_pruning(mut self, params: &Params, pruning: Pruning) -> Result<Self, PlanError> {
        let levels = self.levels();
        let data = DataLevels {
            features: Level(levels.features.0 + 1),
            // A score that needs more levels meets the labels at the first of them.
            labels: Level((levels.labels.0 + 1).max(pruning.score.depth())),
        };
        for (what, Level(level)) in [("features", data.features), ("labels", data.labels)] {
            if Level(level) > self.top() {
                return Err(PlanError::NoRoomToMerge {
                    params: params.name().to_owned(),
                    what,
                    level,
                });
            }
        }
        let activation = self.activation().clone();
        let scored = score_budget(
            self.layout(),
            activation,
            pruning.score,
            StepLevels {
                labels: data.labels,
                ..levels
            },
            self.range(),
        );
        let (budget, refreshes) = scored.map_err(|error| match error {
            crate::ckks::EvalError::LevelExhausted { needed, left, .. } => PlanError::Levels {
                params: params.name().to_owned(),
                needed: needed.0,
                found: left.0,
            },
            other => PlanError::DryRun(other),
        })?;
        let mut all = self.merge_budget(pruning.scope)?;
        all.merge(&budget);
        let keys = KeyPlan {
            relinearization: all.relinearization(),
            conjugation: all.conjugation(),
            encapsulation: false,
            rotations: all.rotations().clone(),
        };
        self.keys = self.keys.union(&keys);
        self.pruning = Some(PrunePlan {
            pruning,
            data,
            refreshes,
            budget,
        });
        Ok(self)
    }

    /// The rotations that any merging can need: a dry run on zeros.
    fn merge_budget(&self, scope: Scope) -> Result<Budget, PlanError> {
        let (layout, levels) = (self.layout(), self.levels());
        let machine = Clear::counting(layout.slots());
        let labels = machine.zeros(1, levels.labels)?;
        for distance in 1..layout.row_blocks() {
            for direction in [1, -1] {
                machine.rotate(&labels, places(distance * layout.height(), direction))?;
            }
        }
        if scope == Scope::Global {
            let rows = machine.zeros(1, levels.labels.max(levels.features))?;
            machine.rotate_many(&rows, &merge_rotations(layout))?;
        }
        Ok(machine.take_budget())
    }

    /// What is planned for pruning, if the training prunes.
    #[must_use]
    pub const fn pruning(&self) -> Option<&PrunePlan> {
        self.pruning.as_ref()
    }

    /// The levels that the training set is encrypted at: where it is used, or above if it is to be merged.
    #[must_use]
    pub fn data_levels(&self) -> DataLevels {
        let StepLevels {
            features, labels, ..
        } = self.levels();
        let used = DataLevels { features, labels };
        self.pruning.as_ref().map_or(used, |pruning| pruning.data)
    }
}

//! Why there is no plan.

use crate::bootstrap::BootstrapError;
use crate::circuits::activation::ActivationError;
use crate::circuits::packing::PackingError;
use crate::ckks::EvalError;

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

//! What a training is asked to do: sizes, and who refreshes.

use crate::bootstrap::{self, BootstrapError, Budgets};
use crate::circuits::{LevelRange, Rotations};
use crate::ckks::{Level, Params};

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

//! What a training remembers of its choices, whatever device it goes on with.

use std::sync::{Mutex, MutexGuard, PoisonError};

use engine::prune::Mask;
use serde::{Deserialize, Serialize};

use super::super::{PruneReport, PruneSummary};

/// The masks so far, and what they cost.
#[derive(Debug, Default)]
pub(in crate::job) struct PruneMemory(Mutex<PruneState>);

/// All that is needed to go on: merged batches are made again from the training set.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::job) struct PruneState {
    /// By round.
    masks: Vec<Mask>,
    /// Rounds whose samples were chosen by scores.
    scored: usize,
    bytes_to_owner: u64,
    bytes_to_server: u64,
    /// Scores, waiting for the owner, merging.
    seconds: f64,
}

impl PruneMemory {
    /// The mask of a round.
    pub(in crate::job) fn mask(&self, round: usize) -> Option<Mask> {
        self.state().masks.get(round).cloned()
    }

    /// The masks of all rounds.
    pub(in crate::job) fn masks(&self) -> Vec<Mask> {
        self.state().masks.clone()
    }

    /// Rounds whose samples were chosen by scores.
    pub(in crate::job) fn scored(&self) -> usize {
        self.state().scored
    }

    /// Keeps the mask of the next round.
    pub(super) fn keep(&self, mask: Mask, scored: bool) {
        let mut state = self.state();
        state.masks.push(mask);
        state.scored += usize::from(scored);
    }

    /// Adds what a round cost.
    pub(super) fn add(&self, report: &PruneReport) {
        let mut state = self.state();
        state.bytes_to_owner += report.bytes_to_owner;
        state.bytes_to_server += report.bytes_to_server;
        state.seconds += report.seconds();
    }

    /// Seconds of all rounds.
    pub(in crate::job) fn seconds(&self) -> f64 {
        self.state().seconds
    }

    /// What a training says of them when it is over.
    pub(in crate::job) fn summary(&self, speedup_over_full: f64) -> PruneSummary {
        let state = self.state();
        let fractions: f64 = state.masks.iter().map(Mask::fraction).sum();
        PruneSummary {
            kept_fraction: fractions / state.masks.len().max(1) as f64,
            prune_rounds: state.masks.len(),
            scorings: state.scored,
            seconds_pruning: state.seconds,
            bytes_to_owner: state.bytes_to_owner,
            bytes_to_server: state.bytes_to_server,
            speedup_over_full,
            speedup_is: "predicted".to_owned(),
        }
    }

    fn state(&self) -> MutexGuard<'_, PruneState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

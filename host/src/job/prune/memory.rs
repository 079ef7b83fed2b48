//! What a training remembers of its choices, whatever device or process it goes on with.

use engine::prune::Mask;
use serde::{Deserialize, Serialize};

use super::super::{PruneReport, PruneSummary};

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

impl PruneState {
    /// The mask of a round.
    pub(in crate::job) fn mask(&self, round: usize) -> Option<Mask> {
        self.masks.get(round).cloned()
    }

    /// Rounds whose samples were chosen by scores.
    pub(in crate::job) fn scored(&self) -> usize {
        self.scored
    }

    /// Keeps the mask of the next round.
    pub(super) fn keep(&mut self, mask: Mask, scored: bool) {
        self.masks.push(mask);
        self.scored += usize::from(scored);
    }

    /// Adds what a round cost.
    pub(super) fn add(&mut self, report: &PruneReport) {
        self.bytes_to_owner += report.bytes_to_owner;
        self.bytes_to_server += report.bytes_to_server;
        self.seconds += report.seconds();
    }

    /// Seconds of all rounds.
    pub(in crate::job) fn seconds(&self) -> f64 {
        self.seconds
    }

    /// What a training says of them when it is over.
    pub(in crate::job) fn summary(&self, speedup_over_full: f64) -> PruneSummary {
        let fractions: f64 = self.masks.iter().map(Mask::fraction).sum();
        PruneSummary {
            kept_fraction: fractions / self.masks.len().max(1) as f64,
            prune_rounds: self.masks.len(),
            scorings: self.scored,
            seconds_pruning: self.seconds,
            bytes_to_owner: self.bytes_to_owner,
            bytes_to_server: self.bytes_to_server,
            speedup_over_full,
            speedup_is: "predicted".to_owned(),
        }
    }
}

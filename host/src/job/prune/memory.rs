//! What a training remembers of its choices, whatever device or process it goes on with.

use engine::prune::Mask;
use serde::{Deserialize, Serialize};

use super::super::{PruneReport, PruneSummary, ScoreSeconds};

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
    /// Of all choices by scores.
    #[serde(default)]
    scoring: ScoringState,
}

/// What scores took so far.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ScoringState {
    batches: usize,
    seconds_forward: f64,
    seconds_score: f64,
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

    /// Adds what the scores of so many batches took.
    pub(super) fn add_scoring(&mut self, seconds: &ScoreSeconds, batches: usize) {
        self.scoring.batches += batches;
        self.scoring.seconds_forward += seconds.seconds_forward;
        self.scoring.seconds_score += seconds.seconds_score;
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
        let ScoringState {
            batches,
            seconds_forward,
            seconds_score,
        } = self.scoring;
        let seconds = ScoreSeconds::new(seconds_forward, seconds_score, batches);
        let scored = |per_batch: f64| (batches > 0).then_some(per_batch);
        let fractions: f64 = self.masks.iter().map(Mask::fraction).sum();
        PruneSummary {
            kept_fraction: fractions / self.masks.len().max(1) as f64,
            prune_rounds: self.masks.len(),
            scorings: self.scored,
            seconds_pruning: self.seconds,
            seconds_forward_per_batch: scored(seconds.seconds_forward_per_batch),
            seconds_score_per_batch: scored(seconds.seconds_score_per_batch),
            bytes_to_owner: self.bytes_to_owner,
            bytes_to_server: self.bytes_to_server,
            speedup_over_full,
            speedup_is: "predicted".to_owned(),
        }
    }
}

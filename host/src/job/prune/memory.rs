//! What a training remembers of its choices, whatever device or process it goes on with.

use engine::prune::Mask;
use serde::{Deserialize, Serialize};

use super::super::{PruneSummary, ScoreSeconds};

/// All that is needed to go on: merged batches are made again from the training set.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::job) struct PruneState {
    /// By number.
    rounds: Vec<KeptRound>,
    /// Of all mergings.
    seconds_merge: f64,
}

/// A choice, and what it cost until the mask was there: it is the same on whatever device the mask is then used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeptRound {
    pub(super) mask: Mask,
    /// Whether the owner chose, by scores.
    pub(super) by_scores: bool,
    /// What scores took, nothing without any.
    pub(super) scoring: ScoreSeconds,
    /// Until the owner's answer was there.
    pub(super) seconds_owner: f64,
    /// Bytes of the scores, and of what the owner is to refresh on the way to them.
    pub(super) bytes_to_owner: u64,
    /// Bytes of the mask, and of what was refreshed.
    pub(super) bytes_to_server: u64,
}

impl KeptRound {
    /// A choice that nobody was asked for.
    pub(super) fn unasked(mask: Mask) -> Self {
        Self {
            mask,
            by_scores: false,
            scoring: ScoreSeconds::default(),
            seconds_owner: 0.0,
            bytes_to_owner: 0,
            bytes_to_server: 0,
        }
    }
}

impl PruneState {
    /// The mask of a round.
    pub(in crate::job) fn mask(&self, round: usize) -> Option<Mask> {
        self.rounds.get(round).map(|round| round.mask.clone())
    }

    /// All that is kept of a round.
    pub(super) fn round(&self, round: usize) -> Option<KeptRound> {
        self.rounds.get(round).cloned()
    }

    /// Rounds whose samples were chosen by scores.
    pub(in crate::job) fn scored(&self) -> usize {
        self.by_scores().count()
    }

    fn by_scores(&self) -> impl Iterator<Item = &KeptRound> {
        self.rounds.iter().filter(|round| round.by_scores)
    }

    /// Keeps the next round.
    pub(super) fn keep(&mut self, round: KeptRound) {
        self.rounds.push(round);
    }

    /// Adds what a merging took.
    pub(super) fn add_merging(&mut self, seconds: f64) {
        self.seconds_merge += seconds;
    }

    /// Seconds of all rounds.
    pub(in crate::job) fn seconds(&self) -> f64 {
        let choosing = |round: &KeptRound| round.scoring.total() + round.seconds_owner;
        self.rounds.iter().map(choosing).sum::<f64>() + self.seconds_merge
    }

    /// What a training says of them when it is over.
    pub(in crate::job) fn summary(&self, speedup_over_full: f64) -> PruneSummary {
        let batches = self.by_scores().map(|round| round.mask.samples().len());
        let batches: usize = batches.sum();
        let forward = self.by_scores().map(|round| round.scoring.seconds_forward);
        let score = self.by_scores().map(|round| round.scoring.seconds_score);
        let read = self.by_scores().map(|round| round.scoring.seconds_read);
        let seconds = ScoreSeconds::new(forward.sum(), score.sum(), read.sum(), batches);
        let scored = |per_batch: f64| (batches > 0).then_some(per_batch);
        let fractions = self.rounds.iter().map(|round| round.mask.fraction());
        let kept_fraction = match self.rounds.len() {
            // Stopped before its first choice, a training has used all samples.
            0 => 1.0,
            rounds => fractions.sum::<f64>() / rounds as f64,
        };
        PruneSummary {
            kept_fraction,
            prune_rounds: self.rounds.len(),
            scorings: self.scored(),
            seconds_pruning: self.seconds(),
            seconds_forward_per_batch: scored(seconds.seconds_forward_per_batch),
            seconds_score_per_batch: scored(seconds.seconds_score_per_batch),
            bytes_to_owner: self.rounds.iter().map(|round| round.bytes_to_owner).sum(),
            bytes_to_server: self.rounds.iter().map(|round| round.bytes_to_server).sum(),
            speedup_over_full,
            speedup_is: "predicted".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use engine::prune::Kept;

    use super::*;

    /// Two of three samples in each of two batches.
    fn mask() -> Mask {
        let kept = [0, 2].map(|sample| Kept {
            sample,
            weight: 1.5,
        });
        Mask::new(vec![3, 3], vec![kept.to_vec(); 2]).unwrap()
    }

    #[test]
    fn what_a_choice_cost_does_not_wait_for_its_merging() {
        let mut state = PruneState::default();
        state.keep(KeptRound::unasked(mask()));
        let asked = KeptRound {
            mask: mask(),
            by_scores: true,
            scoring: ScoreSeconds::new(4.0, 2.0, 0.5, 2),
            seconds_owner: 1.0,
            bytes_to_owner: 512,
            bytes_to_server: 18,
        };
        state.keep(asked.clone());
        // Here a device is lost, and a process ended: the next one knows it all.
        let kept = serde_json::to_string(&state).unwrap();
        let mut state: PruneState = serde_json::from_str(&kept).unwrap();
        assert_eq!(state.round(1), Some(asked));
        assert_eq!((state.scored(), state.seconds()), (1, 7.5));
        state.add_merging(3.0);
        let summary = state.summary(2.0);
        assert_eq!((summary.prune_rounds, summary.scorings), (2, 1));
        assert_eq!((summary.bytes_to_owner, summary.bytes_to_server), (512, 18));
        assert_eq!(summary.seconds_pruning, 10.5);
        assert_eq!(summary.seconds_forward_per_batch, Some(2.0));
        assert_eq!(summary.seconds_score_per_batch, Some(1.0));
        assert!((summary.kept_fraction - 2.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn a_training_that_never_chose_has_used_all_samples() {
        let summary = PruneState::default().summary(1.0);
        assert_eq!((summary.kept_fraction, summary.prune_rounds), (1.0, 0));
        assert_eq!(summary.seconds_score_per_batch, None);
    }
}

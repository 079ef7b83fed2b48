//! What pruning did.

use std::path::PathBuf;

use engine::prune::{MergeMethod, MergeTotals};
use serde::{Deserialize, Serialize};

use super::{OperationCount, RefreshCost};

/// The time of scores, on a device that has done them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScoreSeconds {
    /// The forward pass of all batches, as far as scores need it: to logits, or to probabilities.
    pub seconds_forward: f64,
    /// The scores behind it, and the message to the owner.
    pub seconds_score: f64,
    /// Reading the training set for them.
    pub seconds_read: f64,
    /// The forward pass of one batch, mean over the batches.
    pub seconds_forward_per_batch: f64,
    /// The scores of one batch, which one ciphertext holds, mean over the batches.
    pub seconds_score_per_batch: f64,
}

impl ScoreSeconds {
    /// Of so many batches.
    pub(crate) fn new(
        seconds_forward: f64,
        seconds_score: f64,
        seconds_read: f64,
        batches: usize,
    ) -> Self {
        let count = batches.max(1) as f64;
        Self {
            seconds_forward,
            seconds_score,
            seconds_read,
            seconds_forward_per_batch: seconds_forward / count,
            seconds_score_per_batch: seconds_score / count,
        }
    }

    /// All of it.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.seconds_forward + self.seconds_score + self.seconds_read
    }
}

/// A choice of samples.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PruneReport {
    /// Which one, from 0.
    pub round: usize,
    /// The first epoch that it holds for, from 1.
    pub epoch: usize,
    /// What samples were chosen by.
    pub score: String,
    /// How.
    pub rule: String,
    /// Samples there are.
    pub of: usize,
    /// Where they went: kept samples, ciphertexts, masks, rotations.
    #[serde(flatten)]
    pub merge: MergeTotals,
    /// What scores took, nothing without any.
    #[serde(flatten)]
    pub scoring: ScoreSeconds,
    /// Until the owner's answer was there.
    pub seconds_owner: f64,
    /// Masks, sums and rotations.
    pub seconds_merge: f64,
    /// Bytes of the scores.
    pub bytes_to_owner: u64,
    /// Bytes of the mask.
    pub bytes_to_server: u64,
}

/// All choices of a training.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PruneSummary {
    /// The share of samples that were kept, mean over the choices.
    pub kept_fraction: f64,
    /// Choices.
    pub prune_rounds: usize,
    /// Those by scores.
    pub scorings: usize,
    /// Scores, waiting for the owner, merging.
    pub seconds_pruning: f64,
    /// The forward pass of one batch for its scores, mean over all batches of all choices by scores; nothing without any.
    pub seconds_forward_per_batch: Option<f64>,
    /// The scores of one batch behind its forward pass, the same.
    pub seconds_score_per_batch: Option<f64>,
    /// Bytes of all scores.
    pub bytes_to_owner: u64,
    /// Bytes of all masks.
    pub bytes_to_server: u64,
    /// Seconds of as many epochs on all samples over those of this training with all its choices.
    pub speedup_over_full: f64,
    /// `predicted`: the steps on all samples that were not done count as many seconds as those of the warm-up; where there is
    /// none, as many more than those on kept samples as their operations take more.
    pub speedup_is: String,
}

/// What a training that prunes will take, part by part, beside that on all rows. Seconds are predicted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PruningPrediction {
    /// Rows there are.
    pub of: usize,
    /// Choices.
    pub prune_rounds: usize,
    /// Choices by scores.
    pub scorings: usize,
    /// Steps of the warm-up, on all rows.
    pub steps_on_all_rows: usize,
    /// Steps on kept rows.
    pub steps_on_kept_rows: usize,
    /// What those are by; `random` without any.
    pub score: String,
    /// Refreshes on the way to the scores of one choice, in order.
    pub score_refreshes: Vec<ScoreRefresh>,
    /// What merging does for a choice that has nothing to do with the data.
    pub merge: MergeTotals,
    /// Where the level is from that merging takes.
    pub merge_levels: MergeLevels,
    /// Ciphertexts that all mergings refresh: none.
    pub merge_refreshes: u64,
    /// The phases of all steps, and what rounds add.
    pub parts: Vec<PartPrediction>,
    /// The operations of the whole training by part, kind and level of the operand; refreshes by the level given back.
    pub operations: Vec<OperationCount>,
    /// Steps of as many epochs on all rows.
    pub full_steps: usize,
    /// What they take, with validation.
    pub full_seconds_train: f64,
    /// All of that training, keys and encryption among it.
    pub full_seconds_total: f64,
    /// Its largest memory.
    pub full_peak_memory_bytes: u64,
    /// The seconds of its steps over those of this training with all its choices.
    pub speedup_over_full: f64,
    /// The same with keys, encryption and the rest.
    pub speedup_in_all: f64,
}

/// A refresh on the way to scores.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ScoreRefresh {
    /// Times for one choice: once for the state, which all mini-batches share; once for each mini-batch otherwise.
    pub times: usize,
    /// What each is.
    #[serde(flatten)]
    pub refresh: RefreshCost,
}

/// Levels of a training set before and after merging, which takes one. It is encrypted above its first use, so nothing has to
/// be given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct MergeLevels {
    /// Of features as they are encrypted.
    pub features_encrypted: usize,
    /// Of merged ones, and where a step first uses features.
    pub features_used: usize,
    /// Of labels as they are encrypted: more than one level above their use where a score needs them there.
    pub labels_encrypted: usize,
    /// Of merged ones, and where a step uses labels.
    pub labels_used: usize,
}

/// A part of a whole training.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PartPrediction {
    /// A phase of the steps, or what a round adds.
    pub part: &'static str,
    /// Key switches of the training that prunes.
    pub key_switches: u64,
    /// What it takes.
    pub seconds: f64,
    /// Key switches of the training on all rows.
    pub full_key_switches: u64,
    /// What it takes.
    pub full_seconds: f64,
}

/// Of [`prune_score`](crate::job::prune_score()).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PruneScoreReport {
    /// The file.
    pub out: PathBuf,
    /// The score.
    pub score: String,
    /// Samples.
    pub samples: usize,
    /// Batches.
    pub batches: usize,
    /// Ciphertexts that the scores are sent in.
    pub ciphertexts: usize,
    /// Their bytes.
    pub bytes: u64,
    /// What they took.
    #[serde(flatten)]
    pub scoring: ScoreSeconds,
    /// All stages.
    pub seconds: f64,
}

/// Of [`prune_mask`](crate::job::prune_mask()).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PruneMaskReport {
    /// The file.
    pub out: PathBuf,
    /// Samples kept.
    pub kept: usize,
    /// Of so many.
    pub of: usize,
    /// How they were chosen.
    pub rule: String,
    /// Whether they count differently.
    pub weighted: bool,
    /// Bytes of bits and weights.
    pub bytes: u64,
    /// The table of all samples, if one was asked for.
    pub table: Option<PathBuf>,
    /// Time.
    pub seconds: f64,
}

/// Of [`prune_merge`](crate::job::prune_merge()).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PruneMergeReport {
    /// The file.
    pub out: PathBuf,
    /// Samples of the training set.
    pub of: usize,
    /// Kept samples, ciphertexts, masks, rotations.
    #[serde(flatten)]
    pub merge: MergeTotals,
    /// Masks, sums and rotations, and reading what they are made of.
    pub seconds_merge: f64,
    /// All stages.
    pub seconds: f64,
}

/// Of [`prune_check`](crate::job::prune_check()): every kept sample was found once, in its place.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PruneCheckReport {
    /// The merged training set.
    pub merged: PathBuf,
    /// How survivors were brought together.
    pub method: MergeMethod,
    /// Batches of the merged training set.
    pub batches: usize,
    /// Samples in them: those that the mask keeps.
    pub kept: usize,
    /// Samples of the training set.
    pub of: usize,
    /// Places that nothing was put in: zero, with the weight zero.
    pub empty: usize,
    /// The level of merged features.
    pub features_level: usize,
    /// Of merged labels.
    pub labels_level: usize,
    /// The level of features as they were encrypted.
    pub encrypted_features_level: usize,
    /// Of labels as they were encrypted.
    pub encrypted_labels_level: usize,
    /// The largest error of a feature of a kept sample.
    pub feature_error: f64,
    /// Of a label of a kept sample, in any class.
    pub label_error: f64,
    /// The largest number in a place that nothing was put in.
    pub empty_error: f64,
    /// The table of all places, if one was asked for.
    pub table: Option<PathBuf>,
    /// Time.
    pub seconds: f64,
}

/// A line of [`prune_sweep`](crate::job::prune_sweep()): trainings that differ in their seed only.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SweepRow {
    /// Data set.
    pub data: String,
    /// The rule that rows are chosen by; `full` for all rows, `full-same-steps` for all rows and as many steps as the others.
    pub way: String,
    /// The share of the rows that is kept.
    pub keep: f64,
    /// Share of test rows whose class is predicted, mean over the seeds.
    pub accuracy: f64,
    /// Its standard deviation over the seeds.
    pub spread: f64,
    /// Steps of a training.
    pub steps: usize,
    /// What HEPrune reports for data of this name and this share.
    pub published: Option<f64>,
}

/// Of [`prune_sweep`](crate::job::prune_sweep()).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SweepReport {
    /// Trainings of each line.
    pub seeds: usize,
    /// Epochs of each.
    pub epochs: usize,
    /// Samples of a batch, at most.
    pub batch: usize,
    /// Time.
    pub seconds: f64,
}

//! What jobs say when they are done. Field names are the names in JSON.

use std::path::PathBuf;

use engine::prune::MergeTotals;
use serde::{Deserialize, Serialize};

use super::phases::PhaseSeconds;
use super::task::Schedule;

/// What a job is going to do.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlanReport {
    /// Parameter set.
    pub params: String,
    /// Its bits of classical security, 0 if fewer than 128.
    pub security_bits: u32,
    /// `log2` of its degree.
    pub log_n: u32,
    /// `log2` of its whole modulus.
    pub log_qp: f64,
    /// The largest modulus with 128 bits of security.
    pub log_qp_limit: f64,
    /// Data set.
    pub data: String,
    /// Training rows.
    pub train_rows: usize,
    /// Features.
    pub features: usize,
    /// Classes.
    pub classes: usize,
    /// Samples of a batch, at most.
    pub batch: usize,
    /// Steps.
    pub steps: usize,
    /// Epochs.
    pub epochs: usize,
    /// Learning rate.
    pub learning_rate: f64,
    /// Activation.
    pub activation: String,
    /// The largest logit that it is made for.
    pub logit_range: f64,
    /// Levels of a step, refreshes apart.
    pub levels_per_step: usize,
    /// Ciphertexts refreshed in a step and behind it.
    pub refreshes_per_step: usize,
    /// Key switches of a step.
    pub key_switches_per_step: u64,
    /// Evaluation keys.
    pub keys: usize,
    /// Their bytes in memory.
    pub key_bytes: usize,
    /// Bytes of a ciphertext of features in memory.
    pub ciphertext_bytes: usize,
    /// Device.
    pub device: String,
    /// Threads.
    pub threads: usize,
    /// Who refreshes.
    pub refresh: String,
    /// Whether nothing of all this is made, because the job is a simulation.
    pub simulated: bool,
    /// A step and the refresh behind it, one phase after the other.
    pub passages: Vec<PassageReport>,
}

/// What a step does without changing its phase.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PassageReport {
    /// The phase.
    pub phase: &'static str,
    /// The highest level of an operand.
    pub from: usize,
    /// The lowest level of a result; for refreshes, the level given back.
    pub to: usize,
    /// Key switches.
    pub key_switches: u64,
}

/// The time of a phase.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PhaseReport {
    /// The phase.
    pub phase: &'static str,
    /// How long it took.
    pub seconds: f64,
    /// Its part of the whole.
    pub share: f64,
}

/// A training step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StepReport {
    /// Which one, from 1.
    pub step: usize,
    /// Of how many.
    pub steps: usize,
    /// Its epoch, from 1.
    pub epoch: usize,
    /// How long it took, with the refresh after it.
    pub seconds: f64,
    /// How its time divides.
    pub phases: Vec<PhaseReport>,
}

/// The report of a step, counted from zero.
pub(super) fn step_report(schedule: &Schedule, step: usize, seconds: &PhaseSeconds) -> StepReport {
    StepReport {
        step: step + 1,
        steps: schedule.steps(),
        epoch: schedule.epoch(step),
        seconds: seconds.total(),
        phases: seconds.report(),
    }
}

/// What an earlier process did of a job that goes on now.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EarlierReport {
    /// Its steps.
    pub steps: Vec<StepReport>,
    /// The epochs that it measured.
    pub epochs: Vec<EpochReport>,
    /// The epochs that it asked about.
    pub validations: Vec<ValidationReport>,
}

/// What was decided after an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValidationReport {
    /// Which one, from 1.
    pub epoch: usize,
    /// Mean loss of the validation rows; the server does not know it.
    pub loss: Option<f64>,
    /// Share of validation rows whose class the model predicts; the server does not know it.
    pub accuracy: Option<f64>,
    /// No epoch was better.
    pub best: bool,
    /// The training is over.
    pub stop: bool,
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
    /// The forward pass of all batches, as far as scores need it.
    pub seconds_forward: f64,
    /// The scores behind it.
    pub seconds_score: f64,
    /// Until the owner's answer was there.
    pub seconds_owner: f64,
    /// Masks, sums and rotations.
    pub seconds_merge: f64,
    /// Bytes of the scores.
    pub bytes_to_owner: u64,
    /// Bytes of the mask.
    pub bytes_to_server: u64,
}

impl PruneReport {
    /// All of it.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.seconds_forward + self.seconds_score + self.seconds_owner + self.seconds_merge
    }
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
    /// Bytes of all scores.
    pub bytes_to_owner: u64,
    /// Bytes of all masks.
    pub bytes_to_server: u64,
    /// Seconds of as many epochs on all samples over those of this training with all its choices.
    pub speedup_over_full: f64,
    /// `predicted`: the steps on all samples that were not done count as many seconds as those of the warm-up, or where there is
    /// none as those on merged samples, which are shorter.
    pub speedup_is: String,
}

/// Of [`run`](super::run()).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunReport {
    /// Share of test rows whose class the model from ciphertexts predicts.
    pub test_accuracy: f64,
    /// The same for training in the clear with the exact activation, on the same batches.
    pub clear_test_accuracy: f64,
    /// Share of validation rows.
    pub validation_accuracy: f64,
    /// Steps.
    pub steps: usize,
    /// Epochs.
    pub epochs: usize,
    /// The epoch that the model is from, where the owner was asked.
    pub best_epoch: Option<usize>,
    /// All stages.
    pub seconds_total: f64,
    /// Mean over the steps, refreshes among them.
    pub seconds_per_step: f64,
    /// How the time of all steps divides.
    pub phases: Vec<PhaseReport>,
    /// Making the keys.
    pub seconds_keys: f64,
    /// Encrypting the training set.
    pub seconds_encrypt: f64,
    /// Largest resident memory of the process so far; 0 where the system does not tell (outside Linux).
    pub peak_memory_bytes: u64,
    /// Parameter set.
    pub params: String,
    /// Its bits of classical security.
    pub security_bits: u32,
    /// Device.
    pub device: String,
    /// Threads.
    pub threads: usize,
    /// Who refreshed.
    pub refresh: String,
    /// Largest difference between a weight from ciphertexts and one from the same program in the clear, with the
    /// activation's polynomials: what encryption adds.
    pub weight_error: f64,
    /// What pruning did, if the training pruned.
    #[serde(flatten)]
    pub pruning: Option<PruneSummary>,
}

/// An epoch of a training or a simulation, and of the exact training beside it: on `f64`, with the exact activation, on the
/// same batches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochReport {
    /// Which one, from 1.
    pub epoch: usize,
    /// Of how many.
    pub epochs: usize,
    /// Mean loss of the validation rows under the model.
    #[serde(deserialize_with = "or_nan")]
    pub validation_loss: f64,
    /// The same for exact training.
    #[serde(deserialize_with = "or_nan")]
    pub exact_validation_loss: f64,
    /// Share of validation rows whose class the model predicts.
    #[serde(deserialize_with = "or_nan")]
    pub validation_accuracy: f64,
    /// The same for exact training.
    #[serde(deserialize_with = "or_nan")]
    pub exact_validation_accuracy: f64,
    /// Share of test rows whose class the model predicts.
    #[serde(deserialize_with = "or_nan")]
    pub test_accuracy: f64,
    /// The same for exact training.
    #[serde(deserialize_with = "or_nan")]
    pub exact_test_accuracy: f64,
    /// The size of the largest logit of exact training so far.
    pub largest_logit: f64,
    /// Time.
    pub seconds: f64,
}

/// JSON has no word for what is not a number: a share of no rows.
fn or_nan<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

/// Of [`simulate`](super::simulate()).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SimulateReport {
    /// Share of test rows whose class the simulated model predicts.
    pub test_accuracy: f64,
    /// The same for exact training: on `f64`, with the exact activation, on the same batches.
    pub exact_test_accuracy: f64,
    /// Share of validation rows whose class the simulated model predicts.
    pub validation_accuracy: f64,
    /// Largest difference between a simulated weight and an exact one.
    pub weight_error: f64,
    /// The size of the largest logit of exact training.
    pub largest_logit: f64,
    /// Steps.
    pub steps: usize,
    /// Epochs.
    pub epochs: usize,
    /// Activation.
    pub activation: String,
    /// Parameter set.
    pub params: String,
    /// All stages.
    pub seconds_total: f64,
}

/// One activation for one range of logits and number of classes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ActivationReport {
    /// Activation.
    pub activation: String,
    /// Logits are uniform in `[-range, range]`.
    pub range: f64,
    /// Classes.
    pub classes: usize,
    /// Levels, refreshes apart.
    pub levels: usize,
    /// Ciphertexts refreshed.
    pub refreshes: u64,
    /// Key switches.
    pub key_switches: u64,
    /// The largest error of the polynomials over all samples, where that of a sample is that of its worst class.
    pub max_error: f64,
    /// Their mean error.
    pub mean_error: f64,
    /// The largest error of one vector of samples with the noise of the parameter set.
    pub noisy_error: f64,
    /// The same on a ciphertext, if one was looked at.
    pub encrypted_error: Option<f64>,
    /// Seconds that the ciphertext took, refreshes apart.
    pub seconds: Option<f64>,
}

/// Of [`activations`](super::activations()).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ActivationsReport {
    /// Parameter set.
    pub params: String,
    /// Samples in the clear, for each line.
    pub samples: usize,
    /// Device.
    pub device: String,
    /// Threads.
    pub threads: usize,
}

/// What an operation takes at a level.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct OperationCost {
    /// The operation.
    pub operation: engine::circuits::Operation,
    /// Level of its operand; of a refresh, the one that it gives back.
    pub level: usize,
    /// Seconds.
    pub seconds: f64,
}

/// Operations of a step in one phase at one level.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct OperationCount {
    /// The phase.
    pub phase: &'static str,
    /// The operation.
    pub operation: engine::circuits::Operation,
    /// Level of the operands.
    pub level: usize,
    /// How many there are.
    pub count: u64,
    /// What they take together.
    pub seconds: f64,
}

/// A refresh within a step, or the last one, behind it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RefreshCost {
    /// Vectors that are refreshed together.
    pub vectors: usize,
    /// The level that they have.
    pub from: usize,
    /// The level that they get.
    pub to: usize,
    /// What their values are bounded by.
    pub bound: f64,
    /// What it takes.
    pub seconds: f64,
}

/// Of [`plan`](super::plan()): what [`run`](super::run()) will take. Seconds are predicted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PredictionReport {
    /// Parameter set.
    pub params: String,
    /// Device.
    pub device: String,
    /// Threads of the processor.
    pub threads: usize,
    /// Who refreshes.
    pub refresh: String,
    /// Steps.
    pub steps: usize,
    /// The operations of a step by phase, kind and level, refreshes apart.
    pub operations: Vec<OperationCount>,
    /// Key switches of a step.
    pub key_switches_per_step: u64,
    /// The refreshes of a step, the last one behind it.
    pub refreshes: Vec<RefreshCost>,
    /// Vectors refreshed in a step and behind it.
    pub refreshes_per_step: usize,
    /// Mean over the steps, refreshes among them.
    pub seconds_per_step: f64,
    /// Making the keys.
    pub seconds_keys: f64,
    /// Encrypting the training set.
    pub seconds_encrypt: f64,
    /// Preparing what bootstraps have in common, once.
    pub seconds_bootstrap_preparation: f64,
    /// Encoding what steps have in common, in the first one.
    pub seconds_masks: f64,
    /// Validation logits of all epochs.
    pub seconds_validation: f64,
    /// All steps, with masks and validation.
    pub seconds_train: f64,
    /// Training in the clear to compare.
    pub seconds_compare: f64,
    /// All of this.
    pub seconds_total: f64,
    /// Largest memory of the process, about.
    pub peak_memory_bytes: u64,
    /// The evaluation keys as a file, about.
    pub key_file_bytes: u64,
    /// The encrypted training set as a file, about.
    pub training_set_bytes: u64,
    /// The encrypted model as a file, about.
    pub model_bytes: u64,
    /// All messages from the server to the owner between different machines.
    pub bytes_to_owner: u64,
    /// All answers.
    pub bytes_to_server: u64,
}

/// Of [`keygen`](super::keygen()).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KeygenReport {
    /// The owner's file.
    pub secret_key: PathBuf,
    /// The server's file.
    pub evaluation_keys: PathBuf,
    /// Number of evaluation keys.
    pub keys: usize,
    /// Bytes of their file.
    pub bytes: u64,
    /// Time.
    pub seconds: f64,
}

/// Of [`encrypt`](super::encrypt()).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EncryptReport {
    /// The file.
    pub out: PathBuf,
    /// Ciphertexts in it.
    pub ciphertexts: usize,
    /// Its bytes.
    pub bytes: u64,
    /// Time.
    pub seconds: f64,
}

/// Of [`train`](super::train()).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrainReport {
    /// The file.
    pub out: PathBuf,
    /// Steps.
    pub steps: usize,
    /// The epoch that the model is from, where the owner was asked.
    pub best_epoch: Option<usize>,
    /// How the time of all steps divides.
    pub phases: Vec<PhaseReport>,
    /// Time.
    pub seconds: f64,
    /// What pruning did, if the training pruned.
    #[serde(flatten)]
    pub pruning: Option<PruneSummary>,
}

/// Of [`refresh`](super::refresh()).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RefreshReport {
    /// Refreshes answered.
    pub refreshes: usize,
    /// Choices of samples answered.
    pub masks: usize,
    /// Time.
    pub seconds: f64,
}

/// Of [`prune_score`](super::prune_score()).
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
    /// The forward pass of all batches, as far as scores need it.
    pub seconds_forward: f64,
    /// The scores behind it.
    pub seconds_score: f64,
    /// All stages.
    pub seconds: f64,
}

/// Of [`prune_mask`](super::prune_mask()).
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
    /// Time.
    pub seconds: f64,
}

/// Of [`prune_merge`](super::prune_merge()).
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

/// A line of [`prune_sweep`](super::prune_sweep()): trainings that differ in their seed only.
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

/// Of [`prune_sweep`](super::prune_sweep()).
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

/// Of [`decrypt`](super::decrypt()).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DecryptReport {
    /// The file.
    pub out: PathBuf,
    /// Time.
    pub seconds: f64,
}

/// Of [`evaluate`](super::evaluate()): shares of rows whose class is predicted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EvaluateReport {
    /// Of the training rows.
    pub train_accuracy: f64,
    /// Of the validation rows.
    pub validation_accuracy: f64,
    /// Of the test rows.
    pub test_accuracy: f64,
    /// Of the test rows of each class; not a number (`null` in JSON) where there is none.
    pub class_accuracies: Vec<f64>,
}

/// A parameter set.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ParamsReport {
    /// Its name.
    pub name: String,
    /// `log2` of the degree.
    pub log_n: u32,
    /// N.
    pub degree: usize,
    /// Complex slots.
    pub slots: usize,
    /// Primes of Q.
    pub ordinary_primes: usize,
    /// Primes of P.
    pub special_primes: usize,
    /// Levels for use.
    pub levels: usize,
    /// `log2` of the scale at level 0.
    pub log_scale: f64,
    /// `log2 Q`.
    pub log_q: f64,
    /// `log2 P`.
    pub log_p: f64,
    /// `log2(QP)`.
    pub log_qp: f64,
    /// The largest `log2(QP)` with 128 bits of security.
    pub log_qp_limit: f64,
    /// Bits of classical security, 0 if fewer than 128.
    pub security_bits: u32,
    /// Whether it has 128 bits.
    pub secure: bool,
    /// Bytes of a relinearisation key at the highest level for use, in memory.
    pub relinearization_key_bytes: usize,
    /// Bytes of a ciphertext at the highest level for use, in memory.
    pub fresh_ciphertext_bytes: usize,
    /// What it is for.
    pub purpose: String,
    /// Its bootstrap, if it has one.
    pub bootstrap: Option<BootstrapReport>,
    /// The levels for use, from 0.
    pub rows: Vec<LevelReport>,
}

/// The bootstrap of a parameter set.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BootstrapReport {
    /// Levels left for use after it: those above slots-to-coefficients.
    pub levels_left: usize,
    /// Bits that it keeps of values up to one, in the worst slot.
    pub promised_bits: f64,
    /// `log2` of the probability that it fails.
    pub log_failure: f64,
    /// Switching keys that it needs.
    pub keys: usize,
    /// Bytes of them, in memory.
    pub key_bytes: usize,
    /// Keys with `--refresh bootstrap-lean`.
    pub lean_keys: usize,
    /// Bytes of those.
    pub lean_key_bytes: usize,
}

/// A level of a parameter set.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LevelReport {
    /// The level.
    pub level: usize,
    /// Its limbs.
    pub limbs: usize,
    /// `log2` of its modulus.
    pub log_q: f64,
    /// `log2` of its scale.
    pub log_scale: f64,
}

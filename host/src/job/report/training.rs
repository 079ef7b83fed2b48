//! Trainings: what they are going to do, did on the way, and came to.

use serde::{Deserialize, Serialize};

use super::PruneSummary;
use crate::job::phases::PhaseSeconds;
use crate::job::task::Schedule;

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
pub(in crate::job) fn step_report(
    schedule: &Schedule,
    step: usize,
    seconds: &PhaseSeconds,
) -> StepReport {
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

/// Of [`run`](crate::job::run()).
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

/// Of [`simulate`](crate::job::simulate()).
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

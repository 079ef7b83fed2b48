//! What was measured or predicted: activations, operations, jobs.

use serde::Serialize;

use super::PruningPrediction;

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

/// Of [`activations`](crate::job::activations()).
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

/// Of [`plan`](crate::job::plan()): what [`run`](crate::job::run()) will take. Seconds are predicted.
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
    /// The operations of a step on a full mini-batch by phase, kind and level, refreshes apart.
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
    /// Encoding known vectors in steps, most of them in the first ones.
    pub seconds_masks: f64,
    /// Validation logits of all epochs.
    pub seconds_validation: f64,
    /// Scores, the owner's reading of them, and merging.
    pub seconds_pruning: f64,
    /// All steps, with masks, validation and pruning.
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
    /// The same training on all rows beside it, if it prunes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pruning: Option<Box<PruningPrediction>>,
}

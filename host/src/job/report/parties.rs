//! What owner and server did apart.

use std::path::PathBuf;

use serde::Serialize;

use super::{PhaseReport, PruneSummary};

/// Of [`keygen`](crate::job::keygen()).
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

/// Of [`encrypt`](crate::job::encrypt()).
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

/// Of [`train`](crate::job::train()).
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

/// Of [`refresh`](crate::job::refresh()).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RefreshReport {
    /// Refreshes answered.
    pub refreshes: usize,
    /// Choices of samples answered.
    pub masks: usize,
    /// Time.
    pub seconds: f64,
}

/// Of [`decrypt`](crate::job::decrypt()).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DecryptReport {
    /// The file.
    pub out: PathBuf,
    /// Time.
    pub seconds: f64,
}

/// Of [`evaluate`](crate::job::evaluate()): shares of rows whose class is predicted.
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

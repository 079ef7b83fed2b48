//! What a caller chooses.

use std::path::PathBuf;
use std::time::Duration;

use engine::circuits::activation::ActivationChoice;

use engine::protocol::RefreshBy;
use engine::prune::Pruning;

use super::prune::{PruneConfig, PruneRounds};
use serde::{Deserialize, Serialize};

use crate::launch::DeviceChoice;

/// Which data set.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DataChoice {
    /// The handwritten digits inside the program.
    Digits,
    /// A file in one of the [`FORMATS`](crate::data::FORMATS).
    File(PathBuf),
}

/// Which parameter set.
#[derive(Clone, Debug)]
pub enum ParamsChoice {
    /// One of [`NAMES`](engine::ckks::presets::NAMES).
    Named(String),
    /// A literal in a JSON file.
    File(PathBuf),
}

/// How to train. What is not said is chosen for the data; see [`DEFAULT_STEPS`](super::DEFAULT_STEPS).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    /// How often each sample is used.
    pub epochs: Option<usize>,
    /// Samples of a batch, at most.
    pub batch: Option<usize>,
    /// What the mean gradient of a batch is multiplied by.
    pub learning_rate: Option<f64>,
    /// What turns logits into probabilities; [`default_activation`](super::default_activation) if nothing is said.
    pub activation: Option<ActivationChoice>,
    /// Epochs without a smaller validation loss after which the training stops; none if it goes on to the end.
    pub patience: Option<usize>,
    /// How the training prunes, if it does.
    pub prune: Option<PruneConfig>,
    /// Fixes the split of the data and the order of the samples; never a key or an encryption.
    pub seed: u64,
}

/// Of [`run`](super::run()).
#[derive(Clone, Debug)]
pub struct RunConfig {
    /// Parameter set.
    pub params: ParamsChoice,
    /// Whether a set below 128 bits of security will do.
    pub allow_insecure: bool,
    /// Data set.
    pub data: DataChoice,
    /// How to train.
    pub train: TrainConfig,
    /// Who gives levels back; bootstrapping, where the parameter set has the levels for it, if nothing is said.
    pub refresh: Option<RefreshBy>,
    /// Device.
    pub device: DeviceChoice,
    /// The directory of calibrations, by which refreshes are planned; by estimates, if nothing is said.
    pub calibrations: Option<PathBuf>,
    /// Threads; all there are, if nothing is said.
    pub threads: Option<usize>,
    /// Where the decrypted model goes, if anywhere.
    pub model_out: Option<PathBuf>,
    /// A directory for what it takes to go on after an end before time, if that is wanted. It then holds the owner's secrets.
    pub work: Option<PathBuf>,
}

/// Of [`simulate`](super::simulate()).
#[derive(Clone, Debug)]
pub struct SimulateConfig {
    /// Parameter set.
    pub params: ParamsChoice,
    /// Whether a set below 128 bits of security will do.
    pub allow_insecure: bool,
    /// Data set.
    pub data: DataChoice,
    /// How to train.
    pub train: TrainConfig,
    /// Who gives levels back; bootstrapping, where the parameter set has the levels for it, if nothing is said.
    pub refresh: Option<RefreshBy>,
    /// Threads; all there are, if nothing is said.
    pub threads: Option<usize>,
}

/// Of [`activations`](super::activations()).
#[derive(Clone, Debug)]
pub struct ActivationsConfig {
    /// Parameter set.
    pub params: ParamsChoice,
    /// Whether a set below 128 bits of security will do.
    pub allow_insecure: bool,
    /// Samples in the clear.
    pub samples: usize,
    /// Whether ciphertexts are measured too.
    pub encrypted: bool,
    /// Device.
    pub device: DeviceChoice,
    /// Threads; all there are, if nothing is said.
    pub threads: Option<usize>,
}

/// For which task keys are made.
#[derive(Clone, Debug)]
pub enum TaskShape {
    /// That of a data set, and samples of a batch, at most.
    Of(DataChoice, Option<usize>),
    /// These sizes.
    Given {
        /// Features of a sample.
        features: usize,
        /// Classes.
        classes: usize,
        /// Samples of a batch, at most.
        batch: Option<usize>,
    },
}

/// Of [`keygen`](super::keygen()).
#[derive(Clone, Debug)]
pub struct KeygenConfig {
    /// Parameter set.
    pub params: ParamsChoice,
    /// Whether a set below 128 bits of security will do.
    pub allow_insecure: bool,
    /// The task.
    pub shape: TaskShape,
    /// Who gives levels back; bootstrapping, where the parameter set has the levels for it, if nothing is said.
    pub refresh: Option<RefreshBy>,
    /// What turns logits into probabilities, as in [`TrainConfig`]: the keys depend on it.
    pub activation: Option<ActivationChoice>,
    /// What the training may prune by, if anything: keys and data are then prepared for it.
    pub pruning: Option<Pruning>,
    /// Device.
    pub device: DeviceChoice,
    /// The directory of calibrations, by which refreshes are planned; by estimates, if nothing is said.
    pub calibrations: Option<PathBuf>,
    /// Threads; all there are, if nothing is said.
    pub threads: Option<usize>,
    /// The directory for [`SECRET_KEY_FILE`](super::SECRET_KEY_FILE) and
    /// [`EVALUATION_KEYS_FILE`](super::EVALUATION_KEYS_FILE).
    pub out: PathBuf,
}

/// Of [`encrypt`](super::encrypt()).
#[derive(Clone, Debug)]
pub struct EncryptConfig {
    /// The owner's key.
    pub secret_key: PathBuf,
    /// Data set.
    pub data: DataChoice,
    /// Samples of a batch, at most; as many as the keys allow, if nothing is said.
    pub batch: Option<usize>,
    /// Fixes the split of the data and the order of the samples.
    pub seed: u64,
    /// Device.
    pub device: DeviceChoice,
    /// Threads; all there are, if nothing is said.
    pub threads: Option<usize>,
    /// Where the encrypted training set goes.
    pub out: PathBuf,
    /// Where the normalization goes (JSON); it stays with the owner.
    pub normalization: PathBuf,
}

/// Of [`train`](super::train()).
#[derive(Clone, Debug)]
pub struct TrainJobConfig {
    /// The owner's evaluation keys.
    pub evaluation_keys: PathBuf,
    /// The encrypted training set.
    pub data: PathBuf,
    /// The encrypted model that the training goes on from; zeros, if nothing is said.
    pub start: Option<PathBuf>,
    /// How often each sample is used.
    pub epochs: Option<usize>,
    /// What the mean gradient of a batch is multiplied by.
    pub learning_rate: Option<f64>,
    /// Whether the owner is asked after each epoch whether to go on.
    pub early_stopping: bool,
    /// How the training prunes, if it does: keys and data must be prepared for it.
    pub prune: Option<PruneRounds>,
    /// Whether nobody chose the rule: with keys for no scores it is the random one.
    pub any_rule: bool,
    /// A directory shared with the owner, for keys of a training that the owner refreshes or stops.
    pub exchange: Option<PathBuf>,
    /// How long to wait for an answer of the owner.
    pub wait: Duration,
    /// Device.
    pub device: DeviceChoice,
    /// Threads; all there are, if nothing is said.
    pub threads: Option<usize>,
    /// Where the encrypted model goes.
    pub out: PathBuf,
    /// Where the state after each step is kept; beside the model, if nothing is said.
    pub checkpoint: Option<PathBuf>,
}

/// From where a job goes on.
#[derive(Clone, Debug)]
pub enum ResumeFrom {
    /// The checkpoint of a [`train`](super::train()).
    Checkpoint(PathBuf),
    /// The directory of a [`run`](super::run()).
    Work(PathBuf),
}

/// Of [`resume`](super::resume()). What is not said is as it was.
#[derive(Clone, Debug)]
pub struct ResumeConfig {
    /// From where.
    pub from: ResumeFrom,
    /// The same evaluation keys at another place.
    pub evaluation_keys: Option<PathBuf>,
    /// The same data at another place.
    pub data: Option<PathBuf>,
    /// The directory shared with the owner at another place.
    pub exchange: Option<PathBuf>,
    /// How long to wait for an answer of the owner.
    pub wait: Option<Duration>,
    /// Another place for the model.
    pub out: Option<PathBuf>,
    /// Device.
    pub device: DeviceChoice,
    /// Threads; all there are, if nothing is said.
    pub threads: Option<usize>,
}

/// Of [`refresh`](super::refresh()).
#[derive(Clone, Debug)]
pub struct RefreshConfig {
    /// The owner's key.
    pub secret_key: PathBuf,
    /// The data set, whose validation labels are needed if the server asks whether to go on, and whose classes if it prunes.
    pub data: DataChoice,
    /// Fixes the split of the data and the order of the samples: that of the encryption.
    pub seed: u64,
    /// Epochs without a smaller validation loss after which the training stops.
    pub patience: usize,
    /// A directory shared with the server.
    pub exchange: PathBuf,
    /// How long to wait for the next request.
    pub wait: Duration,
    /// Device.
    pub device: DeviceChoice,
    /// Threads; all there are, if nothing is said.
    pub threads: Option<usize>,
}

/// Of [`decrypt`](super::decrypt()).
#[derive(Clone, Debug)]
pub struct DecryptConfig {
    /// The owner's key.
    pub secret_key: PathBuf,
    /// The encrypted model.
    pub model: PathBuf,
    /// The normalization of the training set.
    pub normalization: PathBuf,
    /// Where the model goes (safetensors), for raw features.
    pub out: PathBuf,
    /// Device.
    pub device: DeviceChoice,
    /// Threads; all there are, if nothing is said.
    pub threads: Option<usize>,
}

/// Of [`evaluate`](super::evaluate()).
#[derive(Clone, Debug)]
pub struct EvaluateConfig {
    /// A decrypted model.
    pub model: PathBuf,
    /// Data set.
    pub data: DataChoice,
    /// Fixes the split of the data: that of the training.
    pub seed: u64,
}

//! The jobs that users start: one process for all ([`run()`]), or owner and server apart.
//!
//! | job | who | reads | writes |
//! |---|---|---|---|
//! | [`keygen()`] | owner | | secret key, evaluation keys for the server |
//! | [`encrypt()`] | owner | secret key, data | encrypted training set for the server, normalization |
//! | [`train()`] | server | evaluation keys, training set | encrypted model for the owner |
//! | [`resume()`] | whose job it was | what it kept | what it would have written |
//! | [`refresh()`] | owner | secret key | answers to the server's requests, while `train` runs |
//! | [`prune_score()`], [`prune_merge()`] | server | keys, training set, then model or mask | scores, merged training set |
//! | [`prune_mask()`] | owner | secret key, scores or training set, data | mask for the server |
//! | [`prune_check()`] | owner | secret key, data, mask, merged training set | |
//! | [`decrypt()`] | owner | secret key, model, normalization | model |
//! | [`evaluate()`] | anybody | model, data | |
//! | [`simulate()`] | owner | data | |
//! | [`prune_sweep()`] | owner | data | |
//! | [`plan()`] | owner | data, what operations take | |
//! | [`activations()`] | anybody | | |
//! | [`calibrate()`] | anybody | | what operations take on this machine |
//!
//! What each side learns is said in [`engine::protocol`]. Keys and encryptions take their randomness from the operating
//! system; the seed that a user may choose fixes splits and the order of samples only.

mod activations;
mod at_hand;
mod calibrate;
mod checkpoint;
mod clear_model;
mod config;
mod decrypt;
mod devices;
mod encrypt;
mod error;
mod evaluate;
mod event;
mod exchange;
mod journal;
mod keyed;
mod keygen;
mod memory;
mod params;
mod phases;
mod plan;
mod profile;
mod prune;
mod random;
mod refresh;
mod report;
mod resume;
mod run;
mod samples;
mod schedule;
mod set_name;
mod simulate;
mod steps;
mod store;
mod task;
mod train;
mod validation;
mod work;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::Serialize;

use crate::file::AtomicFile;

pub use crate::launch::{DeviceChoice, Fault, GpuChoice};
pub use crate::memory::peak_memory_bytes;
pub use activations::activations;
pub use calibrate::{CalibrateConfig, CalibrateReport, calibrate};
pub use config::{
    ActivationsConfig, DataChoice, DecryptConfig, EncryptConfig, EvaluateConfig, KeygenConfig,
    ParamsChoice, RefreshConfig, ResumeConfig, ResumeFrom, RunConfig, SimulateConfig, TaskShape,
    TrainConfig, TrainJobConfig,
};
pub use decrypt::decrypt;
pub use devices::{DevicesReport, describe_devices};
pub use encrypt::encrypt;
pub use engine::circuits::Operation as CircuitOperation;
pub use engine::circuits::activation::ActivationChoice;
pub use engine::protocol::RefreshBy;
pub use engine::prune::{MergeMethod, PruneSchedule, Pruning, Rule, Scope, Score, Selection};
pub use error::JobError;
pub use evaluate::evaluate;
pub use event::{Event, Observer, Stage};
pub use keygen::{EVALUATION_KEYS_FILE, SECRET_KEY_FILE, keygen};
pub use params::describe_params;
pub use plan::{PlanConfig, plan};
pub use profile::{KernelRow, Operation, ProfileConfig, ProfileReport, StepShape, profile};
pub use prune::{
    ChooseBy, DEFAULT_IMPORTANCE_FLOOR, DEFAULT_WINDOW, PruneCheckConfig, PruneConfig,
    PruneMaskConfig, PruneMergeConfig, PruneRounds, PruneScoreConfig, PruneSweepConfig,
    prune_check, prune_mask, prune_merge, prune_score, prune_sweep,
};
pub use refresh::refresh;
pub use report::{
    ActivationReport, ActivationsReport, BootstrapReport, DecryptReport, EarlierReport,
    EncryptReport, EpochReport, EvaluateReport, KeygenReport, LevelReport, MergeLevels,
    OperationCost, OperationCount, ParamsReport, PartPrediction, PassageReport, PhaseReport,
    PlanReport, PredictionReport, PruneCheckReport, PruneMaskReport, PruneMergeReport, PruneReport,
    PruneScoreReport, PruneSummary, PruningPrediction, RefreshCost, RefreshReport, RunReport,
    ScoreRefresh, ScoreSeconds, SimulateReport, StepReport, SweepReport, SweepRow, TrainReport,
    ValidationReport,
};
pub use resume::{ResumedReport, resume};
pub use run::run;
pub use simulate::simulate;
pub use task::{
    DEFAULT_BATCH, DEFAULT_RANGE, DEFAULT_STEPS, MAX_FEATURES, SIGMOID, default_activation,
    default_learning_rate,
};
pub use train::train;
pub use work::finish_work;

/// Writes a text file, which takes its place when it is complete.
///
/// # Errors
/// [`JobError::File`], [`JobError::Io`].
pub fn write_text(path: &Path, text: &str) -> Result<(), JobError> {
    Ok(AtomicFile::create(path, false)?.complete(text.as_bytes())?)
}

/// Writes a JSON file, which takes its place when it is complete. If `secret`, nobody but its owner may read it.
fn write_json(path: &Path, secret: bool, content: &impl Serialize) -> Result<(), JobError> {
    let file = AtomicFile::create(path, secret)?;
    Ok(file.complete(&json(path, content)?)?)
}

/// The JSON of a file.
fn json(path: &Path, content: &impl Serialize) -> Result<Vec<u8>, JobError> {
    serde_json::to_vec(content).map_err(|source| JobError::Json {
        file: path.to_owned(),
        what: "expressible as JSON",
        source,
    })
}

/// A whole small file, refused if it is larger than `limit`.
fn read_limited(path: &Path, limit: u64) -> Result<Vec<u8>, JobError> {
    let file = File::open(path).map_err(JobError::io(path, "be opened"))?;
    let mut bytes = Vec::new();
    file.take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(JobError::io(path, "be read"))?;
    if bytes.len() as u64 > limit {
        return Err(JobError::mismatch(
            path,
            "bytes",
            "more",
            format!("at most {limit}"),
        ));
    }
    Ok(bytes)
}

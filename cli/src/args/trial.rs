//! What runs whole on one machine: a training with its owner and its server, and a simulation.

use std::path::PathBuf;

use super::options::{
    ActivationArgs, CalibrationsArgs, DataArgs, MachineArgs, OutputArgs, ParamsArgs, PruneArgs,
    PruneScore, RefreshByArgs, ReportArgs, SeedArgs, TrainingArgs,
};
use crate::values;

/// Train on encrypted data, all on this machine, and compare with clear training
///
/// Who     Anybody, to try or to measure: owner and server in one process.
/// Reads   A data set: the bundled digits, or --data FILE.
/// Writes  --out   the model;
///         --work  what it takes to go on with `veilgrad resume --work DIR`, until the end.
///                 Without it, nothing is written, and keys live in memory only.
/// Learns  Nobody learns anything: there is no other side.
///
/// With --prune, the rows to train on are chosen anew every few epochs; the closing report
/// has the share kept, the bytes sent each way, and the speed-up over training on all. Apart,
/// the server would learn which rows are kept, in an order that --seed decides.
///
/// The same steps are taken in the clear, from the same seed, and the two models
/// are compared on rows that neither has seen.
///
/// Examples
///   veilgrad run
///   veilgrad run --params insecure-10 --allow-insecure --epochs 1 --lr 1
///   veilgrad run --data heart.csv --epochs 20 --out heart.safetensors
///   veilgrad run --prune 0.9 --epochs 20
///   veilgrad run --json > run.jsonl
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) data: DataArgs,
    #[command(flatten)]
    pub(crate) params: ParamsArgs,
    #[command(flatten)]
    pub(crate) training: TrainingArgs,
    #[command(flatten)]
    pub(crate) activation: ActivationArgs,

    /// Stop after so many epochs without a smaller validation loss, and keep the best epoch's weights
    /// [default: go on to the end]
    #[arg(long, value_name = "EPOCHS", value_parser = values::count, allow_negative_numbers = true)]
    pub(crate) patience: Option<usize>,

    /// With --prune: what rows are chosen by [default: logit-margin]
    #[arg(long, value_name = "SCORE", value_enum, requires = "prune")]
    pub(crate) prune_score: Option<PruneScore>,

    #[command(flatten)]
    pub(crate) prune: PruneArgs,

    #[command(flatten)]
    pub(crate) seed: SeedArgs,

    #[command(flatten)]
    pub(crate) refresh: RefreshByArgs,

    #[command(flatten)]
    pub(crate) calibrations: CalibrationsArgs,

    /// Write the decrypted model to this file (safetensors: weight, bias)
    #[arg(long, value_name = "MODEL.safetensors")]
    pub(crate) out: Option<PathBuf>,

    /// Keep in this directory what it takes to go on after a crash. It then holds the seed of the secret key, readable
    /// by you alone; all is removed at the end
    #[arg(long, value_name = "DIR")]
    pub(crate) work: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) machine: MachineArgs,
    #[command(flatten)]
    pub(crate) report: ReportArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Say what a training will take on this machine, before anything is encrypted
///
/// Who     The data owner, before a training: which keys, how long, how much memory and
///         disk?
/// Reads   A data set: the bundled digits, or --data FILE; the calibration of this machine.
/// Writes  The calibration, if there is none yet (`veilgrad calibrate` says how long that takes).
/// Learns  Nobody learns anything: there is no other side. Nothing is encrypted.
///
/// Takes the options of `veilgrad run`; those that say where its results go have no effect here.
/// The program of the training is run on vectors without values, which counts its operations by
/// level; the calibration says what each takes. With --prune, scores, merging and steps on kept
/// rows stand beside the training on all rows, with the level that merging takes and the refreshes
/// that scores take; which rows are kept, and so how they are merged, is drawn at random here.
/// Refreshes are placed where the sum is the least, and `run` and `keygen` place them
/// there too. Seconds hold for a machine that is otherwise idle.
///
/// Examples
///   veilgrad plan
///   veilgrad plan --data mnist.safetensors --params boot-39 --epochs 7
///   veilgrad plan --activation softmax --json
///   veilgrad plan --prune 0.9 --epochs 20
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

/// Run the training program on clear numbers, with the noise that ciphertexts would have
///
/// Who     The data owner, before a training: does it converge, and does the approximation do?
/// Reads   A data set: the bundled digits, or --data FILE.
/// Writes  Nothing.
/// Learns  Nobody learns anything: there is no other side. Nothing is encrypted.
///
/// The same program runs that `veilgrad train` runs on ciphertexts: same packing, same
/// polynomials, same refreshes. After each epoch its accuracy stands beside that of exact
/// training (64-bit numbers, exact activation) on the same mini-batches.
///
/// Examples
///   veilgrad simulate --activation softmax
///   veilgrad simulate --data mnist.safetensors --params boot-39 --activation softmax --epochs 7
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct SimulateArgs {
    #[command(flatten)]
    pub(crate) data: DataArgs,
    #[command(flatten)]
    pub(crate) params: ParamsArgs,
    #[command(flatten)]
    pub(crate) training: TrainingArgs,
    #[command(flatten)]
    pub(crate) activation: ActivationArgs,
    #[command(flatten)]
    pub(crate) refresh: RefreshByArgs,
    /// With --prune: what rows are chosen by [default: logit-margin]
    #[arg(long, value_name = "SCORE", value_enum, requires = "prune")]
    pub(crate) prune_score: Option<PruneScore>,

    #[command(flatten)]
    pub(crate) prune: PruneArgs,

    #[command(flatten)]
    pub(crate) seed: SeedArgs,

    /// Threads [default: one for each core]; simulation and exact training use one each
    #[arg(long, value_name = "COUNT", value_parser = values::count, allow_negative_numbers = true)]
    pub(crate) threads: Option<usize>,

    #[command(flatten)]
    pub(crate) report: ReportArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

//! A choice of samples as three commands, between which files go from one party to the other, and a look at what came of it.

use std::path::PathBuf;
use std::time::Duration;

use clap::Subcommand;

use super::options::{DataArgs, MachineArgs, OutputArgs, PruneMerge, SeedArgs, SelectionArgs};
use crate::values;

/// Choose the rows to train on, in three commands between server and owner
///
/// In this order, with keys made by `veilgrad keygen --prune-score SCORE`:
///   server  veilgrad prune score  scores of all rows under an encrypted model
///   owner   veilgrad prune mask   which rows to keep, by their scores
///   server  veilgrad prune merge  the kept rows in few ciphertexts
///   owner   veilgrad prune check  whether these are the rows, if the owner wants to see
/// `veilgrad train --data MERGED.vg` then trains on them. `veilgrad train --prune` does all of it
/// by itself, every few epochs; `veilgrad prune simulate` says beforehand what it costs in accuracy.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct PruneCommandArgs {
    #[command(subcommand)]
    pub(crate) command: PruneCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PruneCommand {
    Score(PruneScoreArgs),
    Mask(PruneMaskArgs),
    Merge(PruneMergeArgs),
    Check(PruneCheckArgs),
    Simulate(PruneSweepArgs),
}

/// Score every row of an encrypted training set under an encrypted model
///
/// Who     The server.
/// Reads   The evaluation keys, the encrypted training set, and a model from `veilgrad train`.
/// Writes  --out       scores for the owner: a ciphertext of logits for each mini-batch, or
///                     packed scores;
///         --exchange  a model to refresh, where the keys are for refreshes by the owner.
/// Learns  The server learns nothing. The owner learns from logits how the model sees each of its
///         rows, and from them the weights; from scores one number for each row.
///
/// Example
///   veilgrad prune score --evaluation-keys evaluation.vg --data heart.vg --model model.vg \
///       --exchange exchange --out scores.vg
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct PruneScoreArgs {
    /// The evaluation keys, from `veilgrad keygen --prune-score`
    #[arg(long, value_name = "evaluation.vg")]
    pub(crate) evaluation_keys: PathBuf,

    /// The encrypted training set, from `veilgrad encrypt`
    #[arg(long, value_name = "FILE.vg")]
    pub(crate) data: PathBuf,

    /// The encrypted model, from `veilgrad train`
    #[arg(long, value_name = "MODEL.vg")]
    pub(crate) model: PathBuf,

    /// Directory shared with the owner, for keys made with `--refresh owner`; the owner runs `veilgrad refresh`
    #[arg(long, value_name = "DIR")]
    pub(crate) exchange: Option<PathBuf>,

    /// Give up when the owner says nothing for so long (45s, 10m, 2h)
    #[arg(long, value_name = "TIME", value_parser = values::duration, allow_negative_numbers = true, default_value = "10m")]
    pub(crate) wait: Duration,

    /// File for the scores
    #[arg(long, value_name = "SCORES.vg")]
    pub(crate) out: PathBuf,

    #[command(flatten)]
    pub(crate) machine: MachineArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Choose the rows to keep, by the server's scores or at random
///
/// Who     The data owner.
/// Reads   The secret key, the scores, and the data set: its rows and their order. For
///         --prune-rule random the encrypted training set will do instead of scores.
/// Writes  --out    the mask: a bit for each row, and 4 bytes for each kept one if they count
///                  differently;
///         --table  what it was made of, CSV; stays with the owner.
/// Learns  From the mask the server learns which rows are kept, so which are hard for the model,
///         and from a weight the score of a kept row to within a factor of 1.2; no class
///         and no feature.
///
/// A line of the table is a training row: its mini-batch, its place in it, and where it is in the
/// data set as it was given, all from 0 (a set that is split is counted before the split, the
/// head of a CSV file is not); its class and its score; its weight, empty if it is not kept.
///
/// Examples
///   veilgrad prune mask --secret-key keys/secret.vg --data heart.csv --scores scores.vg \
///       --prune 0.9 --out mask.vg
///   veilgrad prune mask --secret-key keys/secret.vg --data heart.csv --scores scores.vg \
///       --prune 0.9 --prune-rule hardest --class-balance --out mask.vg --table mask.csv
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct PruneMaskArgs {
    /// The owner's secret key, from `veilgrad keygen`
    #[arg(long, value_name = "secret.vg")]
    pub(crate) secret_key: PathBuf,

    /// The scores, from `veilgrad prune score`
    #[arg(
        long,
        value_name = "SCORES.vg",
        required_unless_present = "training_set"
    )]
    pub(crate) scores: Option<PathBuf>,

    /// The encrypted training set, from `veilgrad encrypt`, instead of --scores: for --prune-rule random
    #[arg(long, value_name = "FILE.vg", conflicts_with = "scores")]
    pub(crate) training_set: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) data: DataArgs,
    #[command(flatten)]
    pub(crate) seed: SeedArgs,

    /// Leave out this share of the training rows; 0.9 keeps a tenth
    #[arg(long, value_name = "SHARE", value_parser = values::share, allow_negative_numbers = true)]
    pub(crate) prune: f64,

    #[command(flatten)]
    pub(crate) selection: SelectionArgs,

    /// File for the mask
    #[arg(long, value_name = "MASK.vg")]
    pub(crate) out: PathBuf,

    /// Write a line for each training row to this file, with its score and weight; keep it private
    #[arg(long, value_name = "FILE.csv")]
    pub(crate) table: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) machine: MachineArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Merge the kept rows into few ciphertexts
///
/// Who     The server.
/// Reads   The evaluation keys, the encrypted training set, and the owner's mask.
/// Writes  --out  the merged training set, for `veilgrad train`.
/// Learns  Nothing is sent. What the mask tells is said in `veilgrad prune mask --help`.
///
/// Always from the training set as it was encrypted, never from a merged one: the one level
/// that merging takes is spent once, and nothing is refreshed.
///
/// Example
///   veilgrad prune merge --evaluation-keys evaluation.vg --data heart.vg --mask mask.vg \
///       --out merged.vg
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct PruneMergeArgs {
    /// The evaluation keys, from `veilgrad keygen --prune-score`
    #[arg(long, value_name = "evaluation.vg")]
    pub(crate) evaluation_keys: PathBuf,

    /// The encrypted training set, from `veilgrad encrypt`
    #[arg(long, value_name = "FILE.vg")]
    pub(crate) data: PathBuf,

    /// The mask, from `veilgrad prune mask`
    #[arg(long, value_name = "MASK.vg")]
    pub(crate) mask: PathBuf,

    /// How the ciphertexts of kept rows are brought together
    #[arg(long, value_name = "HOW", value_enum, default_value_t = PruneMerge::Planned)]
    pub(crate) prune_merge: PruneMerge,

    /// File for the merged training set
    #[arg(long, value_name = "MERGED.vg")]
    pub(crate) out: PathBuf,

    #[command(flatten)]
    pub(crate) machine: MachineArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Compare the merged rows with those that the mask keeps
///
/// Who     The data owner, who sees by it that the server merged what the mask says.
/// Reads   The secret key, the data set, the mask, and the merged training set of the server.
/// Writes  --table  a line for each place of the merged training set, CSV; stays with the owner.
/// Learns  Nothing is sent. Errors are the noise of ciphertexts, which says something of the secret
///         key to whoever has these: the table is not for the server.
///
/// Every merged row is decrypted, features and labels. Where each kept row goes is worked out
/// anew from the mask, as the server does; a place that nothing is put in must be zero. The
/// first row that is another one is told, and the exit code is 1.
///
/// Examples
///   veilgrad prune check --secret-key keys/secret.vg --data heart.csv --mask mask.vg \
///       --merged merged.vg
///   veilgrad prune check --secret-key keys/secret.vg --data heart.csv --mask mask.vg \
///       --merged merged.vg --table merged.csv --json
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct PruneCheckArgs {
    /// The owner's secret key, from `veilgrad keygen`
    #[arg(long, value_name = "secret.vg")]
    pub(crate) secret_key: PathBuf,

    #[command(flatten)]
    pub(crate) data: DataArgs,
    #[command(flatten)]
    pub(crate) seed: SeedArgs,

    /// The mask, from `veilgrad prune mask`
    #[arg(long, value_name = "MASK.vg")]
    pub(crate) mask: PathBuf,

    /// The merged training set, from `veilgrad prune merge`
    #[arg(long, value_name = "MERGED.vg")]
    pub(crate) merged: PathBuf,

    /// Write a line for each merged row to this file: the row it is, and its error; keep it private
    #[arg(long, value_name = "FILE.csv")]
    pub(crate) table: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) machine: MachineArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Measure in the clear what pruning costs in accuracy, for shares of the rows and rules
///
/// Who     The data owner, before a training: does pruning pay on these data?
/// Reads   Data sets: the bundled digits, or --data FILE (several times for several sets).
/// Writes  --svg  a plot.
/// Learns  Nobody learns anything: there is no other side. Nothing is encrypted.
///
/// A table in Markdown: test accuracy, mean and standard deviation over --seeds trainings, for each
/// rule, for all rows, and for all rows with as many steps as the pruned training has. The
/// trainings are exact, on the masks and merged mini-batches of the encrypted program;
/// `veilgrad simulate --prune` runs one of them with the noise of ciphertexts.
///
/// Examples
///   veilgrad prune simulate
///   veilgrad prune simulate --data snips.safetensors --data mnist.safetensors --seeds 3 --svg p.svg
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct PruneSweepArgs {
    /// Data set; may be given several times [default: bundled digits]
    #[arg(long, value_name = "FILE")]
    pub(crate) data: Vec<PathBuf>,

    /// Percentages of the rows that are kept
    #[arg(long, value_name = "PERCENT", value_parser = values::percent, value_delimiter = ',', allow_negative_numbers = true, default_value = "1,5,10,20,40,50,60,70,80,90,100")]
    pub(crate) keep: Vec<f64>,

    /// Trainings of each line
    #[arg(long, value_name = "COUNT", value_parser = values::count, allow_negative_numbers = true, default_value = "3")]
    pub(crate) seeds: usize,

    /// Epochs of each training
    #[arg(long, value_name = "COUNT", value_parser = values::count, allow_negative_numbers = true, default_value = "20")]
    pub(crate) epochs: usize,

    /// Rows of a mini-batch at most, a power of two
    #[arg(long, value_name = "ROWS", value_parser = values::power_of_two, allow_negative_numbers = true, default_value = "512")]
    pub(crate) batch: usize,

    /// Learning rate, above 0 [default: that of the softmax]
    #[arg(long, value_name = "RATE", value_parser = values::positive, allow_negative_numbers = true)]
    pub(crate) lr: Option<f64>,

    /// Epochs between two choices of rows
    #[arg(long, value_name = "EPOCHS", value_parser = values::count, allow_negative_numbers = true, default_value = "5")]
    pub(crate) prune_every: usize,

    /// Epochs on all rows before the first choice
    #[arg(long, value_name = "EPOCHS", default_value_t = 0)]
    pub(crate) prune_warmup: usize,

    /// The share of the rows that the window rule passes over
    #[arg(long, value_name = "SHARE", value_parser = values::share, allow_negative_numbers = true, default_value = "0.05")]
    pub(crate) prune_window: f64,

    /// Write a plot of the table to this file
    #[arg(long, value_name = "FILE.svg")]
    pub(crate) svg: Option<PathBuf>,

    /// Threads [default: one for each core]
    #[arg(long, value_name = "COUNT", value_parser = values::count, allow_negative_numbers = true)]
    pub(crate) threads: Option<usize>,

    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

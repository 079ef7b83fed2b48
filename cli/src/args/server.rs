//! What the server runs.

use std::path::PathBuf;
use std::time::Duration;

use super::options::{MachineArgs, OutputArgs, PruneArgs, ReportArgs};
use crate::values;

/// Train on an encrypted training set
///
/// Who     The server.
/// Reads   The evaluation keys and the encrypted training set, both from the owner;
///         --start       the encrypted model of an earlier training, to go on from.
/// Writes  --out         the encrypted model, for the owner;
///         --checkpoint  the encrypted state after each step, until the end;
///         --exchange    questions to the owner: ciphertexts to refresh, with --early-stopping
///                       validation logits after each epoch, and with --prune the scores
///                       of all rows, or their logits.
/// Learns  The server sees ciphertexts, their number, and when an answer comes; with
///         --early-stopping also which epochs were better than all before them, and
///         when to stop; with --prune also which rows are kept, which says that they are
///         hard for the model, and of each kept one about how hard it is, from its weight;
///         which rows of the data set they are, whoever knows its order and the --seed of
///         the encryption. What to keep is chosen here; the owner is told, and obeys.
///         Each question shows the owner the weights so far or how its
///         own rows stand, which the owner could compute.
///
/// While this runs, the owner runs `veilgrad refresh` on the same exchange directory
/// (a shared or synchronized one).
///
/// Whatever ends it before time (a crash, a full disk, an owner who is away), nothing is
/// lost but the step that was under way: `veilgrad resume --checkpoint MODEL.vg.checkpoint`.
///
/// --prune needs keys and data made with `veilgrad keygen --prune-score SCORE`.
///
/// Examples
///   veilgrad train --evaluation-keys evaluation.vg --data heart.vg \
///       --exchange exchange --epochs 20 --out model.vg
///   veilgrad train --evaluation-keys evaluation.vg --data heart.vg \
///       --exchange exchange --epochs 20 --prune 0.9 --out model.vg
///   veilgrad train --evaluation-keys evaluation.vg --data merged.vg --start model.vg \
///       --exchange exchange --epochs 5 --out next.vg
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct TrainArgs {
    /// The evaluation keys, from `veilgrad keygen`
    #[arg(long, value_name = "evaluation.vg")]
    pub(crate) evaluation_keys: PathBuf,

    /// The encrypted training set, from `veilgrad encrypt`
    #[arg(long, value_name = "FILE.vg")]
    pub(crate) data: PathBuf,

    /// The encrypted model to go on from, of an earlier `veilgrad train` with these keys: its steps count as the first ones
    /// [default: zeros]
    #[arg(long, value_name = "MODEL.vg")]
    pub(crate) start: Option<PathBuf>,

    /// How often every training row is used [default: chosen for the data]
    #[arg(long, value_name = "COUNT", value_parser = values::count, allow_negative_numbers = true)]
    pub(crate) epochs: Option<usize>,

    /// Learning rate, above 0 [default: chosen for the data]
    #[arg(long, value_name = "RATE", value_parser = values::positive, allow_negative_numbers = true)]
    pub(crate) lr: Option<f64>,

    /// Ask the owner after each epoch whether to go on, by the logits of the validation rows; the model is
    /// then that of the best epoch
    #[arg(long)]
    pub(crate) early_stopping: bool,

    #[command(flatten)]
    pub(crate) prune: PruneArgs,

    /// Directory shared with the owner, for keys made with `--refresh owner`, for --early-stopping and for --prune
    #[arg(long, value_name = "DIR")]
    pub(crate) exchange: Option<PathBuf>,

    /// Give up when the owner says nothing for so long (45s, 10m, 2h)
    #[arg(long, value_name = "TIME", value_parser = values::duration, allow_negative_numbers = true, default_value = "10m")]
    pub(crate) wait: Duration,

    /// File for the encrypted model
    #[arg(long, value_name = "MODEL.vg")]
    pub(crate) out: PathBuf,

    /// File for the state after each step, from which `veilgrad resume` goes on; removed at the end
    /// [default: the name of the model with .checkpoint behind it]
    #[arg(long, value_name = "FILE")]
    pub(crate) checkpoint: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) machine: MachineArgs,
    #[command(flatten)]
    pub(crate) report: ReportArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

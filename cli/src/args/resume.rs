//! What goes on with a job that was ended before it was done.

use std::path::PathBuf;
use std::time::Duration;

use super::options::{MachineArgs, OutputArgs, ReportArgs};
use crate::values;

/// Go on with a training or a run that was ended before it was done
///
/// Who     Whoever ran `veilgrad train` (the server), or `veilgrad run --work DIR`.
/// Reads   --checkpoint  the state after the last finished step, and the files that the
///                       training was begun with: evaluation keys and training set;
///         --work        the directory of a run, and its data set.
/// Writes  What the job would have written, and its checkpoint until then.
/// Learns  What it would have learned: no more is sent.
///
/// Steps that were finished are not done again. A training that bootstraps ends with the
/// same model, byte for byte, as if it had not been ended; so does a run. Where the owner
/// refreshes a training, its answers are encryptions with fresh randomness, and the
/// model is the same but for their noise.
///
/// Where files have moved since, say where they are; they must be the same.
/// An owner whose `veilgrad refresh` has ended meanwhile starts it again.
///
/// Examples
///   veilgrad resume --checkpoint model.vg.checkpoint
///   veilgrad resume --checkpoint model.vg.checkpoint --data /mnt/new/heart.vg
///   veilgrad resume --work run-1
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
#[command(group = clap::ArgGroup::new("from").required(true).args(["checkpoint", "work"]))]
pub(crate) struct ResumeArgs {
    /// The checkpoint of a `veilgrad train`
    #[arg(long, value_name = "FILE")]
    pub(crate) checkpoint: Option<PathBuf>,

    /// The directory of a `veilgrad run --work`
    #[arg(long, value_name = "DIR")]
    pub(crate) work: Option<PathBuf>,

    /// The same evaluation keys at another place
    #[arg(long, value_name = "evaluation.vg", conflicts_with = "work")]
    pub(crate) evaluation_keys: Option<PathBuf>,

    /// The same training set (of a run: data set) at another place
    #[arg(long, value_name = "FILE")]
    pub(crate) data: Option<PathBuf>,

    /// The directory shared with the owner at another place
    #[arg(long, value_name = "DIR", conflicts_with = "work")]
    pub(crate) exchange: Option<PathBuf>,

    /// Give up when the owner says nothing for so long (45s, 10m, 2h) [default: as before]
    #[arg(long, value_name = "TIME", value_parser = values::duration, allow_negative_numbers = true, conflicts_with = "work")]
    pub(crate) wait: Option<Duration>,

    /// Another file for the model
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) machine: MachineArgs,
    #[command(flatten)]
    pub(crate) report: ReportArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

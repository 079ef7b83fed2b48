//! What tells about parameter sets, activations and machines.

use std::path::PathBuf;

use host::job::Operation;

use super::options::{
    ActivationArgs, CalibrationsArgs, MachineArgs, OutputArgs, ParamsArgs, RefreshByArgs,
};
use crate::values;

/// List the parameter sets, or the levels of one
///
/// Who     Anybody. Owner and server use the same set; keys and ciphertexts name theirs.
/// Reads   Nothing, or --params-file FILE.
/// Writes  Nothing.
/// Learns  Parameter sets are public.
///
/// The table: ring degree N, primes (ordinary + special), levels for use, scale,
/// log2(QP) against the largest one with 128 bits of classical security, the size of
/// one evaluation key and of one fresh ciphertext.
///
/// Examples
///   veilgrad params
///   veilgrad params --set leveled-15
///   veilgrad params --json
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct ParamsTableArgs {
    /// One named set, with its levels
    #[arg(long, value_name = "NAME")]
    pub(crate) set: Option<String>,

    /// A set of your own, checked, with its levels
    #[arg(long, value_name = "FILE.json", conflicts_with = "set")]
    pub(crate) params_file: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Measure the activations: errors, levels, refreshes
///
/// Who     Anybody, to choose one.
/// Reads   Nothing.
/// Writes  Nothing.
/// Learns  There is no other side.
///
/// A table in Markdown. Each line is one activation on random logits, uniform in
/// [-range, range]: errors of its polynomials in the clear (largest and mean over the
/// samples; a sample's is that of its worst class), the largest error with the noise of
/// the parameter set, and with --encrypted that of one ciphertext and its seconds.
///
/// Examples
///   veilgrad activations
///   veilgrad activations --params boot-39 --encrypted
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct ActivationsTableArgs {
    #[command(flatten)]
    pub(crate) params: ParamsArgs,

    /// Samples in the clear, for each line
    #[arg(long, value_name = "COUNT", value_parser = values::count, allow_negative_numbers = true, default_value = "100000")]
    pub(crate) samples: usize,

    /// Also run each on a ciphertext, refreshed by its owner
    #[arg(long)]
    pub(crate) encrypted: bool,

    #[command(flatten)]
    pub(crate) machine: MachineArgs,

    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Show where the time of an operation goes, kernel by kernel
///
/// Who     Anybody who wants to know how fast a machine is, and what bounds it.
/// Reads   Nothing: it works on values and keys of its own, the same in every call.
/// Writes  --trace  a trace that Perfetto (ui.perfetto.dev) and Chrome open.
/// Learns  Nothing is sent.
///
/// First the device's ceilings are measured: how many bytes a copy moves and how many
/// modular products it makes in a second. Then the operation is run --repetitions
/// times, and once more with each kernel timed by itself. A kernel near the copy
/// ceiling is bound by memory, one near the multiply ceiling by arithmetic.
/// On the CPU a kernel is an operation of the backend; some are fused from several.
/// Products are those of the textbook (N/2 log N for a transform), the same on every
/// device; what a kernel multiplies besides is not counted. The multiply ceiling is of
/// products that are reduced one by one: transforms, and kernels that add products up
/// first, take less for each, so that their share may exceed 100 %.
/// Result is a hash of every word that the operation gives: a CPU and a GPU, or two
/// GPUs, that compute the same print the same.
///
/// Examples
///   veilgrad profile key-switch --params boot-39 --device gpu
///   veilgrad profile step --params boot-39 --features 384 --classes 7 --trace step.json
///   veilgrad profile ntt --params leveled-14 --batch 4 --json
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct ProfileArgs {
    /// ntt, key-switch, multiply (relinearized and rescaled), rotate, bootstrap or step
    #[arg(value_name = "OPERATION", value_parser = values::operation)]
    pub(crate) operation: Operation,

    /// Named parameter set; `veilgrad params` lists them
    #[arg(long, value_name = "NAME", default_value = "leveled-15")]
    pub(crate) params: String,

    /// Parameter set from a file, instead of --params
    #[arg(long, value_name = "FILE.json", conflicts_with = "params")]
    pub(crate) params_file: Option<PathBuf>,

    /// Level of the operands, not for step [default: the highest for the operation]
    #[arg(long, value_name = "LEVEL", value_parser = values::whole::<usize>, allow_negative_numbers = true)]
    pub(crate) level: Option<usize>,

    /// Ciphertexts (polynomials for ntt and key-switch) at once, up to 1024; 1 for step
    #[arg(long, value_name = "COUNT", value_parser = values::count, allow_negative_numbers = true, default_value = "1")]
    pub(crate) batch: usize,

    /// Features of the step
    #[arg(long, value_name = "COUNT", value_parser = values::count, allow_negative_numbers = true, default_value = "64")]
    pub(crate) features: usize,

    /// Classes of the step
    #[arg(long, value_name = "COUNT", value_parser = values::classes, allow_negative_numbers = true, default_value = "10")]
    pub(crate) classes: usize,

    #[command(flatten)]
    pub(crate) activation: ActivationArgs,
    #[command(flatten)]
    pub(crate) refresh: RefreshByArgs,

    /// How often the whole is measured; the median is told
    #[arg(long, value_name = "COUNT", value_parser = values::count, allow_negative_numbers = true, default_value = "5")]
    pub(crate) repetitions: usize,

    /// Write a trace to this file
    #[arg(long, value_name = "FILE.json")]
    pub(crate) trace: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) machine: MachineArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// List the devices of this machine, and say which is used
///
/// Who     Anybody.
/// Reads   Nothing.
/// Writes  Nothing.
/// Learns  Nothing is sent.
///
/// For each GPU: features and limits that matter here, whether --device auto would
/// take it, and why not. Before a job, a GPU must also pass a self-test on the
/// parameter set of the job, and have the memory for it.
///
/// Example
///   veilgrad devices
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct DevicesArgs {
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Measure what operations take on this machine, for plans and predictions
///
/// Who     Anybody; an owner before `keygen`, to get the keys of the fastest plan.
/// Reads   Nothing: it works on values and keys of its own, the same in every call.
/// Writes  A file in the directory of calibrations, one for each parameter set, device,
///         number of threads and way of refreshing.
/// Learns  Nothing is sent.
///
/// Takes seconds for `leveled-15`, and up to two minutes (and 6 GiB) for `boot-39` on
/// two cores: each operation is measured at a few levels, and a bootstrap as a whole.
/// `veilgrad plan` calibrates by itself. What is known is not measured again, unless
/// the program has another version, the file is damaged, or --again is said.
///
/// Examples
///   veilgrad calibrate
///   veilgrad calibrate --params boot-39 --threads 2
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct CalibrateArgs {
    /// Named parameter set; `veilgrad params` lists them
    #[arg(long, value_name = "NAME", default_value = "leveled-15")]
    pub(crate) params: String,

    /// Parameter set from a file, instead of --params
    #[arg(long, value_name = "FILE.json", conflicts_with = "params")]
    pub(crate) params_file: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) refresh: RefreshByArgs,

    /// Measure again what is known
    #[arg(long)]
    pub(crate) again: bool,

    #[command(flatten)]
    pub(crate) calibrations: CalibrationsArgs,
    #[command(flatten)]
    pub(crate) machine: MachineArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

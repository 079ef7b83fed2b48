//! Options that several commands share.

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use host::job::DeviceChoice;

use crate::values;

#[derive(Debug, clap::Args)]
pub(crate) struct DataArgs {
    /// Data set: .csv (class in column `label`, or else in the last one), .safetensors or .npz (x_train,
    /// y_train; x_val, y_val, x_test, y_test if present), .npy (x_train.npy with the others beside it, or a
    /// matrix whose last column is the class), MNIST idx (train-images-idx3-ubyte or .gz, with the others
    /// beside it) [default: bundled digits]
    #[arg(long, value_name = "FILE")]
    pub(crate) data: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ParamsArgs {
    /// Named parameter set; `veilgrad params` lists them
    #[arg(long, value_name = "NAME", default_value = "leveled-15")]
    pub(crate) params: String,

    /// Parameter set from a file, instead of --params
    #[arg(long, value_name = "FILE.json", conflicts_with = "params")]
    pub(crate) params_file: Option<PathBuf>,

    /// Accept a parameter set with less than 128 bits of security. For tests only
    #[arg(long)]
    pub(crate) allow_insecure: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct TrainingArgs {
    /// How often every training row is used [default: chosen for the data]
    #[arg(long, value_name = "COUNT", value_parser = values::count, allow_negative_numbers = true)]
    pub(crate) epochs: Option<usize>,

    /// Rows of a mini-batch at most, a power of two [default: chosen for data and parameters]
    #[arg(long, value_name = "ROWS", value_parser = values::power_of_two, allow_negative_numbers = true)]
    pub(crate) batch: Option<usize>,

    /// Learning rate, above 0 [default: chosen for the data]
    #[arg(long, value_name = "RATE", value_parser = values::positive, allow_negative_numbers = true)]
    pub(crate) lr: Option<f64>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ActivationArgs {
    /// What turns logits into probabilities [default: softmax where the server bootstraps, sigmoid where the owner refreshes]
    #[arg(long, value_name = "NAME", value_enum)]
    pub(crate) activation: Option<Activation>,

    /// Largest logit that the softmax is made for, up to 128 [default: 32]. More takes more levels
    #[arg(long, value_name = "LOGIT", value_parser = values::range, allow_negative_numbers = true)]
    pub(crate) range: Option<f64>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct SeedArgs {
    /// Seed of the split and the order of rows: same seed, same rows. Keys do not depend on it
    ///
    /// Where a training prunes, the server is told which rows to keep, in this order: whoever knows the seed and the order of
    /// the data set knows which of its rows those are. A large number that nobody else knows prevents that.
    #[arg(
        long,
        value_name = "NUMBER",
        value_parser = values::whole::<u64>,
        default_value_t = 1,
        allow_negative_numbers = true
    )]
    pub(crate) seed: u64,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ExchangeArgs {
    /// Directory that owner and server share for refreshes
    #[arg(long, value_name = "DIR")]
    pub(crate) exchange: PathBuf,

    /// Give up when the other side says nothing for so long (45s, 10m, 2h)
    #[arg(long, value_name = "TIME", value_parser = values::duration, allow_negative_numbers = true, default_value = "10m")]
    pub(crate) wait: Duration,
}

#[derive(Debug, clap::Args)]
pub(crate) struct MachineArgs {
    /// Where to compute. The result is the same, bit for bit
    ///
    /// auto: a GPU that passes its self-test and has the memory, otherwise the CPU. cpu: the CPU, with the widest vector
    /// instructions it has. gpu, gpu:N: a GPU by its number (`veilgrad devices` lists them). Where a GPU fails, the CPU goes on.
    #[arg(long, value_name = "auto|cpu|gpu|gpu:N", value_parser = values::device, default_value = "auto")]
    pub(crate) device: DeviceChoice,

    /// Threads of the CPU [default: one for each core]
    #[arg(long, value_name = "COUNT", value_parser = values::count, allow_negative_numbers = true)]
    pub(crate) threads: Option<usize>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ReportArgs {
    /// Write a report to this file: curves, times, levels, and what each side learned. One HTML file that asks for
    /// nothing from elsewhere
    #[arg(long, value_name = "FILE.html")]
    pub(crate) report: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct OutputArgs {
    /// Print JSON lines, for programs: the last one has "event": "done" or "error"
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Activation {
    /// Each class against all others, for logits up to 32
    Sigmoid,
    /// Softmax by normalizing and squaring
    Softmax,
    /// Softmax by comparisons, as in HETAL: for logits up to 128 and up to 16 classes
    SoftmaxMax,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RefreshByArgs {
    /// Who makes room for further products when the ciphertexts run out of levels [default: bootstrap, if the parameter
    /// set has the levels for it]
    #[arg(long = "refresh", value_name = "WHO", value_enum)]
    pub(crate) by: Option<RefreshBy>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum RefreshBy {
    /// The data owner decrypts and encrypts anew
    Owner,
    /// The server, on its own, without opening anything
    Bootstrap,
    /// The same with a third of the keys: less memory, more time
    BootstrapLean,
}

#[derive(Debug, clap::Args)]
pub(crate) struct PruneArgs {
    /// Train on few rows: leave out this share of the training rows, and choose anew which every few epochs; 0.9 keeps a
    /// tenth [default: train on all]
    #[arg(long, value_name = "SHARE", value_parser = values::share, allow_negative_numbers = true)]
    pub(crate) prune: Option<f64>,

    /// Epochs between two choices of rows [default: 5; half of --epochs, if that is less and there is no warm-up]
    #[arg(long, value_name = "EPOCHS", value_parser = values::count, allow_negative_numbers = true, requires = "prune")]
    pub(crate) prune_every: Option<usize>,

    /// Epochs on all rows before the first choice, fewer than there are; without any, the first choice is a random one
    /// whatever the rule, and classes are not balanced in it: there are no scores yet, and the owner is not asked
    #[arg(long, value_name = "EPOCHS", value_parser = values::whole::<usize>, allow_negative_numbers = true, default_value_t = 0, requires = "prune")]
    pub(crate) prune_warmup: usize,

    /// How the ciphertexts of kept rows are brought together
    #[arg(long, value_name = "HOW", value_enum, default_value_t = PruneMerge::Planned, requires = "prune")]
    pub(crate) prune_merge: PruneMerge,

    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct SelectionArgs {
    /// How rows are chosen by their scores [default: importance; with --prune-score random: random]
    #[arg(long, value_name = "RULE", value_enum, requires = "prune")]
    pub(crate) prune_rule: Option<PruneRule>,

    /// With --prune-rule window: the share of the rows, the hardest ones, that is passed over [default: 0.05]
    #[arg(long, value_name = "SHARE", value_parser = values::share, allow_negative_numbers = true, requires = "prune_rule")]
    pub(crate) prune_window: Option<f64>,

    /// Let each class keep its share of the rows, in choices of the owner, who alone knows the classes
    #[arg(long, requires = "prune")]
    pub(crate) class_balance: bool,

    /// Choose among all rows at once, instead of as many from each row of the ciphertexts; merging then needs rotations
    #[arg(long, requires = "prune")]
    pub(crate) global_mask: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum PruneScore {
    /// The owner gets logits, at the lowest levels, and works out the rest: the cheapest for the server
    LogitMargin,
    /// 2(1 - p) for the probability p of the right class, on ciphertexts: the owner gets one number for each row
    Hefs,
    /// The sum of |p - y| with an approximate absolute value, as HEPrune published it: for comparison
    HefsAbs,
    /// None: rows are drawn at random, and nothing is sent
    Random,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum PruneRule {
    /// Harder rows more likely, and each counts as many times as makes up for that
    Importance,
    /// The hardest rows, as HEPrune does
    Hardest,
    /// The hardest rows but for the very hardest
    Window,
    /// Any rows
    Random,
    /// Half of them the hardest, half any
    Mixed,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum PruneMerge {
    /// Rows that move by the same distance move together
    Planned,
    /// Row by row, as HEPrune published it: for comparison
    Naive,
}

#[derive(Debug, clap::Args)]
pub(crate) struct CalibrationsArgs {
    /// Directory of calibrations: what operations take on this machine, as `veilgrad calibrate` measured it
    /// [default: veilgrad in $XDG_CACHE_HOME, or ~/.cache/veilgrad]
    #[arg(long, value_name = "DIR")]
    pub(crate) calibrations: Option<PathBuf>,
}

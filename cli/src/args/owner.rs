//! What the data owner runs.

use std::path::PathBuf;

use super::options::{
    ActivationArgs, CalibrationsArgs, DataArgs, ExchangeArgs, MachineArgs, OutputArgs, ParamsArgs,
    PruneScore, RefreshByArgs, SeedArgs,
};
use crate::values;

/// Make the owner's secret key and the evaluation keys for the server
///
/// Who     The data owner, once for a task.
/// Reads   The data set's shape only (features, classes): from --data FILE, from the
///         bundled digits, or as given by --features and --classes; the calibration of
///         this machine, if there is one (`veilgrad calibrate`): the keys are for the
///         refreshes that are the fastest by it, on whatever machine the server runs.
/// Writes  DIR/secret.vg      stays with the owner, readable by its user only;
///         DIR/evaluation.vg  goes to the server.
/// Learns  From evaluation.vg the server learns the parameter set, the numbers of
///         features and classes and the batch size. It cannot decrypt with it.
///
/// Example
///   veilgrad keygen --data heart.csv --out keys
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct KeygenArgs {
    #[command(flatten)]
    pub(crate) data: DataArgs,

    /// Number of features, instead of --data
    #[arg(long, value_name = "COUNT", value_parser = values::count, allow_negative_numbers = true, requires = "classes", conflicts_with = "data")]
    pub(crate) features: Option<usize>,

    /// Number of classes, instead of --data
    #[arg(long, value_name = "COUNT", value_parser = values::classes, allow_negative_numbers = true, requires = "features", conflicts_with = "data")]
    pub(crate) classes: Option<usize>,

    /// Rows of a mini-batch at most, a power of two [default: chosen for data and parameters]
    #[arg(long, value_name = "ROWS", value_parser = values::power_of_two, allow_negative_numbers = true)]
    pub(crate) batch: Option<usize>,

    #[command(flatten)]
    pub(crate) activation: ActivationArgs,

    #[command(flatten)]
    pub(crate) refresh: RefreshByArgs,

    /// Prepare keys and data for a training that prunes, choosing rows by this score: data are encrypted a level
    /// higher, and there are keys for scores and for merging
    #[arg(long, value_name = "SCORE", value_enum)]
    pub(crate) prune_score: Option<PruneScore>,

    /// With --prune-score: also keys for moves between rows, for masks over all rows
    #[arg(long, requires = "prune_score")]
    pub(crate) global_mask: bool,

    #[command(flatten)]
    pub(crate) params: ParamsArgs,

    #[command(flatten)]
    pub(crate) calibrations: CalibrationsArgs,

    /// Directory for both key files; made if it is not there
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,

    #[command(flatten)]
    pub(crate) machine: MachineArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Encrypt a training set for the server
///
/// Who     The data owner.
/// Reads   The secret key and the data set.
/// Writes  --out            the encrypted training rows, for the server;
///         --normalization  how features were shifted and scaled, JSON; stays with
///                          the owner, who needs it to open the model.
/// Learns  The server learns the numbers of features and classes, of mini-batches and of
///         rows in each; not a value and not a label. Nor the order of the rows, which
///         --seed decides, unless it knows or guesses the seed: where a training prunes,
///         that order says which row of the data set is kept.
///
/// Example
///   veilgrad encrypt --secret-key keys/secret.vg --data heart.csv \
///       --out heart.vg --normalization heart.normalization.json
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct EncryptArgs {
    /// The owner's secret key, from `veilgrad keygen`
    #[arg(long, value_name = "secret.vg")]
    pub(crate) secret_key: PathBuf,

    #[command(flatten)]
    pub(crate) data: DataArgs,

    /// Rows of a mini-batch at most, a power of two [default: as many as the keys allow]
    #[arg(long, value_name = "ROWS", value_parser = values::power_of_two, allow_negative_numbers = true)]
    pub(crate) batch: Option<usize>,

    #[command(flatten)]
    pub(crate) seed: SeedArgs,

    /// File for the encrypted training set
    #[arg(long, value_name = "FILE.vg")]
    pub(crate) out: PathBuf,

    /// File for the normalization of the features; keep it, and keep it private
    #[arg(long, value_name = "FILE.json")]
    pub(crate) normalization: PathBuf,

    #[command(flatten)]
    pub(crate) machine: MachineArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Answer the server's questions while it trains
///
/// Who     The data owner, while the server runs `veilgrad train`.
/// Reads   The secret key, the server's ciphertexts in the exchange directory, and the data
///         set: its validation labels where the server stops early, its classes where the
///         server prunes. For both, --data and --seed must be those of the encryption.
/// Writes  The same values, freshly encrypted, to the exchange directory; after an epoch
///         whether it was the best, and whether to stop; where the server prunes, which
///         rows to keep and how much each counts. Until the training is over also
///         secret.vg.losses, what this needs to know if it is ended and started again.
/// Learns  The owner learns the weights after each step, and where the server prunes the
///         logits or the scores of its own rows. The server learns
///         - from an answer that no value left the range in which training goes on, and
///           from a refusal that one did;
///         - where it stops early, what is decided after an epoch;
///         - where it prunes, which rows are kept, so which are hard for the model, and
///           from a weight about how hard a kept row is beside others. What it asks to be
///           kept (share, rule, quotas, classes) is told here and obeyed.
///
/// Ends when the server says that training is done.
///
/// Example
///   veilgrad refresh --secret-key keys/secret.vg --data heart.csv --exchange exchange --wait 2h
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct RefreshArgs {
    /// The owner's secret key, from `veilgrad keygen`
    #[arg(long, value_name = "secret.vg")]
    pub(crate) secret_key: PathBuf,

    #[command(flatten)]
    pub(crate) data: DataArgs,
    #[command(flatten)]
    pub(crate) seed: SeedArgs,

    /// Where the server asks: stop after so many epochs without a smaller validation loss
    #[arg(long, value_name = "EPOCHS", value_parser = values::count, allow_negative_numbers = true, default_value = "3")]
    pub(crate) patience: usize,

    #[command(flatten)]
    pub(crate) exchange: ExchangeArgs,
    #[command(flatten)]
    pub(crate) machine: MachineArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Open the encrypted model
///
/// Who     The data owner.
/// Reads   The secret key, the server's model, and the normalization that `veilgrad
///         encrypt` wrote.
/// Writes  The model for raw features, safetensors: weight (classes x features) and
///         bias (classes), 32-bit floats. It is no longer protected.
/// Learns  Nothing is sent. Whoever gets the model learns it; do not give it to the
///         server: decryptions of ciphertexts that it holds help it against the key.
///
/// Example
///   veilgrad decrypt --secret-key keys/secret.vg --model model.vg \
///       --normalization heart.normalization.json --out heart.safetensors
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct DecryptArgs {
    /// The owner's secret key, from `veilgrad keygen`
    #[arg(long, value_name = "secret.vg")]
    pub(crate) secret_key: PathBuf,

    /// The encrypted model, from `veilgrad train`
    #[arg(long, value_name = "MODEL.vg")]
    pub(crate) model: PathBuf,

    /// The normalization, from `veilgrad encrypt`
    #[arg(long, value_name = "FILE.json")]
    pub(crate) normalization: PathBuf,

    /// File for the decrypted model
    #[arg(long, value_name = "MODEL.safetensors")]
    pub(crate) out: PathBuf,

    #[command(flatten)]
    pub(crate) machine: MachineArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Measure a decrypted model on a data set
///
/// Who     The data owner, or whoever was given the model. Nothing is encrypted here.
/// Reads   A model from `veilgrad run --out` or `veilgrad decrypt`, and a data set.
/// Writes  Nothing.
/// Learns  There is no other side.
///
/// With the seed of the training, its rows fall into training, validation and test
/// sets as they did then.
///
/// Example
///   veilgrad evaluate --model heart.safetensors --data heart.csv
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct EvaluateArgs {
    /// The model, safetensors with weight (classes x features) and bias (classes)
    #[arg(long, value_name = "MODEL.safetensors")]
    pub(crate) model: PathBuf,

    #[command(flatten)]
    pub(crate) data: DataArgs,
    #[command(flatten)]
    pub(crate) seed: SeedArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

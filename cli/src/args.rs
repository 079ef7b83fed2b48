//! Exactly what the user may type. The doc comments are the help texts.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use host::job::{DeviceChoice, Operation};

use crate::values;

/// Train classifiers on data that stays encrypted
///
/// A data owner encrypts feature vectors and labels (CKKS homomorphic encryption).
/// A server trains on the ciphertexts and returns an encrypted model that only the
/// owner can open. The server is trusted to do its work, not with the data: it
/// holds ciphertexts and evaluation keys, never the secret key.
///
/// To see all of it on one machine, on bundled digits:
///   veilgrad run
///
/// To see whether a training would succeed, in a fraction of the time:
///   veilgrad simulate
///
/// Between an owner and a server, in this order:
///   owner   veilgrad keygen    secret key, and evaluation keys for the server
///   owner   veilgrad encrypt   the training set for the server
///   server  veilgrad train     the encrypted model; meanwhile
///   owner   veilgrad refresh   answers the server until training is done
///   owner   veilgrad decrypt   the model
///   owner   veilgrad evaluate  its accuracy
///
/// Exit codes: 0 done, 1 the job failed, 2 wrong usage.
#[derive(Debug, Parser)]
#[command(name = "veilgrad", version, verbatim_doc_comment, max_term_width = 100)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Run(RunArgs),
    Simulate(SimulateArgs),
    Keygen(KeygenArgs),
    Encrypt(EncryptArgs),
    Train(TrainArgs),
    Refresh(RefreshArgs),
    Decrypt(DecryptArgs),
    Evaluate(EvaluateArgs),
    Params(ParamsTableArgs),
    Activations(ActivationsTableArgs),
    Devices(DevicesArgs),
    Profile(ProfileArgs),
}

/// Train on encrypted data, all on this machine, and compare with clear training
///
/// Who     Anybody, to try or to measure: owner and server in one process.
/// Reads   A data set: the bundled digits, or --data FILE.
/// Writes  The model, with --out; nothing else. Keys live in memory only.
/// Learns  Nobody learns anything: there is no other side.
///
/// The same steps are taken in the clear, from the same seed, and the two models
/// are compared on rows that neither has seen.
///
/// Examples
///   veilgrad run
///   veilgrad run --params insecure-10 --allow-insecure --epochs 1 --lr 1
///   veilgrad run --data heart.csv --epochs 20 --out heart.safetensors
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

    #[command(flatten)]
    pub(crate) seed: SeedArgs,

    #[command(flatten)]
    pub(crate) refresh: RefreshByArgs,

    /// Write the decrypted model to this file (safetensors: weight, bias)
    #[arg(long, value_name = "MODEL.safetensors")]
    pub(crate) out: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) machine: MachineArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
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
    #[command(flatten)]
    pub(crate) seed: SeedArgs,

    /// Threads [default: one for each core]; simulation and exact training use one each
    #[arg(long, value_name = "COUNT", value_parser = values::count, allow_negative_numbers = true)]
    pub(crate) threads: Option<usize>,

    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Make the owner's secret key and the evaluation keys for the server
///
/// Who     The data owner, once for a task.
/// Reads   The data set's shape only (features, classes): from --data FILE, from the
///         bundled digits, or as given by --features and --classes.
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

    #[command(flatten)]
    pub(crate) params: ParamsArgs,

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
///         rows in each; not a value and not a label.
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

    /// File for the normalisation of the features; keep it, and keep it private
    #[arg(long, value_name = "FILE.json")]
    pub(crate) normalization: PathBuf,

    #[command(flatten)]
    pub(crate) machine: MachineArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Train on an encrypted training set
///
/// Who     The server.
/// Reads   The evaluation keys and the encrypted training set, both from the owner.
/// Writes  --out       the encrypted model, for the owner;
///         --exchange  questions to the owner: ciphertexts to refresh, and with
///                     --early-stopping validation logits after each epoch.
/// Learns  The server sees ciphertexts, their number, and when an answer comes; with
///         --early-stopping also which epochs were better than all before them, and
///         when to stop. Each question shows the owner the weights so far or how its
///         own rows stand, which the owner could compute.
///
/// While this runs, the owner runs `veilgrad refresh` on the same exchange directory
/// (a shared or synchronised one).
///
/// Example
///   veilgrad train --evaluation-keys evaluation.vg --data heart.vg \
///       --exchange exchange --epochs 20 --out model.vg
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct TrainArgs {
    /// The evaluation keys, from `veilgrad keygen`
    #[arg(long, value_name = "evaluation.vg")]
    pub(crate) evaluation_keys: PathBuf,

    /// The encrypted training set, from `veilgrad encrypt`
    #[arg(long, value_name = "FILE.vg")]
    pub(crate) data: PathBuf,

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

    /// Directory shared with the owner, for keys made with `--refresh owner` and for --early-stopping
    #[arg(long, value_name = "DIR")]
    pub(crate) exchange: Option<PathBuf>,

    /// Give up when the owner says nothing for so long (45s, 10m, 2h)
    #[arg(long, value_name = "TIME", value_parser = values::duration, allow_negative_numbers = true, default_value = "10m")]
    pub(crate) wait: Duration,

    /// File for the encrypted model
    #[arg(long, value_name = "MODEL.vg")]
    pub(crate) out: PathBuf,

    #[command(flatten)]
    pub(crate) machine: MachineArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Answer the server's questions while it trains
///
/// Who     The data owner, while the server runs `veilgrad train`.
/// Reads   The secret key, the server's ciphertexts in the exchange directory, and where
///         the server stops early, the data set: its validation labels.
/// Writes  The same values, freshly encrypted, to the exchange directory; after an epoch
///         whether it was the best, and whether to stop.
/// Learns  The owner learns the weights after each step. From an answer the server
///         learns that no value left the range in which training goes on, and from
///         a refusal that one did; and what is decided after an epoch. Nothing else.
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
/// Reads   The secret key, the server's model, and the normalisation that `veilgrad
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

    /// The normalisation, from `veilgrad encrypt`
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
/// Reads   Nothing: it works on random values with keys of its own.
/// Writes  --trace  a trace that Perfetto (ui.perfetto.dev) and Chrome open.
/// Learns  Nothing is sent.
///
/// First the device's ceilings are measured: how many bytes a copy moves and how many
/// modular products it makes in a second. Then the operation is run --repetitions
/// times, and once more with each kernel timed by itself. A kernel near the copy
/// ceiling is bound by memory, one near the multiply ceiling by arithmetic.
/// On the CPU a kernel is an operation of the backend; some are fused from several.
///
/// Examples
///   veilgrad profile key-switch --params boot-39 --device gpu
///   veilgrad profile step --trace step.json
///   veilgrad profile ntt --params leveled-14 --batch 4 --json
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct ProfileArgs {
    /// ntt, key-switch, multiply (relinearised and rescaled), rotate, bootstrap or step
    #[arg(value_name = "OPERATION", value_parser = values::operation)]
    pub(crate) operation: Operation,

    /// Named parameter set; `veilgrad params` lists them
    #[arg(long, value_name = "NAME", default_value = "leveled-15")]
    pub(crate) params: String,

    /// Parameter set from a file, instead of --params
    #[arg(long, value_name = "FILE.json", conflicts_with = "params")]
    pub(crate) params_file: Option<PathBuf>,

    /// Level of the operands [default: the highest for the operation]
    #[arg(long, value_name = "LEVEL", allow_negative_numbers = true)]
    pub(crate) level: Option<usize>,

    /// Ciphertexts (polynomials for ntt and key-switch) at once
    #[arg(long, value_name = "COUNT", value_parser = values::count, allow_negative_numbers = true, default_value = "1")]
    pub(crate) batch: usize,

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
    /// What turns logits into probabilities
    #[arg(long, value_name = "NAME", value_enum, default_value_t = Activation::Sigmoid)]
    pub(crate) activation: Activation,

    /// Largest logit that the softmax is made for, up to 128 [default: 32]. More takes more levels
    #[arg(long, value_name = "LOGIT", value_parser = values::positive, allow_negative_numbers = true)]
    pub(crate) range: Option<f64>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct SeedArgs {
    /// Seed of the split and the order of rows: same seed, same rows. Keys do not depend on it
    #[arg(
        long,
        value_name = "NUMBER",
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
pub(crate) struct OutputArgs {
    /// Print JSON lines, for programs: the last one has "event": "done" or "error"
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Activation {
    /// Each class against all others, for logits up to 32
    Sigmoid,
    /// Softmax by normalising and squaring
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

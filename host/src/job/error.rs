//! What can go wrong with a job, and what to do then.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use engine::backend::BackendError;
use engine::bootstrap::BootstrapError;
use engine::circuits::packing::PackingError;
use engine::ckks::{EvalError, ParamsError};
use engine::protocol::{OwnerError, PlanError};
use engine::prune::MaskError;

use crate::data::DataError;
use crate::file::FileError;

/// Why a job failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JobError {
    /// A data set was refused.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A file was refused.
    #[error(transparent)]
    File(#[from] FileError),
    /// There is no set of this name.
    #[error("there is no parameter set named `{name}`; there are {known}")]
    UnknownParams {
        /// The name.
        name: String,
        /// The names there are.
        known: String,
    },
    /// A parameter set contradicts itself or is not secure.
    #[error("{place}: not a sound parameter set")]
    Params {
        /// The file, or where else the set is from.
        place: String,
        /// What is wrong.
        source: ParamsError,
    },
    /// A parameter set is not secure, and nobody said that this is accepted.
    #[error(
        "parameter set {name} has less than 128 bits of security; it may be used only where this is allowed expressly, for \
         tests on data that are not secret"
    )]
    Insecure {
        /// The set.
        name: String,
    },
    /// A JSON file does not hold what it should.
    #[error("{}: not {what}", file.display())]
    Json {
        /// The file.
        file: PathBuf,
        /// What was expected.
        what: &'static str,
        /// Where it differs.
        source: serde_json::Error,
    },
    /// The operating system refused.
    #[error("{}: cannot {action}", path.display())]
    Io {
        /// File or directory.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// The reason.
        source: io::Error,
    },
    /// The operating system gives no random numbers.
    #[error("the operating system gives no random numbers")]
    Random(#[source] getrandom::Error),
    /// A number that is not in its range.
    #[error("{name} is {found}; it must be {range}")]
    Option {
        /// What was chosen.
        name: &'static str,
        /// The choice.
        found: String,
        /// What may be chosen.
        range: String,
    },
    /// The task does not fit the parameter set.
    #[error("{0}; choose another parameter set or task")]
    Plan(#[from] PlanError),
    /// The header of a file asks for what cannot be.
    #[error("{}: header field `{field}`: {source}", file.display())]
    Header {
        /// The file.
        file: PathBuf,
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        source: PlanError,
    },
    /// A training that the owner refreshes or stops, and no place to ask.
    #[error(
        "{}: the owner of these keys is asked on the way; name a directory shared with the owner (--exchange DIR)",
        keys.display()
    )]
    NoExchange {
        /// The evaluation keys.
        keys: PathBuf,
    },
    /// A training that prunes with keys that are not for that.
    #[error(
        "these keys and data are not prepared for pruning, which needs data a level higher and keys for scores; make both anew \
         with `veilgrad keygen --prune-score SCORE` and `veilgrad encrypt`"
    )]
    NotPrunable,
    /// Moves between rows with keys that are not for that.
    #[error(
        "a mask over all rows, or merging one by one, moves samples between rows, and these keys have no rotations for that; make \
         keys with `veilgrad keygen --prune-score SCORE --global-mask`, or leave out --global-mask and --prune-merge naive"
    )]
    NoMoves,
    /// Scores by keys that are for none.
    #[error(
        "{}: with these keys rows are chosen at random (`veilgrad keygen --prune-score random`), so there is nothing to score; \
         the owner chooses with `veilgrad prune mask --prune-rule random --training-set FILE.vg`",
        .0.display()
    )]
    NothingToScore(PathBuf),
    /// Pruning what is pruned already.
    #[error("{}: these samples are merged already, a level lower; prune the training set that `veilgrad encrypt` wrote", .0.display())]
    Merged(PathBuf),
    /// A mask that is none, or for another training set.
    #[error(transparent)]
    Mask(#[from] MaskError),
    /// Samples or weights that do not fit their layout.
    #[error(transparent)]
    Packing(#[from] PackingError),
    /// The device that was asked for cannot be had.
    #[error("{0}")]
    Device(String),
    /// Times were measured that make no sense.
    #[error("the clock of this machine gives no times to plan with: {0}; try again")]
    Measured(String),
    /// The device failed.
    #[error("the device failed: {0}")]
    Backend(#[from] BackendError),
    /// An operation on ciphertexts was refused.
    #[error("{0}")]
    Eval(EvalError),
    /// Values left the range of a refresh, or scores theirs.
    #[error(
        "a value of size {found:.2} is outside the range of {bound:.2} that a refresh or a score allows: the training diverges, or \
         logits outgrow the activation; use a smaller learning rate, fewer epochs, or an activation of a larger range"
    )]
    Diverged {
        /// The largest value.
        found: f64,
        /// The largest allowed.
        bound: f64,
    },
    /// A file of other keys.
    #[error("{}: made with other keys than {}; use files of one key generation", file.display(), keys.display())]
    OtherKeys {
        /// The file.
        file: PathBuf,
        /// The keys.
        keys: PathBuf,
    },
    /// A file is not a decrypted model.
    #[error("{}: not a sound model: {reason}", file.display())]
    Model {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Rows that are not those of the training set, or not in its order.
    #[error(
        "{}: not of the rows that {data} has in the order of this seed; the same --data and --seed as for `veilgrad encrypt` \
         are needed", file.display()
    )]
    OtherRows {
        /// The file.
        file: PathBuf,
        /// The data set that was named.
        data: String,
    },
    /// A file about another training set.
    #[error(
        "{}: of another training set than {}; each encryption is one of its own, of the same rows too",
        file.display(), set.display()
    )]
    OtherSet {
        /// The file.
        file: PathBuf,
        /// The training set, merged or not.
        set: PathBuf,
    },
    /// A row of a merged training set that is not the one it should be.
    #[error(
        "{}: row {row} of mini-batch {batch}: {what} is {found}, expected {expected}: {expects}", file.display()
    )]
    MergedRow {
        /// The file.
        file: PathBuf,
        /// The batch, from 0.
        batch: usize,
        /// The row in it, from 0.
        row: usize,
        /// Which of its numbers differs.
        what: String,
        /// What was decrypted.
        found: f64,
        /// What should be there.
        expected: f64,
        /// Why.
        expects: String,
    },
    /// A file whose content does not fit the program or another file.
    #[error("{}: {what}: found {found}, expected {expected}", file.display())]
    Mismatch {
        /// The file.
        file: PathBuf,
        /// What does not fit.
        what: &'static str,
        /// What the file says.
        found: String,
        /// What would fit.
        expected: String,
    },
    /// A key would be overwritten.
    #[error("{}: there is a key already; remove it, or choose another directory", file.display())]
    KeyExists {
        /// The file.
        file: PathBuf,
    },
    /// A checkpoint cannot be written.
    #[error(
        "{}: the checkpoint cannot be written; the one before it is sound: when there is room, `{resume}` goes on from it",
        file.display()
    )]
    Checkpoint {
        /// The file.
        file: PathBuf,
        /// The command that goes on.
        resume: String,
        /// What went wrong.
        source: Box<FileError>,
    },
    /// A job would begin where another one was not finished.
    #[error(
        "{}: there is an unfinished training; `{resume}` goes on with it, or remove this file to begin anew", file.display()
    )]
    Unfinished {
        /// The file.
        file: PathBuf,
        /// The command that goes on.
        resume: String,
    },
    /// Nothing to go on from.
    #[error("{}: there is no unfinished {what} to go on with; `{begin}` begins one", file.display())]
    NothingKept {
        /// The file that is not there.
        file: PathBuf,
        /// What was looked for.
        what: &'static str,
        /// The command that makes one.
        begin: &'static str,
    },
    /// The owner did not answer.
    #[error(
        "no answer from the owner to {question} for {} s; the owner must run `{}` while the training runs",
        waited.as_secs(), super::exchange::owner_command(exchange)
    )]
    NoAnswer {
        /// What was asked.
        question: String,
        /// The directory.
        exchange: PathBuf,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The server did not ask.
    #[error(
        "{}: no request from the server for {} s; the server must run `veilgrad train` with this exchange directory",
        exchange.display(), waited.as_secs()
    )]
    NoRequest {
        /// The directory.
        exchange: PathBuf,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The owner would not encrypt weights anew, or choose by scores.
    #[error(
        "{}: the owner refuses, because values left their range: the training diverges, or logits outgrow the \
         activation; use a smaller learning rate, fewer epochs, or an activation of a larger range", request.display()
    )]
    Refused {
        /// The request.
        request: PathBuf,
    },
    /// The server gave up.
    #[error("{}: the training failed on the server's side; its messages say why", exchange.display())]
    TrainingFailed {
        /// The directory.
        exchange: PathBuf,
    },
}

impl From<EvalError> for JobError {
    fn from(error: EvalError) -> Self {
        match error {
            EvalError::OutOfRange {
                op: "refresh" | "score",
                found,
                bound,
            } => Self::Diverged { found, bound },
            EvalError::Backend(error) => Self::Backend(error),
            other => Self::Eval(other),
        }
    }
}

impl From<BootstrapError> for JobError {
    fn from(error: BootstrapError) -> Self {
        match error {
            // Another device may do it.
            BootstrapError::Eval(error) => error.into(),
            other => Self::Plan(other.into()),
        }
    }
}

impl From<OwnerError> for JobError {
    fn from(error: OwnerError) -> Self {
        match error {
            OwnerError::Packing(error) => Self::Packing(error),
            OwnerError::Eval(error) => error.into(),
        }
    }
}

impl JobError {
    pub(super) fn io(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            path,
            action,
            source,
        }
    }

    pub(crate) fn option(
        name: &'static str,
        found: impl std::fmt::Display,
        range: impl Into<String>,
    ) -> Self {
        Self::Option {
            name,
            found: found.to_string(),
            range: range.into(),
        }
    }

    pub(super) fn mismatch(
        file: &Path,
        what: &'static str,
        found: impl std::fmt::Display,
        expected: impl std::fmt::Display,
    ) -> Self {
        let (found, expected) = (found.to_string(), expected.to_string());
        Self::Mismatch {
            file: file.to_owned(),
            what,
            found,
            expected,
        }
    }
}

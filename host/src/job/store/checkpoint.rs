//! The file of a training between two steps.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use engine::arith::Word;
use engine::ckks::Level;
use engine::train::Verdict;
use serde::{Deserialize, Serialize};

use super::{expected, read_level};
use crate::file::{AtomicFile, FileError, Kind, Reader, Writer};
use crate::job::JobError;
use crate::job::checkpoint::{History, Kept, State};
use crate::job::prune::PruneRounds;
use crate::job::task::{Origin, Setup};

/// The section of what was told on the way, as JSON.
const HISTORY: &str = "history";
/// The largest: a step takes a few hundred bytes, a mask as much as the samples it keeps.
const MAX_HISTORY_BYTES: u64 = 1 << 28;
/// The sections of a state.
const STATE: [&str; 2] = ["state-first", "state-second"];
/// Those of the state after the best epoch.
const BEST: [&str; 2] = ["best-first", "best-second"];

/// Which job a checkpoint is of, and what it needs to go on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(in crate::job) enum KeptJob {
    /// A server's, apart from the owner.
    Train(Box<KeptTraining>),
    /// Of a run, whose other files are beside it.
    Run,
}

/// A server's training, as its command line said it or its data made it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::job) struct KeptTraining {
    pub(in crate::job) evaluation_keys: PathBuf,
    pub(in crate::job) data: PathBuf,
    /// Of the training set, in hexadecimal.
    pub(in crate::job) data_checksum: String,
    /// The model that the training goes on from, and its checksum, if there is one.
    pub(in crate::job) start: Option<(PathBuf, String)>,
    pub(in crate::job) epochs: usize,
    pub(in crate::job) learning_rate: f64,
    pub(in crate::job) early_stopping: bool,
    /// How it prunes, if it does.
    #[serde(default)]
    pub(in crate::job) prune: Option<PruneRounds>,
    pub(in crate::job) exchange: Option<PathBuf>,
    pub(in crate::job) wait: Duration,
    pub(in crate::job) out: PathBuf,
    /// What the training is called in its talk with the owner.
    pub(in crate::job) conversation: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    origin: Origin,
    job: KeptJob,
    steps: usize,
    /// Of the state; none before the first step is done.
    level: Option<usize>,
    verdict: Option<Verdict>,
    best: Option<Best>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Best {
    epoch: usize,
    level: usize,
}

/// Writes a checkpoint in the place of the one before.
pub(in crate::job) fn write_checkpoint(
    path: &Path,
    setup: &Setup,
    job: &KeptJob,
    kept: &Kept,
) -> Result<(), FileError> {
    let mut writer = Writer::create(path, Kind::Checkpoint, Some(&setup.identity))?;
    let best = kept.best.as_ref().map(|(_, state)| state);
    for (names, state) in [(STATE, kept.state.as_ref()), (BEST, best)] {
        let halves = state.map(|state| &state.halves);
        for (name, half) in names.iter().zip(halves.into_iter().flatten()) {
            writer.words(name, half)?;
        }
    }
    writer.section_from(HISTORY, |section| {
        let history = serde_json::to_vec(&kept.history);
        let history = history.map_err(|source| FileError::Header {
            file: path.display().to_string(),
            source,
        })?;
        section.write(&history)
    })?;
    writer.commit(&Header {
        origin: setup.origin.clone(),
        job: job.clone(),
        steps: kept.steps,
        level: kept.state.as_ref().map(|state| state.level.0),
        verdict: kept.verdict,
        best: kept.best.as_ref().map(|(epoch, state)| Best {
            epoch: *epoch,
            level: state.level.0,
        }),
    })
}

/// An open checkpoint whose header was found sound.
pub(in crate::job) struct CheckpointFile {
    reader: Reader<File>,
    header: Header,
}

impl CheckpointFile {
    /// Opens a checkpoint, whatever parameter set it is for.
    pub(in crate::job) fn open(path: &Path) -> Result<Self, JobError> {
        let reader = Reader::open(path, &expected(Kind::Checkpoint, None))?;
        let header = reader.header()?;
        Ok(Self { reader, header })
    }

    /// Which job it is of.
    pub(in crate::job) const fn job(&self) -> &KeptJob {
        &self.header.job
    }

    /// Steps that need not be done again.
    pub(in crate::job) const fn steps(&self) -> usize {
        self.header.steps
    }

    /// What was kept, for the keys of `setup`, which came from `keys`.
    pub(in crate::job) fn read(
        mut self,
        path: &Path,
        setup: &Setup,
        keys: &Path,
    ) -> Result<Kept, JobError> {
        setup.check(keys, path, &self.header.origin)?;
        let top = setup.plan.top();
        let reader = &mut self.reader;
        let mut state = |names: [&str; 2], level: usize| {
            if Level(level) > top {
                let expected = format!("at most {}", top.0);
                return Err(JobError::mismatch(path, "level", level, expected));
            }
            let (level, batch) = (Level(level), setup.plan.layout().state_vectors());
            let mut half = |name| -> Result<Vec<Word>, JobError> {
                read_level(reader, name, setup, level, batch)
            };
            let halves = [half(names[0])?, half(names[1])?];
            Ok(Arc::new(State {
                level,
                batch,
                halves,
            }))
        };
        let Header {
            steps,
            level,
            verdict,
            best,
            ..
        } = self.header;
        let best = best.map(|best| Ok::<_, JobError>((best.epoch, state(BEST, best.level)?)));
        let (best, state) = (
            best.transpose()?,
            level.map(|level| state(STATE, level)).transpose()?,
        );
        if state.is_none() != (steps == 0) {
            let found = if steps == 0 { "one" } else { "none" };
            let expected = format!("that after {steps} steps");
            return Err(JobError::mismatch(path, "state", found, expected));
        }
        let history = self.reader.section(HISTORY, MAX_HISTORY_BYTES)?;
        let history: History =
            serde_json::from_slice(&history).map_err(|source| JobError::Json {
                file: path.to_owned(),
                what: "a checkpoint: its history is not one",
                source,
            })?;
        Ok(Kept {
            steps,
            state,
            verdict,
            best,
            history,
        })
    }
}

/// Removes a checkpoint that is not needed any more, and what is left of unfinished ones.
pub(in crate::job) fn remove_checkpoint(path: &Path) -> Result<(), JobError> {
    AtomicFile::sweep(path)?;
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(JobError::io(path, "be removed")(error))
        }
        _ => Ok(()),
    }
}

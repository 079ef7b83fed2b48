//! How far a training has come: what another device goes on from when one fails, and another process when this one is
//! killed. It is in host memory, and in a file where there is one.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::arith::Word;
use engine::backend::Backend;
use engine::ckks::{Ciphertext, EvalError, Level, Params};
use engine::train::Verdict;
use serde::{Deserialize, Serialize};

use super::phases::PhaseSeconds;
use super::prune::PruneState;
use super::store::{self, KeptJob};
use super::task::{Schedule, Setup};
use super::{EpochReport, JobError, ValidationReport};
use crate::file::{AtomicFile, FileLock};

/// The last consistent state of a training, and the one after its best epoch.
#[derive(Debug, Default)]
pub(super) struct Checkpoint {
    kept: Mutex<Kept>,
    file: Option<KeptFile>,
}

/// Where it is kept on disk.
#[derive(Debug)]
struct KeptFile {
    /// No other process works with it.
    place: FileLock,
    setup: Setup,
    job: KeptJob,
    /// The command line that goes on from it.
    resume: String,
}

/// What is kept.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// Steps that need not be done again.
    pub(super) steps: usize,
    /// The state after them; none before the first.
    pub(super) state: Option<Arc<State>>,
    /// What the owner said of that state.
    pub(super) verdict: Option<Verdict>,
    /// The best epoch so far and the state after it.
    pub(super) best: Option<(usize, Arc<State>)>,
    /// What was told on the way.
    pub(super) history: History,
}

/// What a training told on the way.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct History {
    /// The time of each step.
    pub(super) steps: Vec<PhaseSeconds>,
    /// The epochs that were measured.
    pub(super) epochs: Vec<EpochReport>,
    /// The epochs that were judged.
    pub(super) validations: Vec<ValidationReport>,
    /// The choices of samples.
    #[serde(default)]
    pub(super) pruning: PruneState,
}

impl History {
    /// The time of all steps.
    pub(super) fn phases(&self) -> PhaseSeconds {
        let mut all = PhaseSeconds::default();
        self.steps.iter().for_each(|step| all += *step);
        all
    }
}

/// A batch of ciphertexts in host memory.
#[derive(Debug)]
pub(super) struct State {
    pub(super) level: Level,
    pub(super) batch: usize,
    pub(super) halves: [Vec<Word>; 2],
}

/// How far a training has come, on a device.
pub(super) struct Progress<B: Backend> {
    /// Steps that need not be done again.
    pub(super) steps: usize,
    /// The state after them.
    pub(super) state: Ciphertext<B>,
    /// What the owner said of that state; nothing if nobody has asked.
    pub(super) verdict: Option<Verdict>,
    /// The best epoch so far and the state after it, where the owner was asked.
    pub(super) best: Option<(usize, Ciphertext<B>)>,
}

impl<B: Backend> Progress<B> {
    /// None yet.
    pub(super) const fn begin(start: Ciphertext<B>) -> Self {
        Self {
            steps: 0,
            state: start,
            verdict: None,
            best: None,
        }
    }
}

impl Checkpoint {
    /// A new one, kept in a file from now on; `resume` is the command line that goes on from it.
    pub(super) fn create(
        place: FileLock,
        setup: &Setup,
        job: KeptJob,
        resume: String,
    ) -> Result<Self, JobError> {
        Self::with(Kept::default(), place, setup, job, resume)
    }

    /// One that goes on from what a file holds.
    pub(super) fn with(
        kept: Kept,
        place: FileLock,
        setup: &Setup,
        job: KeptJob,
        resume: String,
    ) -> Result<Self, JobError> {
        AtomicFile::sweep(place.target())?;
        let checkpoint = Self {
            kept: Mutex::new(kept),
            file: Some(KeptFile {
                place,
                setup: setup.clone(),
                job,
                resume,
            }),
        };
        checkpoint.write(&checkpoint.kept())?;
        Ok(checkpoint)
    }

    /// Keeps the state after so many steps, the last of which took so long. Waits for the device and for the disk.
    pub(super) fn keep<B: Backend>(
        &self,
        backend: &B,
        steps: usize,
        state: &Ciphertext<B>,
        seconds: PhaseSeconds,
    ) -> Result<(), JobError> {
        let state = State {
            level: state.level(),
            batch: state.batch(backend),
            halves: state.download(backend)?,
        };
        let mut kept = self.kept();
        kept.steps = steps;
        kept.state = Some(Arc::new(state));
        kept.verdict = None;
        kept.history.steps.push(seconds);
        self.write(&kept)
    }

    /// Adds what came of a step only after it was kept: the time it took to keep it.
    pub(super) fn add_to_last_step(&self, seconds: PhaseSeconds) {
        if let Some(last) = self.kept().history.steps.last_mut() {
            *last += seconds;
        }
    }

    /// Keeps how good the state is that was kept last. It is on disk with the next state.
    pub(super) fn measured(&self, report: EpochReport) {
        self.kept().history.epochs.push(report);
    }

    /// Keeps what the owner said of the state that was kept last, so that it is asked once.
    pub(super) fn judged(&self, report: &ValidationReport) -> Result<Verdict, JobError> {
        let verdict = Verdict {
            best: report.best,
            stop: report.stop,
        };
        let mut kept = self.kept();
        kept.verdict = Some(verdict);
        if let (true, Some(state)) = (verdict.best, &kept.state) {
            kept.best = Some((report.epoch, Arc::clone(state)));
        }
        kept.history.validations.push(*report);
        self.write(&kept)?;
        Ok(verdict)
    }

    /// What was kept; nothing before the first step is done.
    pub(super) fn resume<B: Backend>(
        &self,
        backend: &B,
        params: &Params,
    ) -> Result<Option<Progress<B>>, EvalError> {
        let kept = self.kept();
        let Some(state) = &kept.state else {
            return Ok(None);
        };
        let best = kept.best.as_ref();
        let best =
            best.map(|(epoch, state)| Ok::<_, EvalError>((*epoch, state.upload(backend, params)?)));
        Ok(Some(Progress {
            steps: kept.steps,
            state: state.upload(backend, params)?,
            verdict: kept.verdict,
            best: best.transpose()?,
        }))
    }

    /// What is remembered of choices of samples; kept on disk with the next step.
    pub(super) fn pruning<T>(&self, look: impl FnOnce(&mut PruneState) -> T) -> T {
        look(&mut self.kept().history.pruning)
    }

    /// Steps that need not be done again.
    pub(super) fn steps(&self) -> usize {
        self.kept().steps
    }

    /// What was told so far.
    pub(super) fn history(&self) -> History {
        self.kept().history.clone()
    }

    /// The command line that goes on from here, if there is one.
    pub(super) fn command(&self) -> Option<&str> {
        self.file.as_ref().map(|file| file.resume.as_str())
    }

    /// Checks that what a file said was kept is of a training of this schedule.
    pub(super) fn check(&self, schedule: &Schedule) -> Result<(), JobError> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        let kept = self.kept();
        let best = kept.best.as_ref().map_or(0, |(epoch, _)| *epoch);
        for (what, found, most) in [
            ("steps", kept.steps, schedule.steps()),
            ("best epoch", best, schedule.epochs_before(kept.steps)),
            (
                "choices by scores",
                kept.history.pruning.scored(),
                schedule.scorings(),
            ),
        ] {
            if found > most {
                let (path, expected) = (file.place.target(), format!("at most {most}"));
                return Err(JobError::mismatch(path, what, found, expected));
            }
        }
        Ok(())
    }

    /// Removes the file: the job is done, or cannot be done.
    pub(super) fn remove(&self) -> Result<(), JobError> {
        let path = self.file.as_ref().map(|file| file.place.target());
        path.map_or(Ok(()), store::remove_checkpoint)
    }

    fn write(&self, kept: &Kept) -> Result<(), JobError> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        let written = store::write_checkpoint(file.place.target(), &file.setup, &file.job, kept);
        written.map_err(|source| JobError::Checkpoint {
            file: file.place.target().to_owned(),
            resume: file.resume.clone(),
            source: Box::new(source),
        })
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn upload<B: Backend>(&self, backend: &B, params: &Params) -> Result<Ciphertext<B>, EvalError> {
        let halves = [self.halves[0].as_slice(), &self.halves[1]];
        Ciphertext::upload(backend, params, self.level, self.batch, halves)
    }
}

/// Where the checkpoint of a training is that nobody chose a place for: beside its model.
pub(super) fn beside(model: &Path) -> PathBuf {
    let mut name = model.file_name().unwrap_or_default().to_owned();
    name.push(".checkpoint");
    model.with_file_name(name)
}

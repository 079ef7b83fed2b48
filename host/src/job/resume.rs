//! Going on with a job that was ended before it was done.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde::Serialize;

use super::store::{CheckpointFile, KeptJob};
use super::{JobError, Observer, ResumeConfig, ResumeFrom, RunReport, TrainReport, run, train};
use crate::file::FileLock;

/// Of [`resume`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ResumedReport {
    /// It was a [`train`](super::train()).
    Train(TrainReport),
    /// It was a [`run`](super::run()).
    Run(RunReport),
}

/// Goes on with a job from its last finished step, to the same words as if it had not been ended.
///
/// Where the owner refreshes, its answers are encryptions with fresh randomness: an answer that was given before the end is
/// used again, so a training that is resumed differs from one that is not only as two trainings do.
///
/// # Errors
/// [`JobError`]: nothing to go on with, a checkpoint that is damaged or of other keys or data, and those of the job.
pub fn resume(
    config: &ResumeConfig,
    observer: &mut dyn Observer,
) -> Result<ResumedReport, JobError> {
    match &config.from {
        ResumeFrom::Work(directory) => {
            run::resume_run(directory, config, observer).map(ResumedReport::Run)
        }
        ResumeFrom::Checkpoint(path) => {
            if is_absent(path) {
                return Err(JobError::NothingKept {
                    file: path.clone(),
                    what: "training",
                    begin: "veilgrad train",
                });
            }
            let place = FileLock::of(path)?;
            let file = CheckpointFile::open(path)?;
            match file.job().clone() {
                KeptJob::Train(kept) => {
                    train::resume_training(place, file, *kept, config, observer)
                        .map(ResumedReport::Train)
                }
                KeptJob::Run => Err(JobError::mismatch(
                    path,
                    "checkpoint",
                    "that of a run",
                    "that of a training; use `veilgrad resume --work DIR` with the directory it is in",
                )),
            }
        }
    }
}

/// Whether there is no such file, for sure.
pub(super) fn is_absent(path: &Path) -> bool {
    matches!(fs::metadata(path), Err(error) if error.kind() == ErrorKind::NotFound)
}

/// Refuses to begin a training where the checkpoint of another one is, unless that has no step behind it.
pub(super) fn refuse_unfinished(path: &Path, resume: &str) -> Result<(), JobError> {
    if is_absent(path) || CheckpointFile::open(path)?.steps() == 0 {
        return Ok(());
    }
    Err(JobError::Unfinished {
        file: path.to_owned(),
        resume: resume.to_owned(),
    })
}

/// An absolute path, so that a job can go on from another directory.
pub(super) fn absolute(path: &Path) -> Result<std::path::PathBuf, JobError> {
    std::path::absolute(path).map_err(JobError::io(path, "be found"))
}

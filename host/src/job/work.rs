//! The directory of a run: what it takes to go on with it.
//!
//! | file | holds |
//! |---|---|
//! | `run.vg` | what was asked for, and the seed of everything that the owner draws: keys and ciphertexts are made again from it, word for word |
//! | `checkpoint.vg` | the state after the last finished step |
//! | `checkpoint.vg.lock` | nothing; a process that works with the checkpoint has it locked |
//!
//! The seed is as good as the secret key: the directory is its owner's alone.

use std::fs;
use std::path::{Path, PathBuf};

use engine::ring::sampling::Seed;

use super::checkpoint::Checkpoint;
use super::event::stage;
use super::resume::{absolute, is_absent, refuse_unfinished};
use super::run::secret_of;
use super::samples::Prepared;
use super::store::{self, Asked, CheckpointFile, KeptJob, WorkFile};
use super::task::Setup;
use super::{DataChoice, JobError, Observer, RunConfig, Stage};
use crate::data::DataSet;
use crate::file::{AtomicFile, FileLock, hexadecimal};

fn run_file(directory: &Path) -> PathBuf {
    directory.join("run.vg")
}

fn checkpoint_file(directory: &Path) -> PathBuf {
    directory.join("checkpoint.vg")
}

fn resume_command(directory: &Path) -> String {
    format!("veilgrad resume --work {}", directory.display())
}

/// Refuses a directory with a run that has steps behind it.
pub(super) fn refuse_unfinished_run(directory: &Path) -> Result<(), JobError> {
    refuse_unfinished(&checkpoint_file(directory), &resume_command(directory))
}

/// Writes down what a run was asked for, and begins its checkpoint.
pub(super) fn begin(
    directory: &Path,
    config: &RunConfig,
    set: &DataSet,
    setup: &Setup,
    seed: &Seed,
) -> Result<Checkpoint, JobError> {
    make_private(directory)?;
    let checkpoint = checkpoint_file(directory);
    let place = FileLock::of(&checkpoint)?;
    let asked = Asked {
        data: match &config.data {
            DataChoice::Digits => DataChoice::Digits,
            DataChoice::File(path) => DataChoice::File(absolute(path)?),
        },
        data_checksum: hexadecimal(&set.checksum()),
        train: config.train.clone(),
        model_out: config.model_out.as_deref().map(absolute).transpose()?,
        key_checksum: key_checksum(seed, setup),
    };
    // Of a run that came to nothing; it is of other keys.
    store::remove_checkpoint(&checkpoint)?;
    let run = run_file(directory);
    AtomicFile::sweep(&run)?;
    store::write_work(&run, setup, &asked, seed)?;
    Checkpoint::create(place, setup, KeptJob::Run, resume_command(directory))
}

/// What was asked for, and all that was kept; from the beginning, if no step was done.
pub(super) fn go_on(
    directory: &Path,
    data: Option<&Path>,
    observer: &mut dyn Observer,
) -> Result<(Asked, Prepared, Setup, Seed, Checkpoint), JobError> {
    let (run, path) = (run_file(directory), checkpoint_file(directory));
    if is_absent(&run) {
        return Err(JobError::NothingKept {
            file: run,
            what: "run",
            begin: "veilgrad run --work DIR",
        });
    }
    let place = FileLock::of(&path)?;
    let WorkFile { setup, asked, seed } = WorkFile::open(&run)?;
    if key_checksum(&seed, &setup) != asked.key_checksum {
        return Err(JobError::mismatch(
            &run,
            "secret key",
            "another one than this version of veilgrad makes from the same seed",
            "a run of this version; go on with the version that began it",
        ));
    }
    let choice = data.map_or(asked.data.clone(), |data| DataChoice::File(data.to_owned()));
    let prepared = stage(observer, Stage::Data, || {
        Prepared::open(&choice, asked.train.seed)
    })?;
    if hexadecimal(&prepared.set.checksum()) != asked.data_checksum {
        let file = match &choice {
            DataChoice::File(path) => path,
            DataChoice::Digits => &run,
        };
        let expected = format!("the one that the run of {} uses", directory.display());
        return Err(JobError::mismatch(
            file,
            "data set",
            "another one",
            expected,
        ));
    }
    let (job, resume) = (KeptJob::Run, resume_command(directory));
    let checkpoint = if is_absent(&path) {
        Checkpoint::create(place, &setup, job, resume)?
    } else {
        let kept = CheckpointFile::open(&path)?.read(&path, &setup, &run)?;
        Checkpoint::with(kept, place, &setup, job, resume)?
    };
    Ok((asked, prepared, setup, seed, checkpoint))
}

/// Removes what a run kept, when its result is out, or it leads nowhere.
///
/// # Errors
/// [`JobError::Io`].
pub fn finish_work(directory: &Path) -> Result<(), JobError> {
    store::remove_checkpoint(&run_file(directory))?;
    store::remove_checkpoint(&checkpoint_file(directory))
}

fn key_checksum(seed: &Seed, setup: &Setup) -> String {
    let key = secret_of(seed, setup);
    let bytes = key.coefficients().iter().map(|c| c.cast_unsigned());
    let bytes = zeroize::Zeroizing::new(bytes.collect::<Vec<u8>>());
    hexadecimal(blake3::hash(&bytes).as_bytes())
}

/// Makes a directory that nobody but its owner may enter, if there is none yet.
fn make_private(directory: &Path) -> Result<(), JobError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(directory)
        .map_err(JobError::io(directory, "be created"))
}

//! Going on with a server's training.

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Instant;

use super::{Training, kept_job, open_inputs, pruned, resume_command};
use crate::file::{AtomicFile, FileLock, hexadecimal};
use crate::job::checkpoint::Checkpoint;
use crate::job::exchange::Conversation;
use crate::job::steps::tell_of_earlier;
use crate::job::store::{CheckpointFile, KeptTraining, KeysFile};
use crate::job::task::Schedule;
use crate::job::{JobError, Observer, ResumeConfig, TrainJobConfig, TrainReport};

/// Goes on with a training whose checkpoint is `file`, at `place`.
pub(in crate::job) fn resume_training(
    place: FileLock,
    file: CheckpointFile,
    kept: KeptTraining,
    overrides: &ResumeConfig,
    observer: &mut dyn Observer,
) -> Result<TrainReport, JobError> {
    let begun = Instant::now();
    let path = place.target();
    let (data_checksum, conversation) = (kept.data_checksum, kept.conversation);
    let config = TrainJobConfig {
        evaluation_keys: other(&overrides.evaluation_keys, kept.evaluation_keys),
        data: other(&overrides.data, kept.data),
        epochs: Some(kept.epochs),
        learning_rate: Some(kept.learning_rate),
        early_stopping: kept.early_stopping,
        prune: kept.prune,
        exchange: overrides.exchange.clone().or(kept.exchange),
        wait: overrides.wait.unwrap_or(kept.wait),
        device: overrides.device,
        threads: overrides.threads,
        out: other(&overrides.out, kept.out),
        checkpoint: Some(path.to_owned()),
    };
    let keys = config.evaluation_keys.as_path();
    // What was kept is of these keys, or nothing else matters.
    let of_keys = KeysFile::open(keys)?.setup;
    let kept = file.read(path, &of_keys, keys)?;
    let (setup, data) = open_inputs(&config)?;
    if hexadecimal(&data.checksum()) != data_checksum {
        let expected = format!("the one that the training of {} uses", path.display());
        return Err(JobError::mismatch(
            &config.data,
            "training set",
            "another one",
            expected,
        ));
    }
    let schedule = Schedule::new(
        config.epochs,
        config.learning_rate,
        data.samples().len(),
        setup.origin.activation,
    )?;
    let schedule = pruned(&config, &setup, &data, schedule)?;
    let conversation = Conversation::resumed(conversation);
    let job = kept_job(&config, &schedule, &data, &conversation)?;
    AtomicFile::sweep(&config.out)?;
    let resume = resume_command(path);
    let checkpoint = Checkpoint::with(kept, place, &setup, job, resume)?;
    checkpoint.check(&schedule)?;
    tell_of_earlier(&checkpoint, &schedule, observer);
    Training {
        config: &config,
        setup,
        data: Mutex::new(data),
        schedule,
        conversation,
        checkpoint,
        begun,
    }
    .launch(observer)
}

fn other(path: &Option<PathBuf>, kept: PathBuf) -> PathBuf {
    path.clone().unwrap_or(kept)
}

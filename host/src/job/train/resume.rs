//! Going on with a server's training.

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Instant;

use super::{Training, kept_job, open_inputs, pruned, resume_command};
use crate::file::{AtomicFile, FileLock, hexadecimal};
use crate::job::checkpoint::Checkpoint;
use crate::job::exchange::Conversation;
use crate::job::steps::tell_of_earlier;
use crate::job::store::{CheckpointFile, KeptTraining, KeysFile, ModelFile};
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
    let (start, start_checksum) = kept.start.unzip();
    let config = TrainJobConfig {
        evaluation_keys: other(&overrides.evaluation_keys, kept.evaluation_keys),
        data: other(&overrides.data, kept.data),
        start,
        epochs: Some(kept.epochs),
        learning_rate: Some(kept.learning_rate),
        early_stopping: kept.early_stopping,
        prune: kept.prune,
        any_rule: false,
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
    let (setup, data, start) = open_inputs(&config)?;
    let checksum = |file: &ModelFile| hexadecimal(&file.checksum());
    let of_start = config.start.as_ref().unwrap_or(&config.data);
    for (file, what, is_same) in [
        (
            &config.data,
            "training set",
            hexadecimal(&data.checksum()) == data_checksum,
        ),
        (
            of_start,
            "model",
            start.as_ref().map(checksum) == start_checksum,
        ),
    ] {
        if !is_same {
            let expected = format!("the one that the training of {} uses", path.display());
            return Err(JobError::mismatch(file, what, "another one", expected));
        }
    }
    let schedule = Schedule::new(
        config.epochs,
        config.learning_rate,
        data.samples().len(),
        setup.origin.activation,
        config.prune.map(|rounds| rounds.schedule),
    )?;
    let schedule = pruned(&config, &setup, &data, schedule)?;
    let conversation = Conversation::resumed(conversation);
    let job = kept_job(&config, &schedule, &data, start.as_ref(), &conversation)?;
    AtomicFile::sweep(&config.out)?;
    let resume = resume_command(path);
    let checkpoint = Checkpoint::with(kept, place, &setup, job, resume)?;
    checkpoint.check(&schedule)?;
    tell_of_earlier(&checkpoint, &schedule, observer);
    Training {
        config: &config,
        setup,
        data: Mutex::new(data),
        start: start.map(Mutex::new),
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

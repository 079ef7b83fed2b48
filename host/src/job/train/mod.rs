//! Training on the server, which asks the owner for refreshes.

mod device;
mod resume;

pub(super) use device::bootstrapper;
pub(super) use resume::resume_training;

use std::path::Path;
use std::sync::Mutex;
use std::time::Instant;

use engine::prune::{Rule, Score};

use super::checkpoint::{self, Checkpoint};
use super::exchange::Conversation;
use super::resume::{absolute, refuse_unfinished};
use super::store::{DataFile, KeptJob, KeptTraining, KeysFile, ModelFile};
use super::task::{Schedule, Setup};
use super::{Event, JobError, Observer, TrainJobConfig, TrainReport};
use crate::file::{FileLock, hexadecimal};
use crate::launch::launch;

/// Trains on an encrypted data set, and keeps the state after each step in a checkpoint.
///
/// # Errors
/// [`JobError`]: files that are damaged or do not belong together, an owner who does not answer or refuses, a training that
/// was not finished before.
pub fn train(
    config: &TrainJobConfig,
    observer: &mut dyn Observer,
) -> Result<TrainReport, JobError> {
    let begun = Instant::now();
    let path = config.checkpoint.clone();
    let path = path.unwrap_or_else(|| checkpoint::beside(&config.out));
    refuse_unfinished(&path, &resume_command(&path))?;
    let place = FileLock::of(&path)?;
    let (setup, data, start) = open_inputs(config)?;
    let config = &settled(config, &setup);
    let schedule = Schedule::new(
        config.epochs,
        config.learning_rate,
        data.samples().len(),
        setup.origin.activation,
        config.prune.map(|rounds| rounds.schedule),
    )?;
    let schedule = pruned(config, &setup, &data, schedule)?;
    let conversation = Conversation::new()?;
    let job = kept_job(config, &schedule, &data, start.as_ref(), &conversation)?;
    let resume = resume_command(&path);
    let checkpoint = Checkpoint::create(place, &setup, job, resume)?;
    Training {
        config,
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

/// With the rule that the keys are for, if none was chosen.
fn settled(config: &TrainJobConfig, setup: &Setup) -> TrainJobConfig {
    let mut config = config.clone();
    let unscored = setup
        .origin
        .pruning
        .is_some_and(|pruning| pruning.score == Score::Random);
    if let (true, true, Some(rounds)) = (config.any_rule, unscored, &mut config.prune) {
        rounds.selection.rule = Rule::Random;
    }
    config
}

fn resume_command(checkpoint: &Path) -> String {
    format!("veilgrad resume --checkpoint {}", checkpoint.display())
}

/// Keys, data and the model to go on from, checked to belong together and to be all that is needed.
fn open_inputs(config: &TrainJobConfig) -> Result<(Setup, DataFile, Option<ModelFile>), JobError> {
    let from = config.evaluation_keys.as_path();
    let setup = KeysFile::open(from)?.setup;
    let data = DataFile::open(&config.data, &setup, from)?;
    if config.early_stopping && data.validation_samples().is_empty() {
        return Err(JobError::mismatch(
            &config.data,
            "training set",
            "none",
            "samples for validation, to stop early by",
        ));
    }
    let start = config.start.as_deref();
    let start = start.map(|path| ModelFile::open(path, &setup, from));
    let start = start.transpose()?;
    Ok((setup, data, start))
}

/// The schedule of a training that prunes, if it does.
fn pruned(
    config: &TrainJobConfig,
    setup: &Setup,
    data: &DataFile,
    schedule: Schedule,
) -> Result<Schedule, JobError> {
    let Some(rounds) = config.prune else {
        return Ok(schedule);
    };
    if let DataFile::Merged(_) = data {
        return Err(JobError::Merged(config.data.clone()));
    }
    rounds.check(setup.origin.pruning)?;
    rounds.schedule(schedule, setup.plan.layout(), &data.samples())
}

/// What a checkpoint says of the training.
fn kept_job(
    config: &TrainJobConfig,
    schedule: &Schedule,
    data: &DataFile,
    start: Option<&ModelFile>,
    conversation: &Conversation,
) -> Result<KeptJob, JobError> {
    let exchange = config.exchange.as_deref().map(absolute).transpose()?;
    let start = config.start.as_deref().zip(start);
    let start = start
        .map(|(path, file)| Ok::<_, JobError>((absolute(path)?, hexadecimal(&file.checksum()))));
    Ok(KeptJob::Train(Box::new(KeptTraining {
        evaluation_keys: absolute(&config.evaluation_keys)?,
        data: absolute(&config.data)?,
        data_checksum: hexadecimal(&data.checksum()),
        start: start.transpose()?,
        epochs: schedule.epochs,
        learning_rate: schedule.learning_rate,
        early_stopping: config.early_stopping,
        prune: config.prune,
        exchange,
        wait: config.wait,
        out: absolute(&config.out)?,
        conversation: conversation.training().to_owned(),
    })))
}

struct Training<'a> {
    config: &'a TrainJobConfig,
    setup: Setup,
    data: Mutex<DataFile>,
    /// The model that it goes on from.
    start: Option<Mutex<ModelFile>>,
    schedule: Schedule,
    conversation: Conversation,
    checkpoint: Checkpoint,
    begun: Instant,
}

impl Training<'_> {
    /// How often the owner is asked which samples to keep.
    fn scorings(&self) -> usize {
        let score = self.setup.origin.pruning.map(|pruning| pruning.score);
        match self.config.prune {
            Some(rounds) if rounds.asks(score) => rounds.schedule.scorings(self.schedule.epochs),
            _ => 0,
        }
    }

    fn launch(&self, observer: &mut dyn Observer) -> Result<TrainReport, JobError> {
        let (device, threads) = (self.config.device, self.config.threads);
        let trained = launch(self, device, threads, &self.setup.params, observer);
        let Err(error) = &trained else {
            return trained;
        };
        // A message that cannot be left must not hide why the training failed. After a refusal the owner knows, and has ended.
        if let (Some(exchange), false) = (
            &self.config.exchange,
            matches!(error, JobError::Refused { .. }),
        ) {
            drop(self.conversation.close(exchange, false));
        }
        tell_what_is_left(error, &self.checkpoint, observer);
        trained
    }
}

/// After a failure: says how to go on from what was kept, or removes it if it leads nowhere. Whether it leads anywhere.
pub(super) fn tell_what_is_left(
    error: &JobError,
    checkpoint: &Checkpoint,
    observer: &mut dyn Observer,
) -> bool {
    let steps = checkpoint.steps();
    let Some(command) = checkpoint.command() else {
        return false;
    };
    if matches!(error, JobError::Refused { .. } | JobError::Diverged { .. }) || steps == 0 {
        // Whatever stays is told of when somebody begins anew.
        drop(checkpoint.remove());
        return false;
    }
    observer.event(&Event::Note(format!(
        "{steps} steps are kept; `{command}` goes on from there"
    )));
    true
}

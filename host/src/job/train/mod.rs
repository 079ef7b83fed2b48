//! Training on the server, which asks the owner for refreshes.

mod resume;

pub(super) use resume::resume_training;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use engine::backend::Backend;
use engine::bootstrap::Bootstrapper;
use engine::circuits::Refresh;
use engine::ckks::{Ciphertext, Encoder, Evaluator};
use engine::protocol::{Plan, RefreshBy, Server};
use engine::prune::{Rule, Score};

use super::checkpoint::{self, Checkpoint};
use super::event::Running;
use super::exchange::{Conversation, ServerEnd, owner_command};
use super::phases::PhaseClock;
use super::prune::{Pruner, ScoreMessage, refreshes_before, summary};
use super::resume::{absolute, refuse_unfinished};
use super::steps::{AfterEpoch, Ask, Course, Trained, run_steps};
use super::store::{self, DataFile, KeptJob, KeptTraining, KeysFile, ModelFile};
use super::task::{self, Schedule, Setup};
use super::{Event, JobError, Observer, Stage, TrainJobConfig, TrainReport, ValidationReport};
use crate::file::{FileLock, hexadecimal};
use crate::launch::{Device, Job, launch};

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

impl Job for Training<'_> {
    type Output = TrainReport;

    fn memory_bytes(&self) -> u64 {
        self.setup.training_bytes(1)
    }

    fn run<B: Backend>(
        &self,
        backend: &B,
        device: &Device,
        observer: &mut dyn Observer,
    ) -> Result<TrainReport, JobError> {
        let Self {
            config,
            setup,
            schedule,
            checkpoint,
            conversation: talk,
            ..
        } = self;
        let from = config.evaluation_keys.as_path();
        let mut data = self.data.lock().unwrap_or_else(PoisonError::into_inner);
        let name = config.data.file_stem();
        let name = name.unwrap_or_default().to_string_lossy();
        let samples = data.samples();
        let set = data.set().clone();
        let rows = samples.iter().sum();
        let plan = task::report(setup, schedule, &name, rows, device);
        observer.event(&Event::Plan(&plan));
        let by_owner = setup.plan.refresh_by() == RefreshBy::Owner;
        let asks = config.early_stopping;
        let scorings = self.scorings();
        let by_exchange = by_owner || asks || scorings > 0;
        if by_exchange {
            let command = owner_command(exchange(config)?);
            observer.event(&Event::Note(format!("the owner is asked: `{command}`")));
        }
        let mut start = self
            .start
            .as_ref()
            .map(|file| file.lock().unwrap_or_else(PoisonError::into_inner));
        let [steps_behind, epochs_behind] = start
            .as_ref()
            .map_or([0; 2], |file| [file.steps, file.epochs]);
        let levels = setup.plan.levels();
        let is_spent = start.as_ref().is_some_and(|file| file.level < levels.state);
        if let Some(path) = &config.start {
            let path = path.display();
            observer.event(&Event::Note(format!(
                "goes on from {path}, a model after {steps_behind} steps"
            )));
        }
        let model = store::create_model(&config.out, setup)?;

        let mut keys = KeysFile::open(from)?;
        setup.check(from, from, &keys.setup.origin)?;
        let mut running = Running::begin(observer, Stage::Keys, plan.keys);
        let keys = keys.read(backend, &mut running)?;
        running.end();

        let steps = schedule.steps();
        // The state after the last step is refreshed only where its logits are wanted; a model that has spent its levels is,
        // before all others.
        let before = |steps, scored| {
            usize::from(is_spent) + refreshes_before(setup, steps, scored, samples.len())
        };
        let requests = before(steps, scorings) - usize::from(!asks);
        let end = if by_exchange {
            let (exchange, wait) = (exchange(config)?, config.wait);
            let requests = if by_owner { requests } else { 0 };
            let end = ServerEnd::open(backend, setup, from, exchange, wait, requests, talk)?;
            Some(end)
        } else {
            None
        };
        let encoder = Arc::new(Encoder::new(setup.params.degree()));
        let evaluator = || Evaluator::new(backend, &setup.params, Arc::clone(&encoder), &keys);
        let bootstrapper = bootstrapper(&setup.plan, evaluator())?;
        let no_exchange = || JobError::NoExchange {
            keys: config.evaluation_keys.clone(),
        };
        let refresher: &dyn Refresh<B> = match (&bootstrapper, &end) {
            (Some(bootstrapper), _) => bootstrapper,
            (None, end) => end.as_ref().ok_or_else(no_exchange)?,
        };
        let clock = PhaseClock::new(backend);
        let server = Server::new(evaluator(), refresher, &setup.plan, schedule.learning_rate)?
            .watched_by(&clock);
        let mut running = Running::begin(observer, Stage::Train, steps);
        let failure = || end.as_ref().and_then(ServerEnd::take_failure);
        let start = match &mut start {
            None => data.start(backend, setup)?,
            Some(file) => file.state(backend, setup)?,
        };
        let start = if is_spent && checkpoint.steps() == 0 {
            talk.go_on_after(0);
            let refreshed = server.refresh(&start);
            refreshed.map_err(|error| failure().unwrap_or_else(|| error.into()))?
        } else {
            start
        };
        let scored = checkpoint.pruning(|state| state.scored());
        talk.go_on_after(before(checkpoint.steps(), scored));
        let validation_samples = data.validation_samples();
        let validation = if asks {
            data.validation(backend, setup)?
        } else {
            Vec::new()
        };
        let mut ask = |epoch: usize, state: &Ciphertext<B>| {
            let end = end.as_ref().ok_or_else(no_exchange)?;
            let logits = server.validation_logits(state, &validation)?;
            let verdict = end.ask_to_go_on(epoch, &logits, &validation_samples)?;
            Ok(ValidationReport {
                epoch,
                loss: None,
                accuracy: None,
                best: verdict.best,
                stop: verdict.stop,
            })
        };
        let ask: Option<&mut Ask<'_, B>> = if asks { Some(&mut ask) } else { None };
        let mut pruner = config.prune.map(|rounds| Pruner {
            backend,
            server: &server,
            setup,
            schedule,
            rounds,
            checkpoint,
            samples,
            merged: None,
        });
        let mut fetch = |index| data.batch(backend, setup, &server, index);
        let mut ask_for_mask = |message: &ScoreMessage<'_, B>| {
            let end = end.as_ref().ok_or_else(no_exchange)?;
            end.ask_for_mask(&set, message)
        };
        let mut next = |step, state: &Ciphertext<B>, running: &mut Running<'_>| match &mut pruner {
            Some(pruner) => pruner.batch(step, state, &mut fetch, &mut ask_for_mask, running),
            None => fetch(schedule.batch(step)),
        };
        let course = Course {
            params: &setup.params,
            schedule,
            behind: steps_behind,
            checkpoint,
            clock: &clock,
            talk: end.is_some().then_some(talk),
        };
        let after_epoch = AfterEpoch { ask, measure: None };
        let trained = run_steps(
            backend,
            &server,
            &course,
            start,
            &mut next,
            after_epoch,
            &mut running,
        );
        let Trained {
            state,
            steps,
            best_epoch,
        } = trained.map_err(|error| failure().unwrap_or(error))?;
        let steps_of_model = best_epoch.map_or(steps, |epoch| schedule.steps_until(epoch));
        let epochs = schedule.epochs_before(steps_of_model);
        let trained = [steps_behind + steps_of_model, epochs_behind + epochs];
        store::finish_model(model, backend, setup, trained, &state)?;
        if end.is_some() {
            talk.close(exchange(config)?, true)?;
        }
        checkpoint.remove()?;
        running.end();
        let samples = data.samples();
        let pruning = config
            .prune
            .map(|rounds| summary(setup, schedule, rounds, &samples, checkpoint));
        let pruning = pruning.transpose()?;
        let seconds = self.begun.elapsed().as_secs_f64();
        Ok(TrainReport {
            out: config.out.clone(),
            steps,
            best_epoch,
            phases: checkpoint.history().phases().report(),
            seconds,
            pruning,
        })
    }
}

/// The directory that is needed if the owner refreshes.
fn exchange(config: &TrainJobConfig) -> Result<&Path, JobError> {
    config
        .exchange
        .as_deref()
        .ok_or_else(|| JobError::NoExchange {
            keys: config.evaluation_keys.clone(),
        })
}

/// What gives levels back without the owner, if the plan is for that.
pub(super) fn bootstrapper<'a, B: Backend>(
    plan: &Plan,
    evaluator: Evaluator<'a, B>,
) -> Result<Option<Bootstrapper<'a, B>>, JobError> {
    let prepare = |rotations| Bootstrapper::new(evaluator, rotations);
    Ok(plan.refresh_by().rotations().map(prepare).transpose()?)
}

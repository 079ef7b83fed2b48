//! Training on the server, which asks the owner for refreshes.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use engine::backend::Backend;
use engine::bootstrap::Bootstrapper;
use engine::circuits::Refresh;
use engine::ckks::{Ciphertext, Encoder, Evaluator, Params};
use engine::protocol::{Plan, ReceivedBatch, RefreshBy, Server};

use super::checkpoint::{Checkpoint, Progress};
use super::event::Running;
use super::exchange::{Conversation, ServerEnd, owner_command};
use super::prune::{PruneMemory, Pruner, ScoreMessage, refreshes_before, speedup};
use super::store::{self, DataFile, KeysFile};
use super::task::{self, Schedule, Setup};
use super::{
    Event, JobError, Observer, Stage, StepReport, TrainJobConfig, TrainReport, ValidationReport,
};
use crate::launch::{Device, Job, launch};

/// Trains on an encrypted data set.
///
/// # Errors
/// [`JobError`]: files that are damaged or do not belong together, an owner who does not answer or refuses.
pub fn train(
    config: &TrainJobConfig,
    observer: &mut dyn Observer,
) -> Result<TrainReport, JobError> {
    let begun = Instant::now();
    let setup = KeysFile::open(&config.evaluation_keys)?.setup;
    let params = setup.params.clone();
    let data = DataFile::open(&config.data, &setup, &config.evaluation_keys)?;
    let batches = data.samples().len();
    // Of a step, or of the scores in front of one.
    let questions = refreshes_before(&setup, 1, 1, batches);
    let training = Training {
        config,
        setup,
        conversation: Conversation::new(questions)?,
        pruned: PruneMemory::default(),
        checkpoint: Checkpoint::default(),
        begun,
    };
    let trained = launch(&training, config.device, config.threads, &params, observer);
    match &trained {
        // Told before; or the owner knows why, and has ended.
        Ok(_) | Err(JobError::Refused { .. }) => {}
        // A message that cannot be left must not hide why the training failed.
        Err(_) => {
            if let Some(exchange) = &config.exchange {
                drop(training.conversation.close(exchange, false));
            }
        }
    }
    trained
}

struct Training<'a> {
    config: &'a TrainJobConfig,
    setup: Setup,
    conversation: Conversation,
    checkpoint: Checkpoint,
    pruned: PruneMemory,
    begun: Instant,
}

impl Training<'_> {
    /// How often the owner is asked which samples to keep.
    fn scorings(&self, schedule: &Schedule) -> usize {
        let score = self.setup.origin.pruning.map(|pruning| pruning.score);
        match self.config.prune {
            Some(rounds) if rounds.asks(score) => rounds.schedule.scorings(schedule.epochs),
            _ => 0,
        }
    }
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
        let Self { config, setup, .. } = self;
        let from = config.evaluation_keys.as_path();
        let mut keys = KeysFile::open(from)?;
        setup.check(from, from, &keys.setup.origin)?;
        let mut data = DataFile::open(&config.data, setup, from)?;
        let samples = data.samples();
        let schedule = Schedule::new(
            config.epochs,
            config.learning_rate,
            samples.len(),
            setup.origin.activation,
        )?;
        let schedule = match (&config.prune, &data) {
            (None, _) => schedule,
            (Some(_), DataFile::Merged(_)) => return Err(JobError::Merged(config.data.clone())),
            (Some(rounds), DataFile::Fresh(_)) => {
                rounds.check(setup.origin.pruning)?;
                rounds.schedule(schedule, setup.plan.layout(), samples.iter().sum())
            }
        };
        let name = config
            .data
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy();
        let rows = samples.iter().sum();
        let plan = task::report(setup, &schedule, &name, rows, device);
        observer.event(&Event::Plan(&plan));
        let by_owner = setup.plan.refresh_by() == RefreshBy::Owner;
        let scorings = self.scorings(&schedule);
        let asks = config.early_stopping;
        let by_exchange = by_owner || asks || scorings > 0;
        if by_exchange {
            let command = owner_command(exchange(config)?);
            observer.event(&Event::Note(format!("the owner is asked: `{command}`")));
        }
        let model = store::create_model(&config.out, setup)?;

        let mut running = Running::begin(observer, Stage::Keys, plan.keys);
        let keys = keys.read(backend, &mut running)?;
        running.end();

        let steps = schedule.steps();
        let validation_samples = data.validation_samples();
        if asks && validation_samples.is_empty() {
            return Err(JobError::mismatch(
                &config.data,
                "training set",
                "none",
                "samples for validation, to stop early by",
            ));
        }
        // The state after the last step is refreshed only where its logits are wanted.
        let before = |steps, scored| refreshes_before(setup, steps, scored, samples.len());
        let requests = before(steps, scorings) - usize::from(!asks);
        let talk = &self.conversation;
        let end = if by_exchange {
            talk.resume(before(self.checkpoint.steps(), self.pruned.scored()));
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
        let rate = schedule.learning_rate;
        let server = Server::new(evaluator(), refresher, &setup.plan, rate)?;
        let mut running = Running::begin(observer, Stage::Train, steps);
        let start = data.start(backend, setup)?;
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
            server: &server,
            setup,
            schedule: &schedule,
            rounds,
            memory: &self.pruned,
            samples,
            merged: None,
        });
        let mut fetch = |index| data.batch(backend, setup, &server, index);
        let mut ask_for_mask = |message: &ScoreMessage<'_, B>| {
            let end = end.as_ref().ok_or_else(no_exchange)?;
            end.ask_for_mask(message)
        };
        let mut next = |step, state: &Ciphertext<B>, running: &mut Running<'_>| match &mut pruner {
            Some(pruner) => pruner.batch(step, state, &mut fetch, &mut ask_for_mask, running),
            None => fetch(schedule.batch(step)),
        };
        let course = Course {
            params: &setup.params,
            schedule: &schedule,
            checkpoint: &self.checkpoint,
        };
        let trained = run_steps(
            backend,
            &server,
            &course,
            start,
            &mut next,
            ask,
            &mut running,
        );
        let failure = || end.as_ref().and_then(ServerEnd::take_failure);
        let Trained {
            state,
            steps,
            best_epoch,
            step_seconds,
        } = trained.map_err(|error| failure().unwrap_or(error))?;
        let steps_of_model = best_epoch.map_or(steps, |epoch| schedule.steps_until(epoch));
        store::finish_model(model, backend, setup, steps_of_model, &state)?;
        if end.is_some() {
            talk.close(exchange(config)?, true)?;
        }
        running.end();
        let seconds = self.begun.elapsed().as_secs_f64();
        let pruning = config.prune.map(|_| {
            self.pruned
                .summary(speedup(&schedule, &step_seconds, &self.pruned))
        });
        Ok(TrainReport {
            pruning,
            out: config.out.clone(),
            steps,
            best_epoch,
            seconds,
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

/// What came of a training.
pub(super) struct Trained<B: Backend> {
    /// The state after the last step, or after the best epoch.
    pub(super) state: Ciphertext<B>,
    /// Steps that were done.
    pub(super) steps: usize,
    /// The epoch that the state is from, where the owner was asked.
    pub(super) best_epoch: Option<usize>,
    /// The steps that this device did and their seconds.
    pub(super) step_seconds: Vec<(usize, f64)>,
}

/// Asks the owner about the state after an epoch, which has been refreshed.
pub(super) type Ask<'a, B> =
    dyn FnMut(usize, &Ciphertext<B>) -> Result<ValidationReport, JobError> + 'a;

/// Gives the batch of a step. The state is what the step begins with: samples may be chosen by it.
pub(super) type NextBatch<'a, B> =
    dyn FnMut(usize, &Ciphertext<B>, &mut Running<'_>) -> Result<ReceivedBatch<B>, JobError> + 'a;

/// How long a training is, and how far it has come.
pub(super) struct Course<'a> {
    pub(super) params: &'a Params,
    pub(super) schedule: &'a Schedule,
    pub(super) checkpoint: &'a Checkpoint,
}

/// All steps of a training that the checkpoint has not behind it, with a refresh between two, until the owner stops it if
/// there is somebody to ask.
pub(super) fn run_steps<B: Backend>(
    backend: &B,
    server: &Server<'_, B>,
    course: &Course<'_>,
    start: Ciphertext<B>,
    batch: &mut NextBatch<'_, B>,
    mut ask: Option<&mut Ask<'_, B>>,
    running: &mut Running<'_>,
) -> Result<Trained<B>, JobError> {
    let Course {
        params,
        schedule,
        checkpoint,
    } = course;
    let steps = schedule.steps();
    let resumed = checkpoint.resume(backend, params)?;
    let Progress {
        steps: mut done,
        mut state,
        mut best,
        mut verdict,
    } = resumed.unwrap_or_else(|| Progress::begin(start));
    let mut step_seconds = Vec::new();
    loop {
        let over = schedule.ends_epoch(done);
        if let (Some(ask), None, true) = (ask.as_mut(), verdict, over) {
            let epoch = schedule.epoch(done - 1);
            let report = ask(epoch, &state)?;
            verdict = Some(checkpoint.judged(&report));
            running.observer().event(&Event::Validation(&report));
            if report.best {
                best = Some((epoch, state.clone()));
            }
        }
        if done == steps || verdict.is_some_and(|verdict| verdict.stop) {
            break;
        }
        let next = batch(done, &state, running)?;
        let begun = Instant::now();
        state = server.step(&state, &next, done)?;
        let epoch = schedule.epoch(done);
        done += 1;
        let is_asked = ask.is_some() && schedule.ends_epoch(done);
        if done < steps || is_asked {
            state = server.refresh(&state)?;
        }
        verdict = None;
        checkpoint.keep(backend, done, &state)?;
        let seconds = begun.elapsed().as_secs_f64();
        step_seconds.push((done - 1, seconds));
        running.observer().event(&Event::Step(&StepReport {
            step: done,
            steps,
            epoch,
            seconds,
        }));
        running.advance();
    }
    let (best_epoch, state) = match best {
        Some((epoch, state)) => (Some(epoch), state),
        None => (None, state),
    };
    Ok(Trained {
        state,
        steps: done,
        best_epoch,
        step_seconds,
    })
}

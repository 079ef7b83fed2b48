//! Training on the server, which asks the owner for refreshes.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use engine::backend::Backend;
use engine::bootstrap::Bootstrapper;
use engine::circuits::Refresh;
use engine::ckks::{Ciphertext, Encoder, Evaluator, Params};
use engine::protocol::{Plan, PlanError, ReceivedBatch, RefreshBy, Server};

use super::checkpoint::Checkpoint;
use super::event::Running;
use super::exchange::{Conversation, ServerEnd, owner_command};
use super::store::{self, KeysFile, TrainingSetFile};
use super::task::{self, Schedule, Setup};
use super::{Event, JobError, Observer, Stage, StepReport, TrainJobConfig, TrainReport};
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
    let refreshes = setup.plan.refreshes().len();
    let training = Training {
        config,
        setup,
        conversation: Conversation::new(refreshes)?,
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
    begun: Instant,
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
        let mut data = TrainingSetFile::open(&config.data, setup, from)?;
        let schedule = Schedule::new(
            config.epochs,
            config.learning_rate,
            data.samples.len(),
            setup.origin.activation,
        )?;
        let name = config
            .data
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy();
        let rows = data.samples.iter().sum();
        let plan = task::report(setup, &schedule, &name, rows, device);
        observer.event(&Event::Plan(&plan));
        if setup.plan.refresh_by() == RefreshBy::Owner {
            let exchange = exchange(config)?;
            let command = owner_command(exchange);
            observer.event(&Event::Note(format!(
                "levels are given back by the owner: `{command}`"
            )));
        }
        let model = store::create_model(&config.out, setup)?;

        let mut running = Running::begin(observer, Stage::Keys, plan.keys);
        let keys = keys.read(backend, &mut running)?;
        running.end();

        let steps = schedule.steps();
        let encoder = Arc::new(Encoder::new(setup.params.degree()));
        let evaluator = || Evaluator::new(backend, &setup.params, Arc::clone(&encoder), &keys);
        let mut course = |refresher: &dyn Refresh<B>| {
            let rate = schedule.learning_rate;
            let server = Server::new(evaluator(), refresher, &setup.plan, rate)?;
            let mut running = Running::begin(observer, Stage::Train, steps);
            let start = data.start(backend, setup)?;
            let batch = |index| data.batch(backend, setup, index);
            let training = (&setup.params, &self.checkpoint);
            let trained = run_steps(
                backend,
                &server,
                &schedule,
                training,
                start,
                batch,
                &mut running,
            )?;
            running.end();
            Ok(trained)
        };
        let trained = match bootstrapper(&setup.plan, evaluator())? {
            Some(bootstrapper) => course(&bootstrapper)?,
            None => {
                let refreshes = setup.plan.refreshes().len();
                self.conversation
                    .resume(self.checkpoint.steps() * refreshes);
                let (talk, requests) = (&self.conversation, steps * refreshes - 1);
                let (exchange, wait) = (exchange(config)?, config.wait);
                let end = ServerEnd::open(backend, setup, from, exchange, wait, requests, talk)?;
                let trained = course(&end);
                let trained = trained.map_err(|error| end.take_failure().unwrap_or(error))?;
                talk.close(exchange, true)?;
                trained
            }
        };
        store::finish_model(model, backend, setup, steps, &trained)?;
        let seconds = self.begun.elapsed().as_secs_f64();
        Ok(TrainReport {
            out: config.out.clone(),
            steps,
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
    let prepared = plan.refresh_by().rotations().map(prepare).transpose();
    Ok(prepared.map_err(PlanError::from)?)
}

/// All steps of a training that the checkpoint has not behind it, with a refresh between two; the state after the last.
pub(super) fn run_steps<B: Backend>(
    backend: &B,
    server: &Server<'_, B>,
    schedule: &Schedule,
    (params, checkpoint): (&Params, &Checkpoint),
    start: Ciphertext<B>,
    mut batch: impl FnMut(usize) -> Result<ReceivedBatch<B>, JobError>,
    running: &mut Running<'_>,
) -> Result<Ciphertext<B>, JobError> {
    let steps = schedule.steps();
    let (done, mut state) = checkpoint.resume(backend, params)?.unwrap_or((0, start));
    for step in done..steps {
        let begun = Instant::now();
        state = server.step(&state, &batch(schedule.batch(step))?, step)?;
        if step + 1 < steps {
            state = server.refresh(&state)?;
        }
        checkpoint.keep(backend, step + 1, &state)?;
        running.observer().event(&Event::Step(&StepReport {
            step: step + 1,
            steps,
            epoch: schedule.epoch(step),
            seconds: begun.elapsed().as_secs_f64(),
        }));
        running.advance();
    }
    Ok(state)
}

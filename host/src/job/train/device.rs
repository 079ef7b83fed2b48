//! A training on a device.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::backend::Backend;
use engine::bootstrap::Bootstrapper;
use engine::circuits::Refresh;
use engine::ckks::{Ciphertext, Encoder, Evaluator};
use engine::protocol::{Plan, RefreshBy, Server};

use super::Training;
use crate::job::event::Running;
use crate::job::exchange::{ServerEnd, owner_command};
use crate::job::phases::PhaseClock;
use crate::job::prune::{Pruner, ScoreMessage, refreshes_before, summary};
use crate::job::steps::{AfterEpoch, Ask, Course, Trained, run_steps};
use crate::job::store::{self, KeysFile};
use crate::job::task;
use crate::job::{
    Event, JobError, Observer, PlanReport, Stage, TrainJobConfig, TrainReport, ValidationReport,
};
use crate::launch::{Device, Job};

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
        let mut data = lock(&self.data);
        let mut start = self.start.as_ref().map(lock);
        let [steps_behind, epochs_behind] = start
            .as_ref()
            .map_or([0; 2], |file| [file.steps, file.epochs]);
        let is_spent = start
            .as_ref()
            .is_some_and(|file| file.level < setup.plan.levels().state);
        let samples = data.samples();
        let set = data.set().clone();
        let name = config.data.file_stem();
        let name = name.unwrap_or_default().to_string_lossy();
        let plan = task::report(setup, schedule, &name, samples.iter().sum(), device);
        self.announce(&plan, steps_behind, observer)?;
        let model = store::create_model(&config.out, setup)?;

        let mut keys = KeysFile::open(from)?;
        setup.check(from, from, &keys.setup.origin)?;
        let mut running = Running::begin(observer, Stage::Keys, plan.keys);
        let keys = keys.read(backend, &mut running)?;
        running.end();

        let steps = schedule.steps();
        let asks = config.early_stopping;
        // The state after the last step is refreshed only where its logits are wanted; a model that has spent its levels is,
        // before all others.
        let before = |steps, scored| {
            usize::from(is_spent) + refreshes_before(setup, steps, scored, samples.len())
        };
        let requests = before(steps, self.scorings()) - usize::from(!asks);
        let end = self.server_end(backend, requests)?;
        let encoder = Arc::new(Encoder::new(setup.params.degree()));
        let evaluator = || Evaluator::new(backend, &setup.params, Arc::clone(&encoder), &keys);
        let bootstrapper = bootstrapper(&setup.plan, evaluator())?;
        let end_of_talk = || end.as_ref().ok_or_else(|| no_exchange(config));
        let refresher: &dyn Refresh<B> = match &bootstrapper {
            Some(bootstrapper) => bootstrapper,
            None => end_of_talk()?,
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
            let logits = server.validation_logits(state, &validation)?;
            let verdict = end_of_talk()?.ask_to_go_on(epoch, &logits, &validation_samples)?;
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
        let mut ask_for_mask =
            |message: &ScoreMessage<'_, B>| end_of_talk()?.ask_for_mask(&set, message);
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

impl Training<'_> {
    /// Whether the owner is asked for anything: refreshes, whether to go on, or which samples to keep.
    fn asks_owner(&self) -> bool {
        let by_owner = self.setup.plan.refresh_by() == RefreshBy::Owner;
        by_owner || self.config.early_stopping || self.scorings() > 0
    }

    /// Says what is about to be done, what the owner has to do for it, and what it goes on from.
    fn announce(
        &self,
        plan: &PlanReport,
        steps_behind: usize,
        observer: &mut dyn Observer,
    ) -> Result<(), JobError> {
        observer.event(&Event::Plan(plan));
        if self.asks_owner() {
            let command = owner_command(exchange(self.config)?);
            observer.event(&Event::Note(format!("the owner is asked: `{command}`")));
        }
        if let Some(path) = &self.config.start {
            let path = path.display();
            observer.event(&Event::Note(format!(
                "goes on from {path}, a model after {steps_behind} steps"
            )));
        }
        Ok(())
    }

    /// Where the owner is asked, if for anything; for as many refreshes, where the owner makes them.
    fn server_end<'a, B: Backend>(
        &'a self,
        backend: &'a B,
        refreshes: usize,
    ) -> Result<Option<ServerEnd<'a, B>>, JobError> {
        let Self {
            config,
            setup,
            conversation,
            ..
        } = self;
        if !self.asks_owner() {
            return Ok(None);
        }
        let from = config.evaluation_keys.as_path();
        let requests = match setup.plan.refresh_by() {
            RefreshBy::Owner => refreshes,
            _ => 0,
        };
        let (exchange, wait) = (exchange(config)?, config.wait);
        ServerEnd::open(backend, setup, from, exchange, wait, requests, conversation).map(Some)
    }
}

fn lock<T>(file: &Mutex<T>) -> MutexGuard<'_, T> {
    file.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The directory that is needed if the owner is asked.
fn exchange(config: &TrainJobConfig) -> Result<&Path, JobError> {
    let exchange = config.exchange.as_deref();
    exchange.ok_or_else(|| no_exchange(config))
}

fn no_exchange(config: &TrainJobConfig) -> JobError {
    JobError::NoExchange {
        keys: config.evaluation_keys.clone(),
    }
}

/// What gives levels back without the owner, if the plan is for that.
pub(in crate::job) fn bootstrapper<'a, B: Backend>(
    plan: &Plan,
    evaluator: Evaluator<'a, B>,
) -> Result<Option<Bootstrapper<'a, B>>, JobError> {
    let prepare = |rotations| Bootstrapper::new(evaluator, rotations);
    Ok(plan.refresh_by().rotations().map(prepare).transpose()?)
}

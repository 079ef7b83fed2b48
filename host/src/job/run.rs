//! Everything in one process: owner and server as two objects that exchange messages, and training in the clear beside
//! them.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use engine::backend::Backend;
use engine::circuits::Refresh;
use engine::circuits::activation::Activation;
use engine::ckks::{Ciphertext, Encoder, Evaluator, SecretKey};
use engine::protocol::{Owner, Server, Task};
use engine::ring::sampling::Seed;
use engine::train::{ExactTrainer, Model, Precision};

use super::at_hand::{AtHand, encrypt, encrypt_validation, make_keys};
use super::calibrate::known_costs;
use super::checkpoint::Checkpoint;
use super::event::{Running, stage};
use super::phases::PhaseClock;
use super::prune::{Pruner, ScoreMessage, refreshes_before, summary};
use super::samples::{Compared, Prepared, Samples, WeightedSamples, batch_size};
use super::steps::{AfterEpoch, Ask, Course, Measure, Trained, run_steps, tell_of_earlier};
use super::task::{self, Schedule, Setup};
use super::train;
use super::validation::Judge;
use super::work;
use super::{
    Event, JobError, Observer, ResumeConfig, RunConfig, RunReport, Stage, TrainConfig, clear_model,
    memory, params, random,
};
use crate::launch::{Device, DeviceChoice, Job, launch};

/// Makes keys, encrypts, trains and decrypts, and trains in the clear with the exact activation to compare.
///
/// With a directory for it, what it takes to [`resume`](super::resume()) is kept there until [`finish_work`](super::finish_work).
///
/// # Errors
/// [`JobError`]: data or parameters that are refused, a training that diverges, a device that fails, a directory with a run
/// that was not finished.
pub fn run(config: &RunConfig, observer: &mut dyn Observer) -> Result<RunReport, JobError> {
    let begun = Instant::now();
    if let Some(directory) = &config.work {
        work::refuse_unfinished_run(directory)?;
    }
    let params = params::choose(&config.params, config.allow_insecure)?;
    let prepared = stage(observer, Stage::Data, || {
        Prepared::open(&config.data, config.train.seed)
    })?;
    let set = &prepared.set;
    let (classes, rows) = (set.classes(), set.train().rows());
    let batch = batch_size(config.train.batch, params.slots(), classes, Some(rows))?;
    let costs = known_costs(
        &params,
        config.refresh,
        (config.device, config.threads),
        config.calibrations.as_deref(),
        observer,
    )?;
    let setup = Setup::planned(
        &params,
        Task {
            features: set.features(),
            classes,
            batch,
        },
        config.train.activation,
        config.refresh,
        costs.as_ref(),
    )?;
    let setup = match &config.train.prune {
        None => setup,
        Some(prune) => {
            let setup = setup.with_pruning(prune.pruning())?;
            prune.rounds.check(setup.origin.pruning)?;
            setup
        }
    };
    let seed = random::secret_seed()?;
    let checkpoint = match &config.work {
        Some(directory) => work::begin(directory, config, &prepared.set, &setup, &seed)?,
        None => Checkpoint::default(),
    };
    let whole = Whole {
        model_out: config.model_out.clone(),
        work: config.work.clone(),
        ..Whole::new(prepared, setup, seed, checkpoint, &config.train, begun)?
    };
    if let Some(note) = memory::too_little_for(whole.memory_bytes()) {
        observer.event(&Event::Note(note));
    }
    whole.launch(config.device, config.threads, observer)
}

/// Goes on with the run of a directory.
pub(super) fn resume_run(
    directory: &Path,
    overrides: &ResumeConfig,
    observer: &mut dyn Observer,
) -> Result<RunReport, JobError> {
    let begun = Instant::now();
    let (asked, prepared, setup, seed, checkpoint) =
        work::go_on(directory, overrides.data.as_deref(), observer)?;
    let whole = Whole {
        model_out: overrides.out.clone().or(asked.model_out),
        work: Some(directory.to_owned()),
        ..Whole::new(prepared, setup, seed, checkpoint, &asked.train, begun)?
    };
    tell_of_earlier(&whole.checkpoint, &whole.schedule, observer);
    whole.launch(overrides.device, overrides.threads, observer)
}

struct Whole {
    train: TrainConfig,
    model_out: Option<PathBuf>,
    /// The directory of what it takes to go on.
    work: Option<PathBuf>,
    prepared: Prepared,
    batches: Vec<Samples>,
    schedule: Schedule,
    setup: Setup,
    /// Of everything the owner draws: whatever device does it, and however often, the words are the same.
    seed: Seed,
    checkpoint: Checkpoint,
    /// What it knows of the epochs so far is not lost with a device.
    judge: Mutex<Judge>,
    begun: Instant,
}

impl Whole {
    fn new(
        prepared: Prepared,
        setup: Setup,
        seed: Seed,
        checkpoint: Checkpoint,
        train: &TrainConfig,
        begun: Instant,
    ) -> Result<Self, JobError> {
        let batch = setup.plan.task().batch;
        let batches = prepared.batches(batch, train.seed)?;
        let schedule = Schedule::new(
            train.epochs,
            train.learning_rate,
            batches.len(),
            setup.origin.activation,
        )?;
        let rows = prepared.set.train().rows();
        let schedule = match train.prune {
            Some(prune) => prune.rounds.schedule(schedule, setup.plan.layout(), rows)?,
            None => schedule,
        };
        let labels = prepared.validation(batch).into_iter();
        let labels = labels.flat_map(|part| part.labels).collect();
        let mut judge = Judge::new(labels, train.patience.unwrap_or(usize::MAX));
        let judged = checkpoint.history().validations;
        judge.recall(judged.iter().map(|report| report.loss.unwrap_or(f64::NAN)));
        Ok(Self {
            train: train.clone(),
            model_out: None,
            work: None,
            prepared,
            batches,
            schedule,
            setup,
            seed,
            checkpoint,
            judge: Mutex::new(judge),
            begun,
        })
    }

    fn launch(
        &self,
        device: DeviceChoice,
        threads: Option<usize>,
        observer: &mut dyn Observer,
    ) -> Result<RunReport, JobError> {
        let done = launch(self, device, threads, &self.setup.params, observer);
        if let Err(error) = &done
            && !train::tell_what_is_left(error, &self.checkpoint, observer)
            && let Some(directory) = &self.work
        {
            // Whatever stays is told of when somebody begins anew.
            drop(work::finish_work(directory));
        }
        done
    }
}

/// What is derived from the seed of a run, by its index.
#[derive(Clone, Copy)]
enum Draw {
    Secret,
    Keys,
    Batches,
    Start,
    Refreshes,
    Validation,
    Masks,
}

impl Job for Whole {
    type Output = RunReport;

    fn memory_bytes(&self) -> u64 {
        let rows = self.prepared.set.train().rows();
        let batches = rows.div_ceil(self.setup.plan.task().batch);
        self.setup.training_bytes(batches)
    }

    fn run<B: Backend>(
        &self,
        backend: &B,
        device: &Device,
        observer: &mut dyn Observer,
    ) -> Result<RunReport, JobError> {
        let Self {
            train,
            prepared,
            batches,
            schedule,
            setup,
            checkpoint,
            ..
        } = self;
        let Setup { params, plan, .. } = setup;
        let (task, set) = (plan.task(), &prepared.set);
        let rows = set.train().rows();
        let plan_report = task::report(setup, schedule, set.name(), rows, device);
        observer.event(&Event::Plan(&plan_report));

        let encoder = Arc::new(Encoder::new(params.degree()));
        let secret = secret_of(&self.seed, setup);
        let owner = Owner::new(backend, params, Arc::clone(&encoder), secret);
        let (keys, seconds_keys) = make_keys(&owner, setup, &self.draw(Draw::Keys), observer)?;
        let (encrypted, seconds_encrypt) =
            encrypt(&owner, setup, &self.draw(Draw::Batches), batches, observer)?;

        let start = Model::zeros(task.classes, task.features);
        let state = owner
            .encrypt_start(plan, &start, &self.draw(Draw::Start))?
            .ciphertext;
        let at_hand = AtHand {
            owner: &owner,
            seed: self.draw(Draw::Refreshes),
            refreshes: AtomicU64::new(refreshes_before(
                setup,
                checkpoint.steps(),
                checkpoint.pruning(|state| state.scored()),
                batches.len(),
            ) as u64),
        };
        let evaluator = || Evaluator::new(backend, params, Arc::clone(&encoder), &keys);
        let bootstrapper = train::bootstrapper(plan, evaluator())?;
        let refresher: &dyn Refresh<B> = match &bootstrapper {
            Some(bootstrapper) => bootstrapper,
            None => &at_hand,
        };
        let clock = PhaseClock::new(backend);
        let server = Server::new(evaluator(), refresher, plan, schedule.learning_rate)?;
        let server = server.watched_by(&clock);
        let mut running = Running::begin(observer, Stage::Train, schedule.steps());
        let mut fetch = |index: usize| Ok(encrypted[index].received());
        let classes: Vec<Vec<usize>> = batches.iter().map(|batch| batch.labels.clone()).collect();
        let mut ask_for_mask = |message: &ScoreMessage<'_, B>| {
            let (score, scores) = (message.score, message.scores);
            let scores = owner.scores(plan, score, scores, message.samples, &classes)?;
            let seed = self.draw(Draw::Masks).derive(message.round as u64);
            let selection = message.selection;
            Ok(selection.choose(plan.layout(), &scores, &classes, &seed)?)
        };
        let mut pruner = train.prune.map(|prune| Pruner {
            backend,
            server: &server,
            setup,
            schedule,
            rounds: prune.rounds,
            checkpoint,
            samples: classes.iter().map(Vec::len).collect(),
            merged: None,
        });
        let mut next = |step, state: &Ciphertext<B>, running: &mut Running<'_>| match &mut pruner {
            Some(pruner) => pruner.batch(step, state, &mut fetch, &mut ask_for_mask, running),
            None => fetch(schedule.batch(step)),
        };
        let labelled = prepared.validation(task.batch);
        let samples: Vec<usize> = labelled.iter().map(|part| part.labels.len()).collect();
        let validation = match train.patience {
            Some(_) => encrypt_validation(&owner, plan, &self.draw(Draw::Validation), &labelled)?,
            None => Vec::new(),
        };
        let mut ask = |epoch: usize, state: &Ciphertext<B>| {
            let logits = server.validation_logits(state, &validation)?;
            let logits = owner.validation_logits(plan, &logits, &samples)?;
            let mut judge = self.judge.lock().unwrap_or_else(PoisonError::into_inner);
            Ok(judge.judge(epoch, plan.activation(), &logits))
        };
        let ask: Option<&mut Ask<'_, B>> = match train.patience {
            Some(_) => Some(&mut ask),
            None => None,
        };
        let [validation_rows, test_rows] = [set.validation(), set.test()].map(Samples::of);
        let compared = Compared {
            activation: plan.activation(),
            epochs: schedule.epochs,
            validation: &validation_rows,
            test: &test_rows,
        };
        let mut exact = ExactTrainer::new(start, plan.activation(), Precision::Exact);
        let mut measure = |epoch: usize, state: &Ciphertext<B>| {
            self.train_in_the_clear(&mut exact, schedule, epoch);
            let model = owner.model(plan, state)?;
            let steps = &checkpoint.history().steps;
            let of_epoch = schedule.steps_until(epoch - 1)..schedule.steps_until(epoch);
            let steps = steps.get(of_epoch).unwrap_or_default();
            let seconds = steps.iter().map(|step| step.total()).sum();
            Ok(compared.report(epoch, &model, &exact, seconds))
        };
        let measure: &mut Measure<'_, B> = &mut measure;
        let course = Course {
            params,
            schedule,
            checkpoint,
            clock: &clock,
            talk: None,
        };
        let after_epoch = AfterEpoch {
            ask,
            measure: Some(measure),
        };
        let trained = run_steps(
            backend,
            &server,
            &course,
            state,
            &mut next,
            after_epoch,
            &mut running,
        )?;
        let Trained {
            state,
            steps,
            best_epoch,
        } = trained;
        running.end();
        // What the model is compared with stops at the same epoch.
        let schedule_of_model = Schedule {
            epochs: best_epoch.unwrap_or(schedule.epochs),
            ..*schedule
        };
        let model = stage(observer, Stage::Decrypt, || owner.model(plan, &state))?;
        if let Some(path) = &self.model_out {
            let epochs = schedule_of_model.epochs;
            let about = clear_model::About {
                class_names: Some(set.class_names()),
                params: params.name(),
                activation: setup.origin.activation.name(),
                steps: schedule.steps_until(epochs),
                epochs,
            };
            clear_model::write(path, &model, &prepared.normalization, &about)?;
        }

        let (twin, accuracies) = stage(observer, Stage::Evaluate, || {
            let train = |precision| {
                let start = Model::zeros(task.classes, task.features);
                let mut trainer = ExactTrainer::new(start, plan.activation(), precision);
                self.train_in_the_clear(&mut trainer, schedule, schedule_of_model.epochs);
                trainer.weights().clone()
            };
            let clear = train(Precision::Exact);
            let accuracies = [
                test_rows.accuracy(&model),
                test_rows.accuracy(&clear),
                validation_rows.accuracy(&model),
            ];
            Ok::<_, JobError>((train(Precision::Approximate), accuracies))
        })?;
        let [test_accuracy, clear_test_accuracy, validation_accuracy] = accuracies;
        let errors = model.values().iter().zip(twin.values());
        let phases = checkpoint.history().phases();
        let samples: Vec<usize> = batches.iter().map(|batch| batch.labels.len()).collect();
        let pruning = train
            .prune
            .map(|prune| summary(setup, schedule, prune.rounds, &samples, checkpoint));
        Ok(RunReport {
            test_accuracy,
            clear_test_accuracy,
            validation_accuracy,
            steps,
            epochs: schedule.epochs_before(steps),
            best_epoch,
            seconds_total: self.begun.elapsed().as_secs_f64(),
            seconds_per_step: phases.total() / steps as f64,
            phases: phases.report(),
            seconds_keys,
            seconds_encrypt,
            peak_memory_bytes: memory::peak_memory_bytes(),
            params: params.name().to_owned(),
            security_bits: params.security_bits(),
            device: device.name.clone(),
            threads: device.threads,
            refresh: plan.refresh_by().name().to_owned(),
            weight_error: errors.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max),
            pruning: pruning.transpose()?,
        })
    }
}

impl Whole {
    fn draw(&self, draw: Draw) -> Seed {
        self.seed.derive(draw as u64)
    }

    /// Goes on with the same training on `f64`, on the same choices of samples, until so many epochs are over.
    fn train_in_the_clear(
        &self,
        trainer: &mut ExactTrainer<'_, Activation>,
        schedule: &Schedule,
        epochs: usize,
    ) {
        let (layout, rate) = (self.setup.plan.layout(), schedule.learning_rate);
        let method = self.train.prune.map(|prune| prune.rounds.method);
        let mut merged: Option<(usize, Vec<WeightedSamples>)> = None;
        while trainer.steps() < schedule.steps_until(epochs) {
            let (step, index) = (trainer.steps(), schedule.batch(trainer.steps()));
            let Some((round, method)) = schedule.round(step).zip(method) else {
                let batch = &self.batches[index];
                trainer.step(&batch.features, &batch.labels, rate);
                continue;
            };
            if merged
                .as_ref()
                .is_none_or(|(number, _)| *number != round.number)
            {
                let mask = self.checkpoint.pruning(|state| state.mask(round.number));
                let of = |mask| WeightedSamples::of(layout, &mask, method, &self.batches);
                merged = Some((round.number, mask.map(of).unwrap_or_default()));
            }
            let batches = merged.iter().flat_map(|(_, batches)| batches);
            let Some(WeightedSamples { samples, weights }) = batches.into_iter().nth(index) else {
                // There is no such choice: the training was not as long.
                return;
            };
            trainer.step_weighted(&samples.features, &samples.labels, Some(weights), rate);
        }
    }
}

/// The secret key that the seed of a run leads to.
pub(super) fn secret_of(seed: &Seed, setup: &Setup) -> SecretKey {
    SecretKey::generate(&setup.params, &seed.derive(Draw::Secret as u64))
}

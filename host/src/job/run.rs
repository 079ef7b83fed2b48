//! Everything in one process: owner and server as two objects that exchange messages, and training in the clear beside
//! them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use engine::backend::Backend;
use engine::circuits::Refresh;
use engine::ckks::{Ciphertext, Encoder, EvalError, EvaluationKeys, Evaluator, Level, SecretKey};
use engine::protocol::{EncryptedBatch, Owner, Plan, RefreshRequest, Server, Task};
use engine::ring::sampling::Seed;
use engine::train::{ExactTrainer, Model, Precision};

use super::checkpoint::Checkpoint;
use super::event::{Running, stage};
use super::prune::{PruneMemory, Pruner, ScoreMessage, refreshes_before, speedup};
use super::samples::{Prepared, Samples, WeightedSamples, batch_size};
use super::task::{self, Schedule, Setup};
use super::train::{self, Ask, Course, Trained, run_steps};
use super::validation::Judge;
use super::{
    Event, JobError, Observer, RunConfig, RunReport, Stage, clear_model, memory, params, random,
};
use crate::launch::{Device, Job, launch};

/// Makes keys, encrypts, trains and decrypts, and trains in the clear with the exact activation to compare.
///
/// # Errors
/// [`JobError`]: data or parameters that are refused, a training that diverges, a device that fails.
pub fn run(config: &RunConfig, observer: &mut dyn Observer) -> Result<RunReport, JobError> {
    let begun = Instant::now();
    let params = params::choose(&config.params, config.allow_insecure)?;
    let prepared = stage(observer, Stage::Data, || {
        Prepared::open(&config.data, config.train.seed)
    })?;
    let set = &prepared.set;
    let (classes, rows) = (set.classes(), set.train().rows());
    let batch = batch_size(config.train.batch, params.slots(), classes, Some(rows))?;
    let setup = Setup::new(
        &params,
        Task {
            features: set.features(),
            classes,
            batch,
        },
        config.train.activation,
        config.refresh,
    )?;
    let setup = match &config.train.prune {
        None => setup,
        Some(prune) => {
            let setup = setup.with_pruning(prune.pruning())?;
            prune.rounds.check(setup.origin.pruning)?;
            setup
        }
    };
    let labels = prepared.validation(batch).into_iter();
    let labels = labels.flat_map(|part| part.labels).collect();
    let patience = config.train.patience.unwrap_or(usize::MAX);
    let whole = Whole {
        config,
        prepared,
        judge: Mutex::new(Judge::new(labels, patience)),
        setup,
        seed: random::secret_seed()?,
        checkpoint: Checkpoint::default(),
        pruned: PruneMemory::default(),
        begun,
    };
    launch(&whole, config.device, config.threads, &params, observer)
}

struct Whole<'a> {
    config: &'a RunConfig,
    prepared: Prepared,
    setup: Setup,
    /// Of everything the owner draws: whatever device does it, and however often, the words are the same.
    seed: Seed,
    checkpoint: Checkpoint,
    pruned: PruneMemory,
    /// What it knows of the epochs so far is not lost with a device.
    judge: Mutex<Judge>,
    begun: Instant,
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

impl Job for Whole<'_> {
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
            config,
            prepared,
            setup,
            ..
        } = self;
        let Setup { params, plan, .. } = setup;
        let (task, set) = (plan.task(), &prepared.set);
        let batches = prepared.batches(task.batch, config.train.seed)?;
        let train = &config.train;
        let schedule = Schedule::new(
            train.epochs,
            train.learning_rate,
            batches.len(),
            setup.origin.activation,
        )?;
        let rows = set.train().rows();
        let rounds = train.prune.map(|prune| prune.rounds);
        let schedule = rounds.map_or(schedule, |r| r.schedule(schedule, plan.layout(), rows));
        let plan_report = task::report(setup, &schedule, set.name(), rows, device);
        observer.event(&Event::Plan(&plan_report));

        let encoder = Arc::new(Encoder::new(params.degree()));
        let secret = SecretKey::generate(params, &self.draw(Draw::Secret));
        let owner = Owner::new(backend, params, Arc::clone(&encoder), secret);
        let (keys, seconds_keys) = make_keys(&owner, setup, &self.draw(Draw::Keys), observer)?;
        let (encrypted, seconds_encrypt) =
            encrypt(&owner, setup, &self.draw(Draw::Batches), &batches, observer)?;

        let start = Model::zeros(task.classes, task.features);
        let state = owner
            .encrypt_start(plan, &start, &self.draw(Draw::Start))?
            .ciphertext;
        let at_hand = AtHand {
            owner: &owner,
            seed: self.draw(Draw::Refreshes),
            refreshes: AtomicU64::new(refreshes_before(
                setup,
                self.checkpoint.steps(),
                self.pruned.scored(),
                batches.len(),
            ) as u64),
        };
        let evaluator = || Evaluator::new(backend, params, Arc::clone(&encoder), &keys);
        let bootstrapper = train::bootstrapper(plan, evaluator())?;
        let refresher: &dyn Refresh<B> = match &bootstrapper {
            Some(bootstrapper) => bootstrapper,
            None => &at_hand,
        };
        let server = Server::new(evaluator(), refresher, plan, schedule.learning_rate)?;
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
        let mut pruner = rounds.map(|rounds| Pruner {
            server: &server,
            setup,
            schedule: &schedule,
            rounds,
            memory: &self.pruned,
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
        let course = Course {
            params,
            schedule: &schedule,
            checkpoint: &self.checkpoint,
        };
        let trained = run_steps(
            backend,
            &server,
            &course,
            state,
            &mut next,
            ask,
            &mut running,
        )?;
        let Trained {
            state,
            steps,
            best_epoch,
            step_seconds,
        } = trained;
        let seconds_train = running.end() - self.pruned.seconds();
        // What the model is compared with stops at the same epoch.
        let schedule_of_model = Schedule {
            epochs: best_epoch.unwrap_or(schedule.epochs),
            ..schedule
        };
        let model = stage(observer, Stage::Decrypt, || owner.model(plan, &state))?;
        if let Some(path) = &config.model_out {
            clear_model::write(path, &model, &prepared.normalization)?;
        }

        let (twin, accuracies) = stage(observer, Stage::Evaluate, || {
            let train =
                |precision| self.train_in_the_clear(&schedule_of_model, &batches, precision);
            let clear = train(Precision::Exact);
            let (test, validation) = (Samples::of(set.test()), Samples::of(set.validation()));
            let accuracies = [
                test.accuracy(&model),
                test.accuracy(&clear),
                validation.accuracy(&model),
            ];
            Ok::<_, JobError>((train(Precision::Approximate), accuracies))
        })?;
        let [test_accuracy, clear_test_accuracy, validation_accuracy] = accuracies;
        let errors = model.values().iter().zip(twin.values());
        Ok(RunReport {
            test_accuracy,
            clear_test_accuracy,
            validation_accuracy,
            steps,
            epochs: schedule.epoch(steps.saturating_sub(1)),
            best_epoch,
            seconds_total: self.begun.elapsed().as_secs_f64(),
            seconds_per_step: seconds_train / steps as f64,
            seconds_keys,
            seconds_encrypt,
            peak_memory_bytes: memory::peak_memory_bytes(),
            params: params.name().to_owned(),
            security_bits: params.security_bits(),
            device: device.name.clone(),
            threads: device.threads,
            refresh: plan.refresh_by().name().to_owned(),
            weight_error: errors.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max),
            pruning: rounds.map(|_| {
                self.pruned
                    .summary(speedup(&schedule, &step_seconds, &self.pruned))
            }),
        })
    }
}

impl Whole<'_> {
    fn draw(&self, draw: Draw) -> Seed {
        self.seed.derive(draw as u64)
    }

    /// The same training on `f64`, on the same choices of samples, with the exact activation or its polynomials.
    fn train_in_the_clear(
        &self,
        schedule: &Schedule,
        batches: &[Samples],
        precision: Precision,
    ) -> Model {
        let (plan, task) = (&self.setup.plan, self.setup.plan.task());
        let start = Model::zeros(task.classes, task.features);
        let mut trainer = ExactTrainer::new(start, plan.activation(), precision);
        let method = self.config.train.prune.map(|prune| prune.rounds.method);
        let merged: Vec<Vec<WeightedSamples>> = self
            .pruned
            .masks()
            .iter()
            .zip(method.iter().cycle())
            .map(|(mask, &method)| WeightedSamples::of(plan.layout(), mask, method, batches))
            .collect();
        for step in 0..schedule.steps() {
            let (index, rate) = (schedule.batch(step), schedule.learning_rate);
            match schedule
                .round(step)
                .and_then(|round| merged.get(round.number))
            {
                None => trainer.step(&batches[index].features, &batches[index].labels, rate),
                Some(merged) => {
                    let WeightedSamples { samples, weights } = &merged[index];
                    trainer.step_weighted(&samples.features, &samples.labels, Some(weights), rate);
                }
            }
        }
        trainer.weights().clone()
    }
}

/// The server's keys, and the seconds it took to make them.
fn make_keys<B: Backend>(
    owner: &Owner<'_, B>,
    setup: &Setup,
    seed: &Seed,
    observer: &mut dyn Observer,
) -> Result<(EvaluationKeys<B>, f64), JobError> {
    let plan = setup.plan.keys();
    let mut keys = EvaluationKeys::default();
    let mut running = Running::begin(observer, Stage::Keys, plan.len());
    owner.evaluation_keys(plan, seed, |name, key| {
        name.insert(&mut keys, setup.params.degree(), key);
        running.advance();
        Ok::<_, JobError>(())
    })?;
    Ok((keys, running.end()))
}

/// The training set, and the seconds it took to encrypt it.
fn encrypt<B: Backend>(
    owner: &Owner<'_, B>,
    setup: &Setup,
    seed: &Seed,
    batches: &[Samples],
    observer: &mut dyn Observer,
) -> Result<(Vec<EncryptedBatch<B>>, f64), JobError> {
    let mut running = Running::begin(observer, Stage::Encrypt, batches.len());
    let mut encrypted = Vec::with_capacity(batches.len());
    for (number, batch) in (0..).zip(batches) {
        let seed = seed.derive(number);
        encrypted.push(owner.encrypt_batch(&setup.plan, &batch.features, &batch.labels, &seed)?);
        running.advance();
    }
    Ok((encrypted, running.end()))
}

/// The features for validation, for each batch its tiles.
fn encrypt_validation<B: Backend>(
    owner: &Owner<'_, B>,
    plan: &Plan,
    seed: &Seed,
    validation: &[Samples],
) -> Result<Vec<Vec<Ciphertext<B>>>, JobError> {
    let mut encrypted = Vec::with_capacity(validation.len());
    for (number, part) in (0..).zip(validation) {
        let seed = seed.derive(number);
        let tiles = owner.encrypt_validation(plan, &part.features, &seed)?;
        encrypted.push(tiles.into_iter().map(|tile| tile.ciphertext).collect());
    }
    Ok(encrypted)
}

/// The owner in the same process: every refresh is a request and its answer.
struct AtHand<'a, B: Backend> {
    owner: &'a Owner<'a, B>,
    seed: Seed,
    refreshes: AtomicU64,
}

impl<B: Backend> Refresh<B> for AtHand<'_, B> {
    fn refresh(
        &self,
        x: &Ciphertext<B>,
        to: Level,
        bound: f64,
    ) -> Result<Ciphertext<B>, EvalError> {
        let seed = self
            .seed
            .derive(self.refreshes.fetch_add(1, Ordering::Relaxed));
        let request = RefreshRequest {
            ciphertext: x.clone(),
            to,
            bound,
        };
        Ok(self.owner.refresh(&request, &seed)?.ciphertext)
    }
}

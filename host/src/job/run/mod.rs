//! Everything in one process: owner and server as two objects that exchange messages, and training in the clear beside
//! them.

mod outcome;
mod training;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use engine::backend::Backend;
use engine::ckks::{Encoder, SecretKey};
use engine::protocol::{Owner, Task};
use engine::ring::sampling::Seed;

use super::at_hand::{encrypt, make_keys};
use super::calibrate::known_costs;
use super::checkpoint::Checkpoint;
use super::event::stage;
use super::samples::{self, Prepared, Samples, batch_size};
use super::steps::tell_of_earlier;
use super::task::{self, Schedule, Setup};
use super::validation::Judge;
use super::{
    Event, JobError, Observer, ResumeConfig, RunConfig, RunReport, Stage, TrainConfig, clear_model,
    memory, params, random, train, work,
};
use crate::file::AtomicFile;
use crate::launch::{Device, DeviceChoice, Job, launch};
use outcome::Before;
use training::Parties;

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
    let model_out = overrides.out.clone().or(asked.model_out);
    if let Some(path) = &model_out {
        AtomicFile::sweep(path)?;
    }
    let whole = Whole {
        model_out,
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
            train.prune.map(|prune| prune.rounds.schedule),
        )?;
        let schedule = match train.prune {
            Some(prune) => {
                let samples = samples::counts(&batches);
                prune
                    .rounds
                    .schedule(schedule, setup.plan.layout(), &samples)?
            }
            None => schedule,
        };
        checkpoint.check(&schedule)?;
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
        // Before anything is made: a place where it cannot be is found out early.
        let out = self.model_out.as_deref();
        let out = out.map(clear_model::create).transpose()?;
        let (setup, set) = (&self.setup, &self.prepared.set);
        let rows = set.train().rows();
        let plan = task::report(setup, &self.schedule, set.name(), rows, device);
        observer.event(&Event::Plan(&plan));

        let encoder = Arc::new(Encoder::new(setup.params.degree()));
        let secret = secret_of(&self.seed, setup);
        let owner = Owner::new(backend, &setup.params, Arc::clone(&encoder), secret);
        let (keys, seconds_keys) = make_keys(&owner, setup, &self.draw(Draw::Keys), observer)?;
        let seed = self.draw(Draw::Batches);
        let (encrypted, seconds_encrypt) = encrypt(&owner, setup, &seed, &self.batches, observer)?;
        let parties = Parties {
            backend,
            owner: &owner,
            encoder,
            keys: &keys,
            encrypted: &encrypted,
        };
        let trained = self.train_encrypted(&parties, observer)?;
        let before = Before {
            device,
            seconds_keys,
            seconds_encrypt,
        };
        self.finish(&owner, trained, out, &before, observer)
    }
}

impl Whole {
    fn draw(&self, draw: Draw) -> Seed {
        self.seed.derive(draw as u64)
    }
}

/// The secret key that the seed of a run leads to.
pub(super) fn secret_of(seed: &Seed, setup: &Setup) -> SecretKey {
    SecretKey::generate(&setup.params, &seed.derive(Draw::Secret as u64))
}

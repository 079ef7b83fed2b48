//! What a training will take on this machine, before anything is encrypted.

mod counts;
mod course;
mod memory;
mod prediction;
mod pruning;

use std::path::PathBuf;

use engine::protocol::{RefreshBy, Task};

use super::calibrate::Asked;
use super::event::stage;
use super::samples::{Prepared, batch_size};
use super::task::{self, Schedule, Setup};
use super::{Event, JobError, Observer, PlanReport, PredictionReport, RunConfig, Stage, params};
use crate::launch::{self, Device};
pub(super) use course::Training;
use pruning::Predicted;

/// Of [`plan`].
#[derive(Clone, Debug)]
pub struct PlanConfig {
    /// The training; where its model would go does not matter.
    pub run: RunConfig,
    /// The directory of calibrations.
    pub cache: PathBuf,
}

/// Predicts what [`run`](super::run()) will take, from a [calibration](super::calibrate()) that is kept or made now.
///
/// # Errors
/// [`JobError`]: data or parameters that are refused, a directory that cannot be written.
pub fn plan(
    config: &PlanConfig,
    observer: &mut dyn Observer,
) -> Result<PredictionReport, JobError> {
    let PlanConfig { run, cache } = config;
    let params = params::choose(&run.params, run.allow_insecure)?;
    let seed = run.train.seed;
    let prepared = stage(observer, Stage::Data, || Prepared::open(&run.data, seed))?;
    let set = &prepared.set;
    let (classes, rows) = (set.classes(), set.train().rows());
    let task = Task {
        features: set.features(),
        classes,
        batch: batch_size(run.train.batch, params.slots(), classes, Some(rows))?,
    };
    let refresh = run.refresh.unwrap_or_else(|| RefreshBy::of(&params));
    let asked = Asked {
        params: &params,
        refresh,
        device: run.device,
        threads: launch::threads_of(run.threads)?,
        cache,
    };
    let calibration = asked.get(observer)?;
    let costs = Some(&calibration.costs);
    let train = &run.train;
    let full_setup = Setup::planned(&params, task, train.activation, Some(refresh), costs)?;
    let setup = match &train.prune {
        None => full_setup.clone(),
        Some(prune) => {
            let setup = full_setup.clone().with_pruning(prune.pruning())?;
            prune.rounds.check(setup.origin.pruning)?;
            setup
        }
    };
    let batches = prepared.batches(task.batch, seed)?;
    let classes: Vec<Vec<usize>> = batches.into_iter().map(|batch| batch.labels).collect();
    let samples: Vec<usize> = classes.iter().map(Vec::len).collect();
    let activation = setup.origin.activation;
    let full_schedule = Schedule::new(
        train.epochs,
        train.learning_rate,
        classes.len(),
        activation,
        train.prune.map(|prune| prune.rounds.schedule),
    )?;
    let schedule = match train.prune {
        Some(prune) => prune
            .rounds
            .schedule(full_schedule, setup.plan.layout(), &samples)?,
        None => full_schedule,
    };
    let device = Device {
        name: calibration.subject.device.clone(),
        threads: calibration.subject.threads,
    };
    let report = PlanReport {
        simulated: true,
        ..task::report(&setup, &schedule, set.name(), rows, &device)
    };
    observer.event(&Event::Plan(&report));
    let full = Training {
        setup: &full_setup,
        schedule: full_schedule,
        prune: None,
        classes: &classes,
        validation_batches: match train.patience {
            Some(_) => set.validation().rows().div_ceil(task.batch),
            None => 0,
        },
    };
    let first_bootstrap = refresh.bootstraps(&params).map_err(JobError::from)?;
    let first_bootstrap = first_bootstrap.map(|budgets| budgets.first);
    let predicted = |training| -> Result<Predicted<'_>, JobError> {
        Predicted::new(training, &calibration, first_bootstrap.as_ref())
    };
    let on_all_rows = predicted(&full)?;
    let Some(prune) = &train.prune else {
        return Ok(on_all_rows.report);
    };
    let training = Training {
        setup: &setup,
        schedule,
        prune: Some(prune),
        ..full
    };
    let pruned = predicted(&training)?;
    let pruning = pruned.beside(&on_all_rows, &calibration.costs);
    Ok(PredictionReport {
        pruning: Some(Box::new(pruning)),
        ..pruned.report
    })
}

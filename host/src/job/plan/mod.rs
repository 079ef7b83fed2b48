//! What a training will take on this machine, before anything is encrypted.

mod memory;
mod prediction;

use std::path::PathBuf;

use engine::protocol::{RefreshBy, Task};

use super::calibrate::Asked;
use super::event::stage;
use super::samples::{Prepared, batch_size};
use super::task::{self, Schedule, Setup};
use super::{Event, JobError, Observer, PlanReport, PredictionReport, RunConfig, Stage, params};
use crate::launch::{self, Device};
use prediction::Sizes;

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
    let setup = Setup::planned(&params, task, run.train.activation, Some(refresh), costs)?;
    let batches = prepared.batches(task.batch, seed)?.len();
    let train = &run.train;
    let activation = setup.origin.activation;
    let schedule = Schedule::new(train.epochs, train.learning_rate, batches, activation)?;
    let device = Device {
        name: calibration.subject.device.clone(),
        threads: calibration.subject.threads,
    };
    let report = PlanReport {
        simulated: true,
        ..task::report(&setup, &schedule, set.name(), rows, &device)
    };
    observer.event(&Event::Plan(&report));
    let sizes = Sizes {
        steps: schedule.steps(),
        batches,
        rows,
        validation_batches: match train.patience {
            Some(_) => set.validation().rows().div_ceil(task.batch),
            None => 0,
        },
        epochs: schedule.epochs,
    };
    let first_bootstrap = refresh.bootstraps(&params).map_err(JobError::from)?;
    let first_bootstrap = first_bootstrap.map(|budgets| budgets.first);
    let mut prediction = prediction::predict(&setup, sizes, &calibration);
    prediction.peak_memory_bytes = memory::peak_bytes(&setup, sizes, first_bootstrap.as_ref());
    Ok(prediction)
}

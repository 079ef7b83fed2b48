//! Keys for a task: a secret one for the owner, evaluation keys for the server.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use engine::backend::Backend;
use engine::ckks::{Encoder, SecretKey};
use engine::protocol::{Owner, Task};

use super::calibrate::known_costs;
use super::event::Running;
use super::samples::{self, batch_size};
use super::task::Setup;
use super::{
    Event, JobError, KeygenConfig, KeygenReport, Observer, Stage, TaskShape, params, random, store,
};
use crate::data::split;
use crate::launch::{Device, Job, launch};

/// The owner's file in the directory of a key generation.
pub const SECRET_KEY_FILE: &str = "secret.vg";
/// The server's file there.
pub const EVALUATION_KEYS_FILE: &str = "evaluation.vg";

/// Makes the keys of a task.
///
/// # Errors
/// [`JobError`]: a parameter set that is not allowed or has too few levels, a key that exists already, a full disk.
pub fn keygen(
    config: &KeygenConfig,
    observer: &mut dyn Observer,
) -> Result<KeygenReport, JobError> {
    let begun = Instant::now();
    let out = &config.out;
    let files = [SECRET_KEY_FILE, EVALUATION_KEYS_FILE].map(|name| out.join(name));
    if let Some(file) = files.iter().find(|file| file.exists()) {
        return Err(JobError::KeyExists { file: file.clone() });
    }
    let params = params::choose(&config.params, config.allow_insecure)?;
    let task = task(&config.shape, params.slots())?;
    let costs = known_costs(
        &params,
        config.refresh,
        (config.device, config.threads),
        config.calibrations.as_deref(),
        observer,
    )?;
    let (activation, refresh) = (config.activation, config.refresh);
    let mut setup = Setup::planned(&params, task, activation, refresh, costs.as_ref())?;
    if let Some(pruning) = config.pruning {
        setup = setup.with_pruning(pruning)?;
    }
    let generation = Generation {
        out: out.clone(),
        files,
        setup,
        begun,
    };
    launch(
        &generation,
        config.device,
        config.threads,
        &params,
        observer,
    )
}

fn task(shape: &TaskShape, slots: usize) -> Result<Task, JobError> {
    let (features, classes, batch, rows) = match shape {
        TaskShape::Of(choice, batch) => {
            let set = samples::open(choice, split::DEFAULT_SEED)?;
            (
                set.features(),
                set.classes(),
                *batch,
                Some(set.train().rows()),
            )
        }
        TaskShape::Given {
            features,
            classes,
            batch,
        } => (*features, *classes, *batch, None),
    };
    let batch = batch_size(batch, slots, classes, rows)?;
    Ok(Task {
        features,
        classes,
        batch,
    })
}

struct Generation {
    out: PathBuf,
    files: [PathBuf; 2],
    setup: Setup,
    begun: Instant,
}

impl Job for Generation {
    type Output = KeygenReport;

    fn memory_bytes(&self) -> u64 {
        // One key at a time.
        let keys = self.setup.plan.keys();
        (keys.bytes(&self.setup.params) / keys.len().max(1)) as u64 * 4
    }

    fn run<B: Backend>(
        &self,
        backend: &B,
        _: &Device,
        observer: &mut dyn Observer,
    ) -> Result<KeygenReport, JobError> {
        let Self {
            out,
            files: [secret_key, evaluation_keys],
            setup,
            begun,
        } = self;
        // Not before everything was checked: a refusal leaves no empty directory.
        fs::create_dir_all(out).map_err(JobError::io(out, "be created"))?;
        let params = &setup.params;
        let secret = SecretKey::generate(params, &random::secret_seed()?);
        let encoder = Arc::new(Encoder::new(params.degree()));
        let owner = Owner::new(backend, params, encoder, secret.clone());
        let plan = setup.plan.keys();
        let seed = random::secret_seed()?;
        observer.event(&Event::Note(format!(
            "{} keys to be made: {:.2} GiB in memory, half of it in the file",
            plan.len(),
            plan.bytes(params) as f64 / f64::from(1 << 30)
        )));
        let mut running = Running::begin(observer, Stage::Keys, plan.len());
        store::write_keys(evaluation_keys, backend, setup, |take| {
            owner.evaluation_keys(plan, &seed, |_, key| {
                take(&key)?;
                running.advance();
                Ok(())
            })
        })?;
        running.end();
        // Last, so that a key generation that fails leaves no key that stands in the way of the next.
        store::write_owner_key(secret_key, setup, &secret)?;
        let written = fs::metadata(evaluation_keys);
        let bytes = written
            .map_err(JobError::io(evaluation_keys, "be measured"))?
            .len();
        let seconds = begun.elapsed().as_secs_f64();
        Ok(KeygenReport {
            secret_key: secret_key.clone(),
            evaluation_keys: evaluation_keys.clone(),
            keys: plan.len(),
            bytes,
            seconds,
        })
    }
}

//! The owner's training set, encrypted for the server.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use engine::backend::Backend;
use engine::ckks::Encoder;
use engine::protocol::Owner;
use engine::train::Model;

use super::event::{Running, stage};
use super::samples::{self, Preparation, Prepared};
use super::set_name::SetName;
use super::store::{OwnerKey, TrainingSetWriter};
use super::{EncryptConfig, EncryptReport, JobError, Observer, Stage, random, write_json};
use crate::data::DataSet;
use crate::launch::{Device, Job, launch};

/// Normalizes and encrypts the training rows of a data set, batch by batch.
///
/// # Errors
/// [`JobError`]: data of other sizes than the keys are for, a damaged key, a full disk.
pub fn encrypt(
    config: &EncryptConfig,
    observer: &mut dyn Observer,
) -> Result<EncryptReport, JobError> {
    let begun = Instant::now();
    let key = OwnerKey::open(&config.secret_key)?;
    let params = key.setup.params.clone();
    let encryption = Encryption { config, key, begun };
    launch(
        &encryption,
        config.device,
        config.threads,
        &params,
        observer,
    )
}

struct Encryption<'a> {
    config: &'a EncryptConfig,
    key: OwnerKey,
    begun: Instant,
}

impl Job for Encryption<'_> {
    type Output = EncryptReport;

    fn memory_bytes(&self) -> u64 {
        self.key.setup.batch_bytes()
    }

    fn run<B: Backend>(
        &self,
        backend: &B,
        _: &Device,
        observer: &mut dyn Observer,
    ) -> Result<EncryptReport, JobError> {
        let Self { config, key, begun } = self;
        let OwnerKey { setup, secret } = key;
        let task = setup.plan.task();
        let batch = config.batch.unwrap_or(task.batch);
        if !(1..=task.batch).contains(&batch) {
            let range = format!("from 1 to {} for these keys", task.batch);
            return Err(JobError::option("the batch size", batch, range));
        }
        let (name, preparation, batches, validation) = stage(observer, Stage::Data, || {
            let set = samples::open(&config.data, config.seed)?;
            check_sizes(&config.secret_key, &set, task.features, task.classes)?;
            let prepared = Prepared::new(&config.data, &set)?;
            let batches = prepared.batches(batch, config.seed)?;
            let rows = samples::in_batches(&set, batches.len(), config.seed);
            let name = SetName::new(secret, set.train(), &rows)?;
            let validation = prepared.validation(task.batch);
            let preparation = Preparation {
                normalization: prepared.normalization,
                class_names: Some(set.class_names().to_vec()),
            };
            Ok::<_, JobError>((name, preparation, batches, validation))
        })?;
        // It says something about the data: nobody but its owner may read it.
        write_json(&config.normalization, true, &preparation)?;

        let (params, plan) = (&setup.params, &setup.plan);
        let encoder = Arc::new(Encoder::new(params.degree()));
        let owner = Owner::new(backend, params, encoder, secret.clone());
        let parts = batches.len() + validation.len();
        let mut running = Running::begin(observer, Stage::Encrypt, parts);
        let start = Model::zeros(task.classes, task.features);
        let start = owner.encrypt_start(plan, &start, &random::secret_seed()?)?;
        let out = &config.out;
        let mut writer =
            TrainingSetWriter::create(out, backend, setup, name, batches.len(), &start)?;
        for batch in &batches {
            let seed = random::secret_seed()?;
            writer.write(&owner.encrypt_batch(plan, &batch.features, &batch.labels, &seed)?)?;
            running.advance();
        }
        for part in &validation {
            let seed = random::secret_seed()?;
            let tiles = owner.encrypt_validation(plan, &part.features, &seed)?;
            writer.write_validation(&tiles, part.labels.len())?;
            running.advance();
        }
        writer.commit()?;
        running.end();
        let bytes = fs::metadata(out)
            .map_err(JobError::io(out, "be measured"))?
            .len();
        Ok(EncryptReport {
            out: out.clone(),
            ciphertexts: plan.layout().state_vectors()
                + batches.len() * (plan.feature_vectors() + 1)
                + validation.len() * plan.feature_vectors(),
            bytes,
            seconds: begun.elapsed().as_secs_f64(),
        })
    }
}

/// Checks that a data set has the sizes that keys were made for.
fn check_sizes(
    keys: &Path,
    set: &DataSet,
    features: usize,
    classes: usize,
) -> Result<(), JobError> {
    if set.features() != features {
        let expected = format!("{} as in the data", set.features());
        return Err(JobError::mismatch(
            keys,
            "features the keys are for",
            features,
            expected,
        ));
    }
    if set.classes() != classes {
        let expected = format!("{} as in the data", set.classes());
        return Err(JobError::mismatch(
            keys,
            "classes the keys are for",
            classes,
            expected,
        ));
    }
    Ok(())
}

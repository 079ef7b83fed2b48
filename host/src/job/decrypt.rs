//! The trained model, decrypted by its owner.

use std::sync::Arc;
use std::time::Instant;

use engine::backend::Backend;
use engine::ckks::Encoder;
use engine::protocol::Owner;

use super::event::stage;
use super::samples::Preparation;
use super::store::{ModelFile, OwnerKey};
use super::{DecryptConfig, DecryptReport, JobError, Observer, Stage, clear_model, read_limited};
use crate::launch::{Device, Job, launch};

/// The largest file with a normalization.
const MAX_NORMALIZATION_BYTES: u64 = 1 << 24;

/// Decrypts a model and writes it for raw features.
///
/// # Errors
/// [`JobError`]: files that are damaged or do not belong together, a full disk.
pub fn decrypt(
    config: &DecryptConfig,
    observer: &mut dyn Observer,
) -> Result<DecryptReport, JobError> {
    let begun = Instant::now();
    let key = OwnerKey::open(&config.secret_key)?;
    let params = key.setup.params.clone();
    let decryption = Decryption { config, key, begun };
    launch(
        &decryption,
        config.device,
        config.threads,
        &params,
        observer,
    )
}

struct Decryption<'a> {
    config: &'a DecryptConfig,
    key: OwnerKey,
    begun: Instant,
}

impl Job for Decryption<'_> {
    type Output = DecryptReport;

    fn memory_bytes(&self) -> u64 {
        self.key.setup.state_bytes()
    }

    fn run<B: Backend>(
        &self,
        backend: &B,
        _: &Device,
        observer: &mut dyn Observer,
    ) -> Result<DecryptReport, JobError> {
        let Self { config, key, begun } = self;
        let OwnerKey { setup, secret } = key;
        let out = clear_model::create(&config.out)?;
        stage(observer, Stage::Decrypt, || {
            let prepared = read_preparation(config, setup.plan.task().features)?;
            let mut file = ModelFile::open(&config.model, setup, &config.secret_key)?;
            let state = file.state(backend, setup)?;
            let encoder = Arc::new(Encoder::new(setup.params.degree()));
            let owner = Owner::new(backend, &setup.params, encoder, secret.clone());
            let model = owner.model(&setup.plan, &state)?;
            let about = clear_model::About {
                class_names: prepared.class_names.as_deref(),
                params: setup.params.name(),
                activation: setup.origin.activation.name(),
                steps: file.steps,
                epochs: file.epochs,
            };
            clear_model::write(out, &model, &prepared.normalization, &about)
        })?;
        let seconds = begun.elapsed().as_secs_f64();
        Ok(DecryptReport {
            out: config.out.clone(),
            seconds,
        })
    }
}

fn read_preparation(config: &DecryptConfig, features: usize) -> Result<Preparation, JobError> {
    let path = &config.normalization;
    let bytes = read_limited(path, MAX_NORMALIZATION_BYTES)?;
    let prepared: Preparation =
        serde_json::from_slice(&bytes).map_err(|source| JobError::Json {
            file: path.clone(),
            what: "a normalization",
            source,
        })?;
    let found = prepared.normalization.mean().len();
    if found != features {
        return Err(JobError::mismatch(path, "features", found, features));
    }
    Ok(prepared)
}

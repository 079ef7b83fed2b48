//! The owner of a run, in the same process as the server: its keys and ciphertexts, and its answers.

use std::sync::atomic::{AtomicU64, Ordering};

use engine::backend::Backend;
use engine::circuits::{Parts, Refresh};
use engine::ckks::{Ciphertext, EvalError, EvaluationKeys, Level};
use engine::protocol::{EncryptedBatch, Owner, Plan, RefreshRequest};
use engine::ring::sampling::Seed;

use super::event::Running;
use super::samples::Samples;
use super::task::Setup;
use super::{JobError, Observer, Stage};

/// The server's keys, and the seconds it took to make them.
pub(super) fn make_keys<B: Backend>(
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
pub(super) fn encrypt<B: Backend>(
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
pub(super) fn encrypt_validation<B: Backend>(
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
pub(super) struct AtHand<'a, B: Backend> {
    pub(super) owner: &'a Owner<'a, B>,
    pub(super) seed: Seed,
    /// Answered so far.
    pub(super) refreshes: AtomicU64,
}

impl<B: Backend> Refresh<B> for AtHand<'_, B> {
    fn refresh(
        &self,
        x: &Ciphertext<B>,
        to: Level,
        bound: f64,
        _: Parts,
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

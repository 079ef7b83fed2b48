//! The data owner: the only one who can decrypt.

use std::sync::Arc;

use num_complex::Complex64;

use super::{EncryptedBatch, Fresh, Plan, RefreshRequest};
use crate::backend::{Backend, BackendError};
use crate::circuits::activation::Approximation;
use crate::circuits::packing::{PackingError, WeightSet};
use crate::ckks::{
    Ciphertext, Decryptor, Encoder, Encryptor, EvalError, KeyGenerator, KeyName, KeyPlan, Level,
    Params, SecretKey, SwitchingKey,
};
use crate::prune::{Score, read_scores};
use crate::ring::sampling::Seed;
use crate::train::Model;

/// Holds the secret key, on the owner's own device.
///
/// Every seed that is asked for is secret, comes from the operating system, and is used for one call only.
pub struct Owner<'a, B: Backend> {
    backend: &'a B,
    params: &'a Params,
    encoder: Arc<Encoder>,
    secret: SecretKey,
}

/// Why the owner could not do its part.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum OwnerError {
    /// Samples that do not fit the plan.
    #[error(transparent)]
    Packing(#[from] PackingError),
    /// What encryption or decryption refused.
    #[error(transparent)]
    Eval(#[from] EvalError),
}

/// What every place of a batch holds, the places of its first row block first.
#[derive(Clone, Debug, PartialEq)]
pub struct ClearRows {
    /// The features, row by row.
    pub features: Vec<f64>,
    /// A number for each class, row by row: one in the class of a sample and zero elsewhere.
    pub labels: Vec<f64>,
}

impl<'a, B: Backend> Owner<'a, B> {
    /// The owner of `secret`, which is a key of `params`.
    #[must_use]
    pub fn new(
        backend: &'a B,
        params: &'a Params,
        encoder: Arc<Encoder>,
        secret: SecretKey,
    ) -> Self {
        Self {
            backend,
            params,
            encoder,
            secret,
        }
    }

    /// The parameter set.
    #[must_use]
    pub const fn params(&self) -> &'a Params {
        self.params
    }

    /// Makes the keys of a plan one after the other, in the order of [`KeyName::all`], and hands each on: only one is
    /// in memory at a time.
    ///
    /// # Cost
    /// For each digit of each key, one transform and one product of each limb.
    ///
    /// # Errors
    /// Those of the device and of `take`.
    pub fn evaluation_keys<E: From<BackendError>>(
        &self,
        plan: &KeyPlan,
        seed: &Seed,
        take: impl FnMut(KeyName, SwitchingKey<B>) -> Result<(), E>,
    ) -> Result<(), E> {
        KeyGenerator::new(self.backend, self.params, &self.secret).each_key(plan, seed, take)
    }

    /// Encrypts the samples of a batch, features (row by row) and labels each at its [level](Plan::data_levels).
    ///
    /// # Cost
    /// One transform of each limb of each vector.
    ///
    /// # Errors
    /// [`OwnerError::Packing`] for another number of features or labels than the plan has, or labels that are no
    /// class; those of the device.
    pub fn encrypt_batch(
        &self,
        plan: &Plan,
        features: &[f64],
        labels: &[usize],
        seed: &Seed,
    ) -> Result<EncryptedBatch<B>, OwnerError> {
        let (layout, levels) = (plan.layout(), plan.data_levels());
        let (found, expected) = (features.len(), labels.len() * layout.features());
        if found != expected {
            return Err(PackingError::Shape {
                what: "features",
                found,
                expected,
            }
            .into());
        }
        let tiles = layout.pack_features(features)?;
        let tiles = (1..).zip(&tiles);
        let tiles = tiles.map(|(i, blocks)| self.encrypt(blocks, levels.features, &seed.derive(i)));
        let labels_packed = layout.pack_labels(labels)?;
        Ok(EncryptedBatch {
            features: tiles.collect::<Result<_, _>>()?,
            labels: self.encrypt(&[labels_packed], levels.labels, &seed.derive(0))?,
            samples: labels.len(),
        })
    }

    /// Encrypts the features (row by row) of some validation samples, as many as a batch has or fewer.
    ///
    /// # Errors
    /// [`OwnerError::Packing`] for another number of features than the plan has; those of the device.
    pub fn encrypt_validation(
        &self,
        plan: &Plan,
        features: &[f64],
        seed: &Seed,
    ) -> Result<Vec<Fresh<B>>, OwnerError> {
        let level = plan.validation_levels().features;
        let tiles = plan.layout().pack_features(features)?;
        let tiles = (0..).zip(&tiles);
        let tiles = tiles.map(|(i, blocks)| self.encrypt(blocks, level, &seed.derive(i)));
        Ok(tiles.collect::<Result<_, _>>()?)
    }

    /// What the places of a batch hold that the server has, whatever it made it of: for each tile its row blocks, of which there
    /// may be fewer than the plan has, and the labels.
    ///
    /// # Errors
    /// [`OwnerError::Packing`] for ciphertexts of another layout; those of the device.
    pub fn rows(
        &self,
        plan: &Plan,
        features: &[Ciphertext<B>],
        labels: &Ciphertext<B>,
    ) -> Result<ClearRows, OwnerError> {
        let layout = plan.layout();
        let tiles = features.iter().map(|tile| self.decrypt(tile));
        let tiles = tiles.collect::<Result<Vec<_>, _>>()?;
        let columns = self.decrypt(labels)?;
        let [columns] = columns.as_slice() else {
            return Err(OwnerError::Packing(PackingError::Shape {
                what: "vectors of labels",
                found: columns.len(),
                expected: 1,
            }));
        };
        let blocks = tiles.first().map_or(0, Vec::len);
        Ok(ClearRows {
            features: layout.unpack_features(&tiles)?,
            labels: layout.unpack_blocks(columns, blocks)?,
        })
    }

    /// The validation logits, row by row, of so many samples in each ciphertext.
    ///
    /// # Errors
    /// [`OwnerError::Packing`] for another number of ciphertexts; those of the device.
    pub fn validation_logits(
        &self,
        plan: &Plan,
        logits: &Ciphertext<B>,
        samples: &[usize],
    ) -> Result<Vec<f64>, OwnerError> {
        let values = self.decrypt(logits)?;
        if values.len() != samples.len() {
            return Err(OwnerError::Packing(PackingError::Shape {
                what: "validation logits",
                found: values.len(),
                expected: samples.len(),
            }));
        }
        let scale = plan.activation().input_scale();
        let mut all = Vec::new();
        for (values, &samples) in values.iter().zip(samples) {
            let scaled = plan.layout().unpack_columns(values, samples)?;
            all.extend(scaled.into_iter().map(|logit| logit / scale));
        }
        Ok(all)
    }

    /// The scores of so many samples in each batch, from the server's message; `classes` are those of the samples.
    ///
    /// # Errors
    /// [`OwnerError::Packing`] for a message of another number of ciphertexts, or for classes of other samples;
    /// [`EvalError::OutOfRange`] for values that no model has that training has not driven out of the range of the
    /// activation; those of the device.
    pub fn scores(
        &self,
        plan: &Plan,
        score: Score,
        message: &Ciphertext<B>,
        samples: &[usize],
        classes: &[Vec<usize>],
    ) -> Result<Vec<Vec<f64>>, OwnerError> {
        let vectors = self.decrypt(message)?;
        let (layout, activation) = (plan.layout(), plan.activation());
        let bound = score.message_bound(activation, layout.classes());
        let values = vectors.iter().flatten().map(|value| value.re.abs());
        let found = values.fold(0.0, f64::max);
        if found > bound {
            let op = "score";
            return Err(EvalError::OutOfRange { op, found, bound }.into());
        }
        Ok(read_scores(
            score, layout, activation, &vectors, samples, classes,
        )?)
    }

    /// Encrypts the state of a training that starts from `model`.
    ///
    /// # Errors
    /// [`OwnerError::Packing`] for a model of other sizes; those of the device.
    pub fn encrypt_start(
        &self,
        plan: &Plan,
        model: &Model,
        seed: &Seed,
    ) -> Result<Fresh<B>, OwnerError> {
        let state = plan.layout().pack_state(model.values(), model.values())?;
        Ok(self.encrypt(&state, plan.levels().state, seed)?)
    }

    /// The same values, encrypted anew at the level asked for.
    ///
    /// # Errors
    /// [`EvalError::OutOfRange`] for a real or imaginary part outside the bound; those of the device.
    pub fn refresh(&self, request: &RefreshRequest<B>, seed: &Seed) -> Result<Fresh<B>, EvalError> {
        let values = self.decrypt(&request.ciphertext)?;
        let parts = values
            .iter()
            .flatten()
            .flat_map(|value| [value.re, value.im]);
        // `max` passes over NaN; a sum does not.
        let found = parts.fold(0.0, |largest: f64, part| {
            if part.is_nan() {
                f64::INFINITY
            } else {
                largest.max(part.abs())
            }
        });
        if found > request.bound {
            return Err(EvalError::OutOfRange {
                op: "refresh",
                found,
                bound: request.bound,
            });
        }
        self.encrypt(&values, request.to, seed)
    }

    /// The model of a state.
    ///
    /// # Errors
    /// [`OwnerError::Packing`] for another number of ciphertexts than the plan has; those of the device.
    pub fn model(&self, plan: &Plan, state: &Ciphertext<B>) -> Result<Model, OwnerError> {
        let layout = plan.layout();
        let values = layout.unpack_state(&self.decrypt(state)?, WeightSet::Weights)?;
        Ok(Model::from_values(
            layout.classes(),
            layout.features(),
            values,
        )?)
    }

    fn encrypt(
        &self,
        vectors: &[Vec<Complex64>],
        level: Level,
        seed: &Seed,
    ) -> Result<Fresh<B>, EvalError> {
        let encryptor = Encryptor::new(self.backend, self.params, Arc::clone(&self.encoder));
        let vectors: Vec<_> = vectors.iter().map(Vec::as_slice).collect();
        let (ciphertext, seed) = encryptor.with_secret(&self.secret, &vectors, level, seed)?;
        Ok(Fresh { ciphertext, seed })
    }

    fn decrypt(&self, ciphertext: &Ciphertext<B>) -> Result<Vec<Vec<Complex64>>, EvalError> {
        let encoder = Arc::clone(&self.encoder);
        Decryptor::new(self.backend, self.params, encoder, &self.secret).decrypt(ciphertext)
    }
}

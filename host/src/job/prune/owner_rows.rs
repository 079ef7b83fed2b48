//! The owner's rows, in the batches of their encryption.

use std::path::Path;

use engine::ckks::SecretKey;

use super::super::samples::{self, Prepared, Samples};
use super::super::set_name::SetName;
use super::super::{DataChoice, JobError};
use crate::data::DataSet;

/// The rows that a training set was made of.
pub(super) struct OwnerRows {
    set: DataSet,
    /// For each batch the training rows in their order.
    batches: Vec<Vec<usize>>,
}

impl OwnerRows {
    /// Those of a data set in the order of its seed, if they are those that `file` is about: a message about the training set
    /// `name`, whose batches have so many samples.
    pub(super) fn open(
        (data, seed): (&DataChoice, u64),
        secret: &SecretKey,
        file: &Path,
        name: &SetName,
        sizes: &[usize],
    ) -> Result<Self, JobError> {
        let set = samples::open(data, seed)?;
        let batches = samples::in_batches(&set, sizes.len(), seed);
        let as_many = batches.iter().map(Vec::len).eq(sizes.iter().copied());
        if !as_many || !name.is_of(secret, set.train(), &batches) {
            return Err(JobError::OtherRows {
                file: file.to_owned(),
                data: set.name().to_owned(),
            });
        }
        Ok(Self { set, batches })
    }

    /// For each batch the classes of its rows.
    pub(super) fn classes(&self) -> Vec<Vec<usize>> {
        let batches = (0..).zip(&self.batches);
        batches
            .map(|(batch, rows)| {
                (0..rows.len())
                    .map(|place| self.class(batch, place))
                    .collect()
            })
            .collect()
    }

    /// The class of a row of a batch.
    pub(super) fn class(&self, batch: usize, place: usize) -> usize {
        usize::from(self.set.train().labels()[self.batches[batch][place]])
    }

    /// What that class is called.
    pub(super) fn class_name(&self, batch: usize, place: usize) -> &str {
        &self.set.class_names()[self.class(batch, place)]
    }

    /// Where a row of a batch is, from 0, among the training rows of the data set as it was given.
    pub(super) fn row(&self, batch: usize, place: usize) -> usize {
        self.set.train_rows()[self.batches[batch][place]]
    }

    /// The rows of each batch as they were encrypted.
    pub(super) fn normalized(&self, data: &DataChoice) -> Result<Vec<Samples>, JobError> {
        Prepared::new(data, &self.set)?.select(&self.batches)
    }

    /// What the data set is called.
    pub(super) fn name(&self) -> &str {
        self.set.name()
    }
}

//! Data sets as jobs need them: read, normalised, cut into batches.

use engine::train::{Model, TrainOptions};

use super::{DataChoice, JobError};
use crate::data::{DataSet, Normalization, Scaling, Table};

/// Rows with their classes, in the types of the training.
#[derive(Clone, Debug, Default)]
pub(super) struct Samples {
    pub(super) features: Vec<f64>,
    pub(super) labels: Vec<usize>,
}

impl Samples {
    pub(super) fn of(table: &Table) -> Self {
        Self {
            features: table.values().iter().map(|&x| f64::from(x)).collect(),
            labels: table
                .labels()
                .iter()
                .map(|&label| usize::from(label))
                .collect(),
        }
    }

    /// The share of rows whose class the model predicts.
    pub(super) fn accuracy(&self, model: &Model) -> f64 {
        model.accuracy(&self.features, &self.labels)
    }

    /// The same for the rows of one class; not a number without any.
    pub(super) fn accuracy_of_class(&self, model: &Model, class: usize) -> f64 {
        let rows = self
            .features
            .chunks_exact(model.features())
            .zip(&self.labels);
        let mut of_class = Self::default();
        for (row, &label) in rows.filter(|(_, label)| **label == class) {
            of_class.features.extend(row);
            of_class.labels.push(label);
        }
        of_class.accuracy(model)
    }
}

/// Reads a data set; the seed fixes the parts that it leaves out.
pub(super) fn open(choice: &DataChoice, seed: u64) -> Result<DataSet, JobError> {
    Ok(match choice {
        DataChoice::Digits => DataSet::digits()?,
        DataChoice::File(path) => DataSet::open(path, seed)?,
    })
}

/// A normalised data set whose training rows are cut into batches.
pub(super) struct Prepared {
    pub(super) set: DataSet,
    pub(super) normalization: Normalization,
}

impl Prepared {
    pub(super) fn new(set: &DataSet) -> Result<Self, JobError> {
        let (set, normalization) = set.normalized(Scaling::default())?;
        Ok(Self { set, normalization })
    }

    /// The training rows in batches of at most `batch` samples.
    pub(super) fn batches(&self, batch: usize, seed: u64) -> Result<Vec<Samples>, JobError> {
        let options = TrainOptions {
            learning_rate: 1.0,
            batch,
            epochs: 1,
            seed,
        };
        let train = self.set.train();
        let rows = options.batches(train.rows()).into_iter();
        rows.map(|rows| Ok(Samples::of(&train.select(&rows)?)))
            .collect()
    }
}

/// The weights of normalised features for raw ones: `w_j / scale_j`, and what the means add goes to the bias.
pub(super) fn for_raw_features(
    model: &Model,
    normalization: &Normalization,
) -> (Vec<f64>, Vec<f64>) {
    let features = model.features();
    let mut weights = Vec::with_capacity(model.classes() * features);
    let mut biases = Vec::with_capacity(model.classes());
    for row in model.values().chunks_exact(features + 1) {
        let (row, bias) = row.split_at(features);
        let start = weights.len();
        let scale = normalization.scale().iter().map(|&scale| f64::from(scale));
        weights.extend(row.iter().zip(scale).map(|(weight, scale)| weight / scale));
        let means = normalization.mean().iter().map(|&mean| f64::from(mean));
        let moved: f64 = weights[start..]
            .iter()
            .zip(means)
            .map(|(w, mean)| w * mean)
            .sum();
        biases.push(bias[0] - moved);
    }
    (weights, biases)
}

/// Samples of a batch, at most: as asked for, or the largest power of two that the layout and the rows allow.
pub(super) fn batch_size(
    asked: Option<usize>,
    slots: usize,
    classes: usize,
    rows: Option<usize>,
) -> Result<usize, JobError> {
    let largest = engine::protocol::Task::largest_batch(slots, classes).max(1);
    match asked {
        Some(batch) if (1..=largest).contains(&batch) => Ok(batch),
        Some(batch) => Err(JobError::option(
            "the batch size",
            batch,
            format!("from 1 to {largest}"),
        )),
        None => {
            let rows = rows.unwrap_or(largest).max(1);
            Ok(largest.min(1 << rows.ilog2()))
        }
    }
}

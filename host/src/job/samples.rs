//! Data sets as jobs need them: read, normalized, cut into batches.

use engine::circuits::activation::{Activation, Approximation};
use engine::circuits::packing::Layout;
use engine::prune::{Mask, MergeMethod, MergePlan};
use engine::train::{ExactTrainer, Model, TrainOptions};
use serde::{Deserialize, Serialize};

use super::{DEFAULT_BATCH, DataChoice, EpochReport, JobError};
use crate::data::{Csv, DataSet, Format, Normalization, Scaling, Table};

/// Rows with their classes, in the types of the training.
#[derive(Clone, Debug, Default)]
pub(super) struct Samples {
    pub(super) features: Vec<f64>,
    pub(super) labels: Vec<usize>,
}

/// The samples of each of these batches.
pub(super) fn counts(batches: &[Samples]) -> Vec<usize> {
    batches.iter().map(|batch| batch.labels.len()).collect()
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

    /// The mean loss of the rows; not a number without any.
    pub(super) fn loss(&self, model: &Model, activation: &Activation) -> f64 {
        let rows = self.features.chunks_exact(model.features());
        let losses = rows
            .zip(&self.labels)
            .map(|(row, &label)| activation.loss(&model.logits(row), label));
        losses.sum::<f64>() / self.labels.len() as f64
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

/// The samples of a merged batch in the clear.
#[derive(Clone, Debug, Default)]
pub(super) struct WeightedSamples {
    pub(super) samples: Samples,
    pub(super) weights: Vec<f64>,
}

impl WeightedSamples {
    /// The merged batches that a mask makes of these.
    pub(super) fn of(
        layout: &Layout,
        mask: &Mask,
        method: MergeMethod,
        batches: &[Samples],
    ) -> Vec<Self> {
        let plan = MergePlan::new(layout, mask, method);
        let mut merged = vec![Self::default(); plan.row_blocks().len()];
        for moved in plan.moves() {
            let from = &batches[moved.from.batch];
            let sample = moved.from.block * layout.height() + moved.from.row;
            let features = layout.features();
            let to = &mut merged[moved.to.batch];
            to.samples
                .features
                .extend(&from.features[sample * features..][..features]);
            to.samples.labels.push(from.labels[sample]);
            to.weights.push(f64::from(moved.weight));
        }
        merged
    }
}

/// What the models of a training and of the exact one beside it are compared on after each epoch.
pub(super) struct Compared<'a> {
    pub(super) activation: &'a Activation,
    pub(super) epochs: usize,
    pub(super) validation: &'a Samples,
    pub(super) test: &'a Samples,
}

impl Compared<'_> {
    pub(super) fn report(
        &self,
        epoch: usize,
        model: &Model,
        exact: &ExactTrainer<'_, Activation>,
        seconds: f64,
    ) -> EpochReport {
        let (validation, test) = (self.validation, self.test);
        EpochReport {
            epoch,
            epochs: self.epochs,
            validation_loss: validation.loss(model, self.activation),
            exact_validation_loss: validation.loss(exact.weights(), self.activation),
            validation_accuracy: validation.accuracy(model),
            exact_validation_accuracy: validation.accuracy(exact.weights()),
            test_accuracy: test.accuracy(model),
            exact_test_accuracy: test.accuracy(exact.weights()),
            largest_logit: exact.largest_logit(),
            seconds,
        }
    }
}

/// What the owner's file of a normalization holds: what it takes to read a model of normalized features.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Preparation {
    #[serde(flatten)]
    pub(super) normalization: Normalization,
    /// What each class is called, if the file says so.
    pub(super) class_names: Option<Vec<String>>,
}

/// Reads a data set; the seed fixes the parts that it leaves out.
pub(super) fn open(choice: &DataChoice, seed: u64) -> Result<DataSet, JobError> {
    Ok(match choice {
        DataChoice::Digits => DataSet::digits()?,
        DataChoice::File(path) => DataSet::open(path, seed)?,
    })
}

/// The training rows of each of `count` batches, in an order that the seed fixes.
pub(super) fn in_batches(set: &DataSet, count: usize, seed: u64) -> Vec<Vec<usize>> {
    let options = TrainOptions {
        learning_rate: 1.0,
        batch: 1,
        epochs: 1,
        seed,
    };
    options.in_batches(set.train().rows(), count)
}

/// How features are brought to a common scale. Columns of a CSV file are measurements, each in a unit of its own; columns
/// of a tensor are pixels or embeddings, whose differences of variance mean something: MNIST embeddings, PCA-rotated, lose
/// three percent of accuracy in the end if they are levelled, and the digits nothing.
fn scaling(choice: &DataChoice) -> Scaling {
    match choice {
        DataChoice::File(path) if Csv.accepts(path) => Scaling::Columns,
        DataChoice::Digits | DataChoice::File(_) => Scaling::Uniform,
    }
}

/// A normalized data set whose training rows are cut into batches.
pub(super) struct Prepared {
    pub(super) set: DataSet,
    pub(super) normalization: Normalization,
}

impl Prepared {
    /// Reads and normalizes a data set.
    pub(super) fn open(choice: &DataChoice, seed: u64) -> Result<Self, JobError> {
        Self::new(choice, &open(choice, seed)?)
    }

    /// Normalizes a data set that was read.
    pub(super) fn new(choice: &DataChoice, set: &DataSet) -> Result<Self, JobError> {
        let (set, normalization) = set.normalized(scaling(choice))?;
        Ok(Self { set, normalization })
    }

    /// The training rows in batches of at most `batch` samples.
    pub(super) fn batches(&self, batch: usize, seed: u64) -> Result<Vec<Samples>, JobError> {
        let count = self.set.train().rows().div_ceil(batch.max(1));
        self.select(&in_batches(&self.set, count, seed))
    }

    /// These training rows of each batch.
    pub(super) fn select(&self, batches: &[Vec<usize>]) -> Result<Vec<Samples>, JobError> {
        let train = self.set.train();
        let batches = batches.iter();
        batches
            .map(|rows| Ok(Samples::of(&train.select(rows)?)))
            .collect()
    }
}

impl Prepared {
    /// The validation rows in their order, in batches of at most `batch` samples.
    pub(super) fn validation(&self, batch: usize) -> Vec<Samples> {
        let all = Samples::of(self.set.validation());
        let rows = all.features.chunks(batch * self.set.features());
        rows.zip(all.labels.chunks(batch))
            .map(|(features, labels)| Samples {
                features: features.to_vec(),
                labels: labels.to_vec(),
            })
            .collect()
    }
}

/// The weights of normalized features for raw ones: `w_j / scale_j`, and what the means add goes to the bias.
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
            Ok(largest.min(DEFAULT_BATCH).min(1 << rows.ilog2()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_for_raw_features_give_the_same_logits() {
        let normalization = Normalization::new(vec![3.0, -1.0], vec![0.5, 4.0]).unwrap();
        let model = Model::from_values(2, 2, vec![1.0, -2.0, 0.5, 0.25, 3.0, -1.0]).unwrap();
        let (weights, biases) = for_raw_features(&model, &normalization);
        let raw = [5.0, 7.0];
        let logits = model.logits(&[(raw[0] - 3.0) / 0.5, (raw[1] + 1.0) / 4.0]);
        for (class, logit) in logits.into_iter().enumerate() {
            let row = &weights[2 * class..][..2];
            let found = biases[class] + row[0] * raw[0] + row[1] * raw[1];
            assert!((found - logit).abs() < 1e-12, "{found} {logit}");
        }
    }

    #[test]
    fn a_batch_is_the_largest_power_of_two_that_fits() {
        assert_eq!(batch_size(None, 1 << 14, 10, Some(1257)).unwrap(), 1024);
        assert_eq!(batch_size(None, 1 << 14, 10, Some(300)).unwrap(), 256);
        assert_eq!(batch_size(None, 1 << 9, 10, None).unwrap(), 32);
        assert_eq!(batch_size(None, 1 << 15, 7, Some(13_084)).unwrap(), 2048);
        assert_eq!(
            batch_size(Some(4096), 1 << 15, 7, Some(13_084)).unwrap(),
            4096
        );
        assert_eq!(batch_size(Some(17), 1 << 9, 10, Some(5)).unwrap(), 17);
        for refused in [0, 33] {
            assert!(batch_size(Some(refused), 1 << 9, 10, None).is_err());
        }
    }

    #[test]
    fn accuracy_by_class() {
        let model = Model::from_values(2, 1, vec![1.0, 0.0, -1.0, 0.0]).unwrap();
        let samples = Samples {
            features: vec![1.0, 2.0, -1.0, 3.0],
            labels: vec![0, 0, 1, 1],
        };
        assert!((samples.accuracy(&model) - 0.75).abs() < 1e-12);
        assert!((samples.accuracy_of_class(&model, 0) - 1.0).abs() < 1e-12);
        assert!((samples.accuracy_of_class(&model, 1) - 0.5).abs() < 1e-12);
        assert!(Samples::default().accuracy_of_class(&model, 0).is_nan());
    }
}

//! A linear classifier in the clear.

use crate::circuits::packing::PackingError;

/// What weights and look-ahead weights are bounded by at a refresh. A training whose weights leave this range has
/// diverged: features are normalized, and logits of a few tens decide any sample.
pub const WEIGHT_BOUND: f64 = 64.0;

/// Weights of a linear classifier with bias.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    classes: usize,
    features: usize,
    values: Vec<f64>,
}

impl Model {
    /// All weights zero.
    #[must_use]
    pub fn zeros(classes: usize, features: usize) -> Self {
        Self {
            classes,
            features,
            values: vec![0.0; classes * (features + 1)],
        }
    }

    /// From weights class by class, the bias of each class behind its features.
    ///
    /// # Errors
    /// [`PackingError::Shape`] for another number of values.
    pub fn from_values(
        classes: usize,
        features: usize,
        values: Vec<f64>,
    ) -> Result<Self, PackingError> {
        let (found, expected) = (values.len(), classes * (features + 1));
        if found != expected {
            return Err(PackingError::Shape {
                what: "model",
                found,
                expected,
            });
        }
        Ok(Self {
            classes,
            features,
            values,
        })
    }

    /// Classes.
    #[must_use]
    pub const fn classes(&self) -> usize {
        self.classes
    }

    /// Features, without the bias.
    #[must_use]
    pub const fn features(&self) -> usize {
        self.features
    }

    /// Weights class by class, the bias of each class behind its features.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    pub(super) fn values_mut(&mut self) -> &mut [f64] {
        &mut self.values
    }

    /// The logits of one sample.
    ///
    /// # Range
    /// `sample` holds [`features`](Self::features) values.
    #[must_use]
    pub fn logits(&self, sample: &[f64]) -> Vec<f64> {
        debug_assert_eq!(sample.len(), self.features);
        self.values
            .chunks_exact(self.features + 1)
            .map(|row| {
                let (weights, bias) = row.split_at(self.features);
                bias[0] + dot(weights, sample)
            })
            .collect()
    }

    /// The class with the largest logit.
    #[must_use]
    pub fn predict(&self, sample: &[f64]) -> usize {
        let logits = self.logits(sample);
        let best = logits.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
        best.map_or(0, |(class, _)| class)
    }

    /// The share of samples (rows of `x`) whose label is predicted.
    #[must_use]
    pub fn accuracy(&self, x: &[f64], labels: &[usize]) -> f64 {
        let samples = x.chunks_exact(self.features);
        let right = samples
            .zip(labels)
            .filter(|(x, label)| self.predict(x) == **label)
            .count();
        right as f64 / labels.len() as f64
    }
}

/// The inner product, as sums of every eighth term: a single running sum would wait for each addition.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (a, a_rest) = a.as_chunks::<8>();
    let (b, b_rest) = b.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for (a, b) in a.iter().zip(b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    let rest = a_rest.iter().zip(b_rest).map(|(a, b)| a * b);
    sums.iter().sum::<f64>() + rest.sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn predicts_the_largest_logit() {
        let model = Model::from_values(2, 2, vec![1.0, 0.0, 0.0, 0.0, 1.0, 0.5]).unwrap();
        assert_eq!(model.logits(&[2.0, 1.0]), [2.0, 1.5]);
        assert_eq!(model.predict(&[2.0, 1.0]), 0);
        let x = [2.0, 1.0, 0.0, 0.0, 0.0, 1.0, 3.0, 0.0];
        assert!((model.accuracy(&x, &[0, 1, 1, 1]) - 0.75).abs() < 1e-15);
        assert!(Model::from_values(2, 2, vec![0.0; 5]).is_err());
    }
}

//! Features brought to a common scale: centred, and divided so that gradient descent is stable.
//!
//! For softmax regression on rows `x` the loss has curvature at most `lambda / 2` (`lambda / 4` for the logistic function), where
//! `lambda` is the largest eigenvalue of `E[x x^T]`: the Hessian of the softmax loss in the logits, `diag(p) - p p^T`, has
//! eigenvalues at most 1/2. With centred features and `lambda <= 1`, gradient descent does not diverge for learning rates below
//! `2 / (1/2) = 4`, nor Nesterov's method, however large its momentum, for rates below `(4/3) / (1/2) = 8/3`. A constant feature
//! for the bias, orthogonal to centred features, keeps the bound. A batch that is not all rows has its own, larger `lambda`.
//!
//! A second number matters for ciphertexts: values must be moderate, because error and range are absolute there. So the divisor
//! is also large enough that no training feature exceeds [`MAX_MAGNITUDE`].

use serde::{Deserialize, Serialize};

use super::covariance::{Centred, deviations, divisor, means};
use super::table::round_to_f32;
use super::{DataError, Table};

/// `max |x|` over normalized training features. Embeddings and pixels divided by one number stay far below it (1.1 to 3.3 on four
/// image and text sets), so it acts only on far outliers, and on rare features under [`Scaling::Columns`].
pub const MAX_MAGNITUDE: f32 = 16.0;

/// Which features share a divisor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scaling {
    /// All: differences of variance between columns stay, as embeddings and pixels need it.
    #[default]
    Uniform,
    /// None: each column is first divided by its standard deviation, as tables of unlike units need it.
    Columns,
}

/// The map `x_j -> (x_j - mean_j) / scale_j`, kept with the model to be applied to new rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Normalization {
    mean: Vec<f32>,
    scale: Vec<f32>,
}

#[derive(Deserialize)]
struct Unchecked {
    mean: Vec<f32>,
    scale: Vec<f32>,
}

impl TryFrom<Unchecked> for Normalization {
    type Error = DataError;

    fn try_from(Unchecked { mean, scale }: Unchecked) -> Result<Self, DataError> {
        Self::new(mean, scale)
    }
}

impl Normalization {
    /// The map with the given means and divisors.
    ///
    /// # Errors
    /// [`DataError::FeatureCount`] if their numbers differ, [`DataError::Normalization`] for a value that is not finite or a
    /// scale that is not positive.
    pub fn new(mean: Vec<f32>, scale: Vec<f32>) -> Result<Self, DataError> {
        if mean.len() != scale.len() {
            return Err(DataError::FeatureCount {
                place: "scale of a normalization".to_owned(),
                found: scale.len(),
                expected: mean.len(),
            });
        }
        let bad = |what, values: &[f32], sound: fn(f32) -> bool| {
            let column = values.iter().position(|&x| !sound(x));
            column.map_or(Ok(()), |column| {
                let value = values[column];
                Err(DataError::Normalization {
                    what,
                    column,
                    value,
                })
            })
        };
        bad("mean", &mean, f32::is_finite)?;
        bad("scale", &scale, |x| x.is_normal() && x > 0.0)?;
        Ok(Self { mean, scale })
    }

    /// The normalization of `train`: afterwards every column has mean 0, the covariance has largest eigenvalue at most 1, and
    /// no feature exceeds [`MAX_MAGNITUDE`]; one of the two holds with equality (up to rounding and the estimate of the
    /// eigenvalue, see [`largest_eigenvalue`](super::largest_eigenvalue)).
    ///
    /// A constant column becomes zero. If all columns are constant, nothing is divided.
    ///
    /// # Cost
    /// Two passes over the table, and at most 50 more for the eigenvalue.
    #[must_use]
    pub fn fit(train: &Table, scaling: Scaling) -> Self {
        let mean = means(train);
        let unit: Vec<f64> = match scaling {
            Scaling::Uniform => vec![1.0; mean.len()],
            Scaling::Columns => deviations(train, &mean),
        };
        let centred = Centred {
            train,
            mean: &mean,
            unit: &unit,
        };
        let common = centred
            .largest_eigenvalue()
            .sqrt()
            .max(centred.max_magnitude() / f64::from(MAX_MAGNITUDE));
        let common = divisor(common);
        let scale = unit
            .iter()
            .map(|u| round_to_f32(u * common).clamp(f32::MIN_POSITIVE, f32::MAX))
            .collect();
        Self { mean, scale }
    }

    /// The subtracted means, one for each column.
    #[must_use]
    pub fn mean(&self) -> &[f32] {
        &self.mean
    }

    /// The divisors, one for each column; all the same under [`Scaling::Uniform`].
    #[must_use]
    pub fn scale(&self) -> &[f32] {
        &self.scale
    }

    /// `(x_j - mean_j) / scale_j` for every row, in 64-bit arithmetic, rounded once.
    ///
    /// # Errors
    /// [`DataError::FeatureCount`] if the table has another number of columns, [`DataError::NotFinite`] if a row lies so far
    /// outside that its image is no 32-bit number; they name `place`.
    pub fn apply(&self, place: &str, table: &Table) -> Result<Table, DataError> {
        if table.columns() != self.mean.len() {
            return Err(DataError::FeatureCount {
                place: place.to_owned(),
                found: table.columns(),
                expected: self.mean.len(),
            });
        }
        table.map(place, |column, x| {
            let centred = f64::from(x) - f64::from(self.mean[column]);
            round_to_f32(centred / f64::from(self.scale[column]))
        })
    }
}

#[cfg(test)]
mod tests;

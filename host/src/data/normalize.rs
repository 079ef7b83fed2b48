//! Features brought to a common scale: centred, and divided so that gradient descent is stable.
//!
//! For softmax regression on rows `x` the loss has curvature at most `lambda / 2` (`lambda / 4` for the logistic function), where
//! `lambda` is the largest eigenvalue of `E[x x^T]`: the Hessian of the softmax loss in the logits, `diag(p) - p p^T`, has
//! eigenvalues at most 1/2. With centred features and `lambda <= 1`, gradient descent with any learning rate below
//! `2 / (1/2) = 4`, and Nesterov's method below a third of that in the worst case of its momentum, do not diverge. A constant
//! feature for the bias, orthogonal to centred features, keeps the bound.
//!
//! A second number matters for ciphertexts: values must be moderate, because error and range are absolute there. So the divisor
//! is also large enough that no training feature exceeds [`MAX_MAGNITUDE`].

use rand_core::Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::split::seeded;
use super::table::round_to_f32;
use super::{DataError, Table};

/// `max |x|` over normalized training features. Embeddings and pixels scaled by their largest eigenvalue stay below it (8 to 15
/// were measured on five image and text sets), so it acts only on features with far outliers.
pub const MAX_MAGNITUDE: f32 = 16.0;

/// Rows summed by one thread before the sums are added in order: results do not depend on the number of threads.
const CHUNK_ROWS: usize = 1024;
/// At most this many multiplications by the covariance.
const POWER_ROUNDS: usize = 50;
/// Power iteration ends when the estimate grows by less than this fraction.
const POWER_TOLERANCE: f64 = 1e-4;

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
    /// eigenvalue, see [`largest_eigenvalue`]).
    ///
    /// A constant column becomes zero. If all columns are constant, nothing is divided.
    ///
    /// # Cost
    /// Two passes over the table, and at most 50 more for the eigenvalue.
    #[must_use]
    pub fn fit(train: &Table, scaling: Scaling) -> Self {
        let (mean, variance) = moments(train);
        let mean: Vec<f32> = mean.into_iter().map(round_to_f32).collect();
        let unit: Vec<f64> = match scaling {
            Scaling::Uniform => vec![1.0; mean.len()],
            Scaling::Columns => variance.iter().map(|v| divisor(v.sqrt())).collect(),
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

/// The largest eigenvalue of `1/rows * sum of (x - mean)(x - mean)^T`, by power iteration from a fixed start.
///
/// At most 50 rounds, ended early when a round adds less than 10^-4 of the value. A Rayleigh quotient never exceeds the
/// eigenvalue; when the second eigenvalue is close, it may fall short by a few per cent.
#[must_use]
pub fn largest_eigenvalue(table: &Table) -> f64 {
    let mean: Vec<f32> = moments(table).0.into_iter().map(round_to_f32).collect();
    let unit = vec![1.0; mean.len()];
    Centred {
        train: table,
        mean: &mean,
        unit: &unit,
    }
    .largest_eigenvalue()
}

/// `x` where one can divide by it as a 32-bit number, else 1.
fn divisor(x: f64) -> f64 {
    if round_to_f32(x).is_normal() { x } else { 1.0 }
}

/// Mean and variance of each column.
fn moments(table: &Table) -> (Vec<f64>, Vec<f64>) {
    let rows = table.rows() as f64;
    let mut mean = sum_rows(table, |row, sum| {
        for (s, &x) in sum.iter_mut().zip(row) {
            *s += f64::from(x);
        }
    });
    mean.iter_mut().for_each(|m| *m /= rows);
    let mut variance = sum_rows(table, |row, sum| {
        for ((s, &x), m) in sum.iter_mut().zip(row).zip(&mean) {
            *s += (f64::from(x) - m).powi(2);
        }
    });
    variance.iter_mut().for_each(|v| *v /= rows);
    (mean, variance)
}

/// The sum over all rows of what `add` adds to a vector of one number for each column.
fn sum_rows(table: &Table, add: impl Fn(&[f32], &mut [f64]) + Sync) -> Vec<f64> {
    let columns = table.columns();
    let parts: Vec<Vec<f64>> = table
        .values()
        .par_chunks(CHUNK_ROWS * columns)
        .map(|rows| {
            let mut sum = vec![0.0; columns];
            for row in rows.chunks_exact(columns) {
                add(row, &mut sum);
            }
            sum
        })
        .collect();
    let mut total = vec![0.0; columns];
    for part in parts {
        for (t, p) in total.iter_mut().zip(part) {
            *t += p;
        }
    }
    total
}

/// The rows `(x_j - mean_j) / unit_j`.
struct Centred<'a> {
    train: &'a Table,
    mean: &'a [f32],
    unit: &'a [f64],
}

impl Centred<'_> {
    fn row<'r>(&'r self, row: &'r [f32]) -> impl Iterator<Item = f64> + 'r {
        let shift_and_unit = self.mean.iter().zip(self.unit);
        row.iter()
            .zip(shift_and_unit)
            .map(|(&x, (&m, u))| (f64::from(x) - f64::from(m)) / u)
    }

    fn max_magnitude(&self) -> f64 {
        self.train
            .iter()
            .flat_map(|(row, _)| self.row(row))
            .fold(0.0, |max, x| max.max(x.abs()))
    }

    fn largest_eigenvalue(&self) -> f64 {
        let rows = self.train.rows() as f64;
        let mut rng = seeded(0, 0);
        let mut direction: Vec<f64> = (0..self.train.columns())
            .map(|_| f64::from(rng.next_u32()) / f64::from(u32::MAX) - 0.5)
            .collect();
        make_unit(&mut direction);
        let mut estimate = 0.0;
        for _ in 0..POWER_ROUNDS {
            let mut image = sum_rows(self.train, |row, sum| {
                let along: f64 = self.row(row).zip(&direction).map(|(x, d)| x * d).sum();
                for (s, x) in sum.iter_mut().zip(self.row(row)) {
                    *s += along * x;
                }
            });
            let quotient: f64 = image.iter().zip(&direction).map(|(y, d)| y * d).sum();
            let previous = std::mem::replace(&mut estimate, quotient / rows);
            if !make_unit(&mut image) || estimate - previous < POWER_TOLERANCE * estimate {
                break;
            }
            direction = image;
        }
        estimate
    }
}

/// Divides `v` by its length; false if that is zero or not finite.
fn make_unit(v: &mut [f64]) -> bool {
    let length = v.iter().map(|x| x * x).sum::<f64>().sqrt();
    if !length.is_normal() {
        return false;
    }
    v.iter_mut().for_each(|x| *x /= length);
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::DataSet;
    use super::*;

    fn table(columns: usize, values: &[f32]) -> Table {
        let labels = (0..values.len() / columns)
            .map(|i| u16::from(i % 2 == 1))
            .collect();
        Table::new("t", columns, values.to_vec(), labels).unwrap()
    }

    #[test]
    fn the_eigenvalue_of_a_known_covariance() {
        // Rows +-(3, 3) and +-(1, -1) about (10, 10): covariance [[5, 4], [4, 5]], eigenvalues 9 and 1.
        let t = table(2, &[13.0, 13.0, 7.0, 7.0, 11.0, 9.0, 9.0, 11.0]);
        assert!((largest_eigenvalue(&t) - 9.0).abs() < 1e-3);
    }

    #[test]
    fn digits_are_centred_with_eigenvalue_one() {
        let digits = DataSet::digits().unwrap();
        for scaling in [Scaling::Uniform, Scaling::Columns] {
            let fit = Normalization::fit(digits.train(), scaling);
            let t = fit.apply("t", digits.train()).unwrap();
            let (mean, _) = moments(&t);
            assert!(mean.iter().all(|m| m.abs() < 1e-6));
            let eigenvalue = largest_eigenvalue(&t);
            assert!((eigenvalue - 1.0).abs() < 0.01, "{scaling:?}: {eigenvalue}");
            assert!(t.max_magnitude() < MAX_MAGNITUDE);
        }
    }

    #[test]
    fn constant_columns_become_zero() {
        let fit = |values: &[f32], scaling| {
            let t = table(2, values);
            let n = Normalization::fit(&t, scaling);
            n.apply("t", &t).unwrap()
        };
        for scaling in [Scaling::Uniform, Scaling::Columns] {
            assert_eq!(
                fit(&[3.0, 1.0, 3.0, -1.0], scaling).values(),
                [0.0, 1.0, 0.0, -1.0]
            );
            assert_eq!(fit(&[3.0, 1.0, 3.0, 1.0], scaling).values(), [0.0; 4]);
        }
    }

    #[test]
    fn an_outlier_does_not_escape() {
        let mut values = vec![0.0; 10_000];
        values[77] = 1e9;
        let t = table(1, &values);
        let n = Normalization::fit(&t, Scaling::Uniform);
        let t = n.apply("t", &t).unwrap();
        assert!((t.max_magnitude() - MAX_MAGNITUDE).abs() < 1e-3);
        assert!(largest_eigenvalue(&t) < 1.0);
    }

    #[test]
    fn it_is_stored_and_checked_when_read() {
        let n = Normalization::fit(DataSet::digits().unwrap().train(), Scaling::Uniform);
        let text = serde_json::to_string(&n).unwrap();
        assert_eq!(serde_json::from_str::<Normalization>(&text).unwrap(), n);
        for bad in [
            r#"{"mean":[0],"scale":[0]}"#,
            r#"{"mean":[0],"scale":[-1]}"#,
            r#"{"mean":[0],"scale":[1e300]}"#,
            r#"{"mean":[0,1],"scale":[1]}"#,
        ] {
            assert!(serde_json::from_str::<Normalization>(bad).is_err(), "{bad}");
        }
        let other = table(1, &[0.0, 1.0]);
        assert!(matches!(
            n.apply("new", &other),
            Err(DataError::FeatureCount {
                found: 1,
                expected: 64,
                ..
            })
        ));
    }

    proptest! {
        #[test]
        fn any_table_is_tamed(
            values in prop::collection::vec(prop::num::f32::NORMAL | prop::num::f32::ZERO | prop::num::f32::SUBNORMAL, 6..60),
            columns in 1usize..4,
            scaling in prop::sample::select(vec![Scaling::Uniform, Scaling::Columns]),
        ) {
            let rows = values.len() / columns;
            let t = table(columns, &values[..rows * columns]);
            let n = Normalization::fit(&t, scaling);
            let t = n.apply("t", &t).unwrap();
            prop_assert!(t.max_magnitude() <= MAX_MAGNITUDE * 1.0001);
            prop_assert!(largest_eigenvalue(&t) <= 1.0 + 1e-3);
        }
    }
}

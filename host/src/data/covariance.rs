//! Mean, deviation and largest eigenvalue of the rows of a table.
//!
//! Sums are in 64-bit arithmetic and in an order that does not depend on the number of threads.

use rand_core::Rng;
use rayon::prelude::*;

use super::Table;
use super::split::seeded;
use super::table::round_to_f32;

/// Rows summed by one thread before the sums are added in order: results do not depend on the number of threads.
const CHUNK_ROWS: usize = 1024;
/// At least and at most this many multiplications by the covariance.
const POWER_ROUNDS: [usize; 2] = [10, 50];
/// Power iteration ends when the estimate grows by less than this fraction.
const POWER_TOLERANCE: f64 = 1e-4;

/// The largest eigenvalue of `1/rows * sum of (x - mean)(x - mean)^T`, by power iteration from a fixed start.
///
/// 10 to 50 rounds, ended when a round adds less than 10^-4 of the value. A Rayleigh quotient never exceeds the
/// eigenvalue; when the second eigenvalue is close, it may fall short by a few per cent.
#[must_use]
pub fn largest_eigenvalue(table: &Table) -> f64 {
    let mean = means(table);
    let unit = vec![1.0; mean.len()];
    Centred {
        train: table,
        mean: &mean,
        unit: &unit,
    }
    .largest_eigenvalue()
}

/// `x` where one can divide by it as a 32-bit number, else 1.
pub(super) fn divisor(x: f64) -> f64 {
    if round_to_f32(x).is_normal() { x } else { 1.0 }
}

/// The mean of each column.
pub(super) fn means(table: &Table) -> Vec<f32> {
    let rows = table.rows() as f64;
    let sums = sum_rows(table, |row, sums| add_multiple(sums, 1.0, row));
    sums[..table.columns()]
        .iter()
        .map(|sum| round_to_f32(sum / rows))
        .collect()
}

/// The standard deviation of each column about `mean`; 1 for a column that is constant up to the precision of its values.
pub(super) fn deviations(table: &Table, mean: &[f32]) -> Vec<f64> {
    let rows = table.rows() as f64;
    let squares = sum_rows(table, |row, sums| {
        for ((sum, &x), &m) in sums.iter_mut().zip(row).zip(mean) {
            *sum += (f64::from(x) - f64::from(m)).powi(2);
        }
    });
    let deviation = |(square, &m): (&f64, &f32)| {
        let deviation = (square / rows).sqrt();
        let constant = deviation <= f64::from(m).abs() * f64::from(f32::EPSILON);
        if constant { 1.0 } else { divisor(deviation) }
    };
    squares.iter().zip(mean).map(deviation).collect()
}

/// `sum of x_j * d_j`, as eight sums in fixed order, which the compiler turns into vectors.
fn dot(row: &[f32], direction: &[f64]) -> f64 {
    const LANES: usize = 8;
    let (row_head, row_tail) = row.as_chunks::<LANES>();
    let (direction_head, direction_tail) = direction.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for (x, d) in row_head.iter().zip(direction_head) {
        for lane in 0..LANES {
            sums[lane] += f64::from(x[lane]) * d[lane];
        }
    }
    let tail = row_tail.iter().zip(direction_tail);
    sums.iter().sum::<f64>() + tail.map(|(&x, d)| f64::from(x) * d).sum::<f64>()
}

/// `sums += factor * row`.
fn add_multiple(sums: &mut [f64], factor: f64, row: &[f32]) {
    for (sum, &x) in sums.iter_mut().zip(row) {
        *sum += factor * f64::from(x);
    }
}

/// The sum over all rows of what `add` adds to a vector of one number for each column, and one more.
fn sum_rows(table: &Table, add: impl Fn(&[f32], &mut [f64]) + Sync) -> Vec<f64> {
    let columns = table.columns();
    let parts: Vec<Vec<f64>> = table
        .values()
        .par_chunks(CHUNK_ROWS * columns)
        .map(|rows| {
            let mut sum = vec![0.0; columns + 1];
            for row in rows.chunks_exact(columns) {
                add(row, &mut sum);
            }
            sum
        })
        .collect();
    let mut total = vec![0.0; columns + 1];
    for part in parts {
        for (t, p) in total.iter_mut().zip(part) {
            *t += p;
        }
    }
    total
}

/// The rows `(x_j - mean_j) / unit_j`.
pub(super) struct Centred<'a> {
    pub(super) train: &'a Table,
    pub(super) mean: &'a [f32],
    pub(super) unit: &'a [f64],
}

impl Centred<'_> {
    pub(super) fn max_magnitude(&self) -> f64 {
        self.train
            .iter()
            .flat_map(|(row, _)| row.iter().zip(self.mean).zip(self.unit))
            .map(|((&x, &m), u)| (f64::from(x) - f64::from(m)).abs() / u)
            .fold(0.0, f64::max)
    }

    /// By power iteration. With `e_j = d_j / unit_j`, a row lies along the direction `d` by `x e - mean e`; in 64 bits the
    /// difference is exact enough for any column that varies at all in 32.
    pub(super) fn largest_eigenvalue(&self) -> f64 {
        let rows = self.train.rows() as f64;
        let columns = self.train.columns();
        let mut rng = seeded(0, 0);
        let mut direction: Vec<f64> = (0..columns)
            .map(|_| f64::from(rng.next_u32()) / f64::from(u32::MAX) - 0.5)
            .collect();
        make_unit(&mut direction);
        let mut estimate = 0.0;
        let [least, most] = POWER_ROUNDS;
        for round in 1..=most {
            let scaled: Vec<f64> = direction
                .iter()
                .zip(self.unit)
                .map(|(d, u)| d / u)
                .collect();
            let centre = dot(self.mean, &scaled);
            // The last sum is that of the factors.
            let sums = sum_rows(self.train, |row, sums| {
                let along = dot(row, &scaled) - centre;
                add_multiple(sums, along, row);
                sums[columns] += along;
            });
            let total = sums[columns];
            let mut image: Vec<f64> = sums
                .iter()
                .zip(self.mean.iter().zip(self.unit))
                .map(|(sum, (&m, u))| (sum - f64::from(m) * total) / u)
                .collect();
            let quotient: f64 = image.iter().zip(&direction).map(|(y, d)| y * d).sum();
            let previous = std::mem::replace(&mut estimate, quotient / rows);
            let settled = estimate - previous < POWER_TOLERANCE * estimate;
            if !make_unit(&mut image) || (settled && round >= least) {
                break;
            }
            direction = image;
        }
        estimate.max(0.0)
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

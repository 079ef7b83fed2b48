//! Rows of features with one class each.

use super::{DataError, MAX_CLASSES};

/// Rows of features, each with its class.
///
/// At least one row and one column; every feature is finite; every label is below [`MAX_CLASSES`].
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    values: Vec<f32>,
    columns: usize,
    labels: Vec<u16>,
}

impl Table {
    /// Checks and keeps `values`, row by row, `columns` in each, and the class of each row. Errors call it `place`.
    ///
    /// # Errors
    /// [`DataError::Empty`], [`DataError::Fill`], [`DataError::RowCount`], [`DataError::NotFinite`],
    /// [`DataError::Label`].
    pub fn new(
        place: &str,
        columns: usize,
        values: Vec<f32>,
        labels: Vec<u16>,
    ) -> Result<Self, DataError> {
        if values.is_empty() || labels.is_empty() || columns == 0 {
            return Err(DataError::Empty {
                place: place.to_owned(),
                rows: labels.len(),
                columns,
            });
        }
        if !values.len().is_multiple_of(columns) {
            return Err(DataError::Fill {
                place: place.to_owned(),
                values: values.len(),
                columns,
            });
        }
        if values.len() / columns != labels.len() {
            return Err(DataError::RowCount {
                place: place.to_owned(),
                rows: values.len() / columns,
                labels: labels.len(),
            });
        }
        if let Some(i) = values.iter().position(|x| !x.is_finite()) {
            return Err(DataError::NotFinite {
                place: place.to_owned(),
                row: i / columns,
                column: i % columns,
                value: f64::from(values[i]),
            });
        }
        if let Some(row) = labels.iter().position(|&c| usize::from(c) >= MAX_CLASSES) {
            return Err(DataError::Label {
                place: place.to_owned(),
                row,
                value: i128::from(labels[row]),
            });
        }
        Ok(Self {
            values,
            columns,
            labels,
        })
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.labels.len()
    }

    /// Features in a row.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// All features, row by row.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The class of each row.
    #[must_use]
    pub fn labels(&self) -> &[u16] {
        &self.labels
    }

    /// The features of one row, nothing beyond the last.
    #[must_use]
    pub fn row(&self, row: usize) -> Option<&[f32]> {
        self.values.chunks_exact(self.columns).nth(row)
    }

    /// The rows in order, each with its class.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[f32], u16)> {
        self.values
            .chunks_exact(self.columns)
            .zip(self.labels.iter().copied())
    }

    /// The number of rows of each class, from class 0 to the largest that occurs.
    #[must_use]
    pub fn class_counts(&self) -> Vec<usize> {
        let mut counts = Vec::new();
        for &label in &self.labels {
            let class = usize::from(label);
            if class >= counts.len() {
                counts.resize(class + 1, 0);
            }
            counts[class] += 1;
        }
        counts
    }

    /// `max |x|` over all features.
    #[must_use]
    pub fn max_magnitude(&self) -> f32 {
        self.values.iter().fold(0.0, |max, x| max.max(x.abs()))
    }

    /// The named rows, in the order named; a row may be named more than once.
    ///
    /// # Errors
    /// [`DataError::NoSuchRow`] for a row beyond the last, [`DataError::Empty`] if none is named.
    pub fn select(&self, rows: &[usize]) -> Result<Self, DataError> {
        if rows.is_empty() {
            return Err(DataError::Empty {
                place: "selection".to_owned(),
                rows: 0,
                columns: self.columns,
            });
        }
        let mut values = Vec::with_capacity(rows.len() * self.columns);
        let mut labels = Vec::with_capacity(rows.len());
        for &row in rows {
            let Some(features) = self.row(row) else {
                return Err(DataError::NoSuchRow {
                    row,
                    rows: self.rows(),
                });
            };
            values.extend_from_slice(features);
            labels.push(self.labels[row]);
        }
        Ok(Self {
            values,
            columns: self.columns,
            labels,
        })
    }

    /// The same rows and classes with other features, `f(column, feature)`.
    ///
    /// # Errors
    /// [`DataError::NotFinite`] if a result is not finite.
    pub fn map(&self, place: &str, f: impl Fn(usize, f32) -> f32) -> Result<Self, DataError> {
        let values = self
            .values
            .chunks_exact(self.columns)
            .flat_map(|row| row.iter().enumerate())
            .map(|(column, &x)| f(column, x))
            .collect();
        Self::new(place, self.columns, values, self.labels.clone())
    }
}

/// The nearest 32-bit number.
#[expect(
    clippy::cast_possible_truncation,
    reason = "rounding to the nearest 32-bit float is what is asked for; too large a value becomes infinite"
)]
pub(super) fn round_to_f32(x: f64) -> f32 {
    x as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_checked() {
        let bad = |columns, values: &[f32], labels: &[u16]| {
            Table::new("t", columns, values.to_vec(), labels.to_vec())
                .unwrap_err()
                .to_string()
        };
        assert_eq!(bad(1, &[], &[]), "t: empty, 0 rows of 1 features");
        assert_eq!(bad(0, &[1.0], &[0]), "t: empty, 1 rows of 0 features");
        assert_eq!(
            bad(2, &[1.0; 3], &[0]),
            "t: 3 values do not fill rows of 2 columns"
        );
        assert_eq!(
            bad(2, &[1.0; 4], &[0]),
            "t: 2 rows of features but 1 labels"
        );
        assert_eq!(
            bad(2, &[1.0, 1.0, 1.0, f32::NAN], &[0, 1]),
            "t: row 1, column 1 is NaN, not a finite 32-bit number"
        );
        assert_eq!(
            bad(1, &[1.0, 1.0], &[0, 64]),
            "t: the label of row 1 is 64, not a class from 0 to 63"
        );
    }

    #[test]
    fn rows_are_selected_in_order() {
        let t = Table::new("t", 2, vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], vec![0, 1, 3]).unwrap();
        let s = t.select(&[2, 0, 2]).unwrap();
        assert_eq!(s.values(), [5.0, 6.0, 1.0, 2.0, 5.0, 6.0]);
        assert_eq!(s.labels(), [3, 0, 3]);
        assert_eq!(t.class_counts(), [1, 1, 0, 1]);
        assert_eq!(t.max_magnitude(), 6.0);
        assert!(matches!(
            t.select(&[3]),
            Err(DataError::NoSuchRow { row: 3, rows: 3 })
        ));
        assert!(t.select(&[]).is_err());
    }
}

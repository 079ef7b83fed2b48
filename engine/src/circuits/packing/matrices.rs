//! Matrices into slots, and back.

use num_complex::Complex64;

use super::{Layout, PackingError, Unit, WeightSet};

impl Layout {
    /// A matrix of features, row by row, in tiles: for each tile the vectors of its row blocks. Missing samples are zero.
    ///
    /// # Errors
    /// [`PackingError::Shape`], [`PackingError::Batch`].
    pub fn pack_features(&self, x: &[f64]) -> Result<Vec<Vec<Vec<Complex64>>>, PackingError> {
        let rows = self.rows("features", x.len(), self.features())?;
        let at = |sample: usize, feature: usize| {
            if sample < rows && feature < self.features() {
                x[sample * self.features() + feature]
            } else {
                0.0
            }
        };
        let block = |t: usize, r: usize| {
            self.tile(|row, column| at(r * self.height() + row, t * self.width() + column))
        };
        let tile = |t| (0..self.row_blocks()).map(|r| block(t, r)).collect();
        Ok((0..self.tiles()).map(tile).collect())
    }

    /// The matrix in tiles that have as many row blocks as they have, row by row: a row for every place, the places of the
    /// first row block first.
    ///
    /// # Errors
    /// [`PackingError::Shape`].
    pub fn unpack_features(&self, tiles: &[Vec<Vec<Complex64>>]) -> Result<Vec<f64>, PackingError> {
        check("tiles", tiles.len(), self.tiles())?;
        let blocks = tiles.first().map_or(0, Vec::len);
        for tile in tiles {
            check("row blocks of a tile", tile.len(), blocks)?;
            for vector in tile {
                check("a tile", vector.len(), self.slots())?;
            }
        }
        let at = |place: usize, feature: usize| {
            let slot = self.slot(place % self.height(), feature % self.width());
            tiles[feature / self.width()][place / self.height()][slot].re
        };
        Ok((0..blocks * self.height() * self.features())
            .map(|i| at(i / self.features(), i % self.features()))
            .collect())
    }

    /// One-hot labels in class columns.
    ///
    /// # Errors
    /// [`PackingError::Label`], [`PackingError::Batch`].
    pub fn pack_labels(&self, labels: &[usize]) -> Result<Vec<Complex64>, PackingError> {
        let mut one_hot = vec![0.0; labels.len() * self.classes()];
        for (sample, &label) in labels.iter().enumerate() {
            if label >= self.classes() {
                return Err(PackingError::Label {
                    label,
                    classes: self.classes(),
                });
            }
            one_hot[sample * self.classes() + label] = 1.0;
        }
        self.pack_columns(&one_hot)
    }

    /// A matrix with a column for each class, row by row, in class columns. Missing samples and classes are zero.
    ///
    /// # Errors
    /// [`PackingError::Shape`], [`PackingError::Batch`].
    pub fn pack_columns(&self, matrix: &[f64]) -> Result<Vec<Complex64>, PackingError> {
        let samples = self.rows("class columns", matrix.len(), self.classes())?;
        Ok(self.tile(|row, column| {
            let (class, sample) = self.class_and_sample(row, column);
            if class < self.classes() && sample < samples {
                matrix[sample * self.classes() + class]
            } else {
                0.0
            }
        }))
    }

    /// The first `samples` rows of a matrix in class columns.
    ///
    /// # Errors
    /// [`PackingError::Shape`], [`PackingError::Batch`].
    pub fn unpack_columns(
        &self,
        columns: &[Complex64],
        samples: usize,
    ) -> Result<Vec<f64>, PackingError> {
        check("class columns", columns.len(), self.slots())?;
        self.rows("class columns", samples * self.classes(), self.classes())?;
        Ok(self.unpack_places(columns, samples))
    }

    /// The rows of a matrix in class columns for every place of so many row blocks.
    ///
    /// # Errors
    /// [`PackingError::Shape`], also for more row blocks than there are columns of a class.
    pub fn unpack_blocks(
        &self,
        columns: &[Complex64],
        blocks: usize,
    ) -> Result<Vec<f64>, PackingError> {
        check("class columns", columns.len(), self.slots())?;
        let most = self.class_columns();
        check("row blocks of class columns", blocks.min(most), blocks)?;
        Ok(self.unpack_places(columns, blocks * self.height()))
    }

    fn unpack_places(&self, columns: &[Complex64], places: usize) -> Vec<f64> {
        let at = |place: usize, class: usize| {
            let column = self.class_columns() * class + place / self.height();
            columns[self.slot(place % self.height(), column)].re
        };
        (0..places * self.classes())
            .map(|i| at(i / self.classes(), i % self.classes()))
            .collect()
    }

    /// Class and sample of a row and column in class columns. The sample is beyond the batch in unused columns.
    pub(crate) fn class_and_sample(&self, row: usize, column: usize) -> (usize, usize) {
        let (class, block) = (column / self.class_columns(), column % self.class_columns());
        let sample = block * self.height() + row;
        (
            class,
            if sample < self.batch() {
                sample
            } else {
                usize::MAX
            },
        )
    }

    /// The vectors of the state from both weight sets, each class by class with the bias behind its features.
    ///
    /// # Errors
    /// [`PackingError::Shape`].
    pub fn pack_state(
        &self,
        weights: &[f64],
        look_ahead: &[f64],
    ) -> Result<Vec<Vec<Complex64>>, PackingError> {
        let stride = self.features() + 1;
        check("weights", weights.len(), self.classes() * stride)?;
        check(
            "look-ahead weights",
            look_ahead.len(),
            self.classes() * stride,
        )?;
        let mut state = vec![vec![Complex64::ZERO; self.slots()]; self.state_vectors()];
        for (set, offset) in [(weights, 0), (look_ahead, 1)] {
            let at = |class: usize, feature: usize| {
                if class < self.classes() {
                    set[class * stride + feature]
                } else {
                    0.0
                }
            };
            self.for_each_weight(|unit, group, column, feature, classes| {
                let row = group * self.group_height() + 2 * unit.pair + offset;
                state[unit.vector][self.slot(row, column)] =
                    Complex64::new(at(classes.0, feature), at(classes.1, feature));
            });
        }
        Ok(state)
    }

    /// A weight set, class by class with the bias behind its features, from the vectors of the state.
    ///
    /// # Errors
    /// [`PackingError::Shape`].
    pub fn unpack_state(
        &self,
        state: &[Vec<Complex64>],
        set: WeightSet,
    ) -> Result<Vec<f64>, PackingError> {
        check("state vectors", state.len(), self.state_vectors())?;
        for vector in state {
            check("state", vector.len(), self.slots())?;
        }
        let stride = self.features() + 1;
        let offset = set.row();
        let mut weights = vec![0.0; self.classes() * stride];
        self.for_each_weight(|unit, group, column, feature, classes| {
            let row = group * self.group_height() + 2 * unit.pair + offset;
            let value = state[unit.vector][self.slot(row, column)];
            for (class, part) in [(classes.0, value.re), (classes.1, value.im)] {
                if class < self.classes() {
                    weights[class * stride + feature] = part;
                }
            }
        });
        Ok(weights)
    }

    /// Calls `f` with unit, group, column, feature (the bias is the last) and both classes, for each slot of the state.
    fn for_each_weight(&self, mut f: impl FnMut(Unit, usize, usize, usize, (usize, usize))) {
        for unit in self.units() {
            let groups = if unit.tile.is_some() {
                self.groups()
            } else {
                1
            };
            for group in 0..groups {
                for column in 0..self.width() {
                    let feature = unit
                        .tile
                        .map_or(self.features(), |t| t * self.width() + column);
                    if unit.tile.is_some() && feature >= self.features() {
                        continue;
                    }
                    let first = column / self.class_columns() + unit.first_diagonal + group;
                    let class = |k: usize| (first + k) % self.padded_classes();
                    f(
                        unit,
                        group,
                        column,
                        feature,
                        (class(0), class(self.diagonals())),
                    );
                }
            }
        }
    }

    /// Rows of a matrix with so many values.
    fn rows(
        &self,
        what: &'static str,
        values: usize,
        columns: usize,
    ) -> Result<usize, PackingError> {
        let rows = values / columns;
        check(what, values, rows * columns)?;
        if rows > self.batch() {
            return Err(PackingError::Batch {
                found: rows,
                limit: self.batch(),
            });
        }
        Ok(rows)
    }
}

const fn check(what: &'static str, found: usize, expected: usize) -> Result<(), PackingError> {
    if found == expected {
        Ok(())
    } else {
        Err(PackingError::Shape {
            what,
            found,
            expected,
        })
    }
}

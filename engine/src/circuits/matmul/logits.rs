//! Logits: `X W^T + b`.

use super::super::reduce::places;
use super::{Diagonals, Matmul, Slots, accumulate};
use crate::circuits::Phase;
use crate::ckks::EvalError;

/// Levels of [`Matmul::logits`].
const DEPTH: usize = 2;

impl<P: Clone> Matmul<P> {
    /// Levels of [`logits`](Self::logits).
    #[must_use]
    pub const fn logits_depth(&self) -> usize {
        DEPTH
    }

    /// The logits of a batch in class columns, times the scale. `features` holds a batch of row blocks for each tile.
    ///
    /// The product with diagonal `k`, moved `k` classes to the right, has in the columns of class `q` the terms of
    /// features in the columns of class `q - k`: real part for class `q`, imaginary part for `q + K`. Summed over
    /// `k`, each part covers one half of the features, so a class is the sum of its real part and of the imaginary
    /// part `K` classes away. What is left is a sum over the `G` columns of a class that moves row block `r` to
    /// position `r`.
    ///
    /// # Cost
    /// Two levels; `R K` relinearizations, `R (K - 1) + R + G - 1` rotations and a conjugation.
    ///
    /// # Errors
    /// Those of the machine.
    pub fn logits<S: Slots<Plain = P>>(
        &self,
        machine: &S,
        features: &[S::Vector],
        weights: &Diagonals<S::Vector>,
    ) -> Result<S::Vector, EvalError> {
        machine.within(Phase::Logits, || self.product(machine, features, weights))
    }

    fn product<S: Slots<Plain = P>>(
        &self,
        machine: &S,
        features: &[S::Vector],
        weights: &Diagonals<S::Vector>,
    ) -> Result<S::Vector, EvalError> {
        let class = self.layout.class_columns() * self.layout.height();
        // To the level of the weights once, not for each diagonal.
        let diagonals = weights.weights.iter().flatten();
        let level = diagonals.map(|diagonal| machine.level(diagonal)).min();
        let level = level.ok_or(EvalError::Empty { op: "logits" })?;
        let below = |tile: &S::Vector| machine.lower(tile, level.min(machine.level(tile)));
        let features = features.iter().map(below).collect::<Result<Vec<_>, _>>()?;
        let mut total = None;
        for (k, tiles) in weights.weights.iter().enumerate() {
            let pairs: Vec<(&S::Vector, &S::Vector)> = features.iter().zip(tiles).collect();
            let mut part = machine.dot(&pairs)?;
            if k > 0 {
                part = machine.rotate(&part, places(k * class, -1))?;
            }
            accumulate(machine, &mut total, part)?;
        }
        let total = total.ok_or(EvalError::Empty { op: "logits" })?;
        let halves = self.sum_positions(machine, &total)?;
        let halves = machine.add(&halves, &weights.bias)?;
        let conjugate = machine.conjugate(&halves)?;
        let real = machine.add(&halves, &conjugate)?;
        let imaginary = machine.mul_i(&machine.sub(&conjugate, &halves)?)?;
        let moved = machine.rotate(&imaginary, places(machine.slots() / 2, 1))?;
        machine.add(&real, &moved)
    }

    /// The sum over the columns of each class, of row block `r` in the column at position `r`, scaled.
    fn sum_positions<S: Slots<Plain = P>>(
        &self,
        machine: &S,
        x: &S::Vector,
    ) -> Result<S::Vector, EvalError> {
        let (blocks, columns) = (self.layout.row_blocks(), self.layout.class_columns());
        let blocks: Vec<S::Vector> = (0..blocks)
            .map(|r| machine.entries(x, r..r + 1))
            .collect::<Result<_, _>>()?;
        let mut total = None;
        let (first, last) = (1 - blocks.len().cast_signed(), columns.cast_signed());
        for offset in first..last {
            // The columns `offset` to the right of their own place.
            let terms: Vec<(&S::Vector, &P)> = blocks
                .iter()
                .enumerate()
                .filter_map(|(r, block)| {
                    let position = r.checked_add_signed(offset)?;
                    self.scaled_positions
                        .get(position)
                        .map(|mask| (block, mask))
                })
                .collect();
            let mut part = machine.dot_plain(&terms)?;
            if offset != 0 {
                let distance = offset.unsigned_abs() * self.layout.height();
                part = machine.rotate(&part, places(distance, if offset > 0 { 1 } else { -1 }))?;
            }
            accumulate(machine, &mut total, part)?;
        }
        total.ok_or(EvalError::Empty { op: "logits" })
    }
}

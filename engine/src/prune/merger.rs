//! Merging, run on a machine: masks where the survivors are, sums, and a rotation for each group.

use num_complex::Complex64;

use super::merge::{FeatureGroup, LabelGroup};
use super::{MergePlan, plan};
use crate::circuits::packing::Layout;
use crate::circuits::{Slots, places};
use crate::ckks::EvalError;

/// A batch of survivors.
#[derive(Clone, Debug)]
pub struct MergedBatch<V> {
    /// For each tile the row blocks. Zero where nothing was put.
    pub features: Vec<V>,
    /// One vector.
    pub labels: V,
}

/// A merging on its way. It takes in the batches of the training set one after the other, so that they need not all be at hand.
#[derive(Debug)]
pub struct Merger<'a, V> {
    layout: &'a Layout,
    plan: &'a MergePlan,
    /// For each merged batch and row block: its tiles.
    blocks: Vec<Vec<Option<V>>>,
    labels: Vec<Option<V>>,
    /// Sums of groups that have more sources to come, by number of the group.
    open_features: Vec<Option<V>>,
    open_labels: Vec<Option<V>>,
}

impl<'a, V: Clone> Merger<'a, V> {
    /// Of a training set in this layout.
    #[must_use]
    pub fn new(layout: &'a Layout, plan: &'a MergePlan) -> Self {
        let blocks = plan.row_blocks().iter();
        Self {
            layout,
            plan,
            blocks: blocks.map(|&blocks| vec![None; blocks]).collect(),
            labels: vec![None; plan.row_blocks().len()],
            open_features: vec![None; plan.features().len()],
            open_labels: vec![None; plan.labels().len()],
        }
    }

    /// Takes in a batch: `features` holds a batch of row blocks for each tile. Batches come in ascending order, each once; those
    /// without a survivor need not come.
    ///
    /// # Cost
    /// One level; for each row block and group a mask, a product and a rescaling of all tiles, and behind the last source of
    /// a group a key switch for each power of two in its distance.
    ///
    /// # Errors
    /// [`EvalError::LevelExhausted`] for ciphertexts without levels, [`EvalError::MissingRotation`]; those of the machine.
    pub fn absorb<S: Slots<Vector = V>>(
        &mut self,
        machine: &S,
        batch: usize,
        features: &[V],
        labels: &V,
    ) -> Result<(), EvalError> {
        let mut blocks = vec![None; self.layout.row_blocks()];
        for (number, group) in self.plan.features().iter().enumerate() {
            let mut terms = Vec::new();
            for (_, block, rows) in group.sources.iter().filter(|source| source.0 == batch) {
                let tiles = match &blocks[*block] {
                    Some(tiles) => V::clone(tiles),
                    None => blocks[*block]
                        .insert(row_block(machine, features, *block)?)
                        .clone(),
                };
                terms.push((tiles, machine.plain(&self.rows(rows))?));
            }
            add_terms(machine, &mut self.open_features[number], &terms)?;
            let last = group.sources.last().is_some_and(|source| source.0 == batch);
            if last && let Some(sum) = self.open_features[number].take() {
                self.place_features(machine, group, &sum)?;
            }
        }
        for (number, group) in self.plan.labels().iter().enumerate() {
            let mut terms = Vec::new();
            for (_, cells) in group.sources.iter().filter(|source| source.0 == batch) {
                terms.push((labels.clone(), machine.plain(&self.cells(cells))?));
            }
            add_terms(machine, &mut self.open_labels[number], &terms)?;
            let last = group.sources.last().is_some_and(|source| source.0 == batch);
            if last && let Some(sum) = self.open_labels[number].take() {
                self.place_labels(machine, group, &sum)?;
            }
        }
        Ok(())
    }

    /// The merged batches, a level below what they were made of.
    ///
    /// # Errors
    /// [`EvalError::Empty`] if a batch with survivors was not taken in.
    pub fn finish<S: Slots<Vector = V>>(
        self,
        machine: &S,
    ) -> Result<Vec<MergedBatch<V>>, EvalError> {
        let missing = || EvalError::Empty { op: "merge" };
        let batch = |(blocks, labels): (Vec<Option<V>>, Option<V>)| {
            let blocks: Vec<V> = blocks
                .into_iter()
                .collect::<Option<_>>()
                .ok_or_else(missing)?;
            let features = (0..self.layout.tiles()).map(|tile| {
                let of_tile = |block| machine.entries(block, tile..tile + 1);
                let entries = blocks.iter().map(of_tile).collect::<Result<Vec<_>, _>>()?;
                machine.stack(&entries.iter().collect::<Vec<_>>())
            });
            Ok(MergedBatch {
                features: features.collect::<Result<_, EvalError>>()?,
                labels: labels.ok_or_else(missing)?,
            })
        };
        self.blocks
            .into_iter()
            .zip(self.labels)
            .map(batch)
            .collect()
    }

    fn place_features<S: Slots<Vector = V>>(
        &mut self,
        machine: &S,
        group: &FeatureGroup,
        sum: &V,
    ) -> Result<(), EvalError> {
        let moved = move_rows(machine, sum, group.shift)?;
        add(machine, &mut self.blocks[group.batch][group.block], moved)
    }

    fn place_labels<S: Slots<Vector = V>>(
        &mut self,
        machine: &S,
        group: &LabelGroup,
        sum: &V,
    ) -> Result<(), EvalError> {
        let distance = group.blocks.unsigned_abs() * self.layout.height();
        let between_blocks = match group.blocks.signum() {
            0 => sum.clone(),
            1 => machine.rotate(sum, places(distance, 1))?,
            _ => machine.rotate(sum, places(distance, -1))?,
        };
        let moved = move_rows(machine, &between_blocks, group.shift)?;
        add(machine, &mut self.labels[group.batch], moved)
    }

    /// One in these rows.
    fn rows(&self, rows: &[usize]) -> Vec<Complex64> {
        let mut wanted = vec![0.0; self.layout.height()];
        for &row in rows {
            wanted[row] = 1.0;
        }
        self.layout.tile(|row, _| wanted[row])
    }

    /// One in these row blocks and rows, in the columns of every class.
    fn cells(&self, cells: &[(usize, usize)]) -> Vec<Complex64> {
        let (height, columns) = (self.layout.height(), self.layout.class_columns());
        let mut wanted = vec![0.0; height * columns];
        for &(block, row) in cells {
            wanted[block * height + row] = 1.0;
        }
        self.layout
            .tile(|row, column| wanted[column % columns * height + row])
    }
}

/// All tiles of a row block.
fn row_block<S: Slots>(
    machine: &S,
    features: &[S::Vector],
    block: usize,
) -> Result<S::Vector, EvalError> {
    let tiles = features
        .iter()
        .map(|tile| machine.entries(tile, block..block + 1));
    let tiles = tiles.collect::<Result<Vec<_>, _>>()?;
    machine.stack(&tiles.iter().collect::<Vec<_>>())
}

/// Adds products to what a group has so far.
fn add_terms<S: Slots>(
    machine: &S,
    sum: &mut Option<S::Vector>,
    terms: &[(S::Vector, S::Plain)],
) -> Result<(), EvalError> {
    if terms.is_empty() {
        return Ok(());
    }
    let terms: Vec<_> = terms.iter().map(|(vector, mask)| (vector, mask)).collect();
    add(machine, sum, machine.dot_plain(&terms)?)
}

fn add<S: Slots>(
    machine: &S,
    sum: &mut Option<S::Vector>,
    part: S::Vector,
) -> Result<(), EvalError> {
    *sum = Some(match sum.take() {
        Some(sum) => machine.add(&sum, &part)?,
        None => part,
    });
    Ok(())
}

/// Rows moved to the left: by one rotation for each power of two.
fn move_rows<S: Slots>(machine: &S, x: &S::Vector, shift: isize) -> Result<S::Vector, EvalError> {
    let mut moved = x.clone();
    for power in plan::powers(shift) {
        let direction = if power > 0 { 1 } else { -1 };
        moved = machine.rotate(&moved, places(power.unsigned_abs(), direction))?;
    }
    Ok(moved)
}

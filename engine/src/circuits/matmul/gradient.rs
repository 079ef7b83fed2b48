//! The gradient: `D^T X` for a residual `D = P - Y`, and the sum of `D` for the bias.

use super::super::reduce::{Comb, places, shifts};
use super::{Layout, Matmul, Slots, accumulate};
use crate::circuits::Phase;
use crate::ckks::EvalError;

/// For each unit of the state: in rows `2p` and `2p + 1` of each group, for the unit's pair `p`, two parts whose sum is
/// the gradient of that diagonal. Other rows hold sums without meaning.
#[derive(Clone, Debug)]
pub struct Gradient<V> {
    pub(crate) units: Vec<V>,
}

/// Which samples of a batch count, and how much.
#[derive(Clone, Debug)]
pub struct SampleMask<P> {
    samples: usize,
    /// By row block: one for a sample that is present.
    present: Vec<P>,
    /// By row block and position: the weight of a sample in the columns at the position; nothing if all are one.
    weights: Option<Vec<Vec<P>>>,
}

impl<P> SampleMask<P> {
    /// The first `samples` of a batch, all alike.
    ///
    /// # Errors
    /// [`EvalError::SlotCount`] if the layout is for another number of slots.
    pub fn first<S: Slots<Plain = P>>(
        machine: &S,
        layout: &Layout,
        samples: usize,
    ) -> Result<Self, EvalError> {
        let height = layout.height();
        let value = |sample: usize| if sample < samples { 1.0 } else { 0.0 };
        let block = |r: usize| machine.plain(&layout.tile(|row, _| value(r * height + row)));
        let present = (0..layout.row_blocks())
            .map(block)
            .collect::<Result<_, _>>()?;
        Ok(Self {
            samples,
            present,
            weights: None,
        })
    }

    /// The first places of a batch, each with a weight that the gradient of its sample is multiplied by: importance sampling.
    /// A place with the weight zero is empty and does not count.
    ///
    /// # Errors
    /// [`EvalError::SlotCount`] if the layout is for another number of slots.
    pub fn weighted<S: Slots<Plain = P>>(
        machine: &S,
        layout: &Layout,
        weights: &[f64],
    ) -> Result<Self, EvalError> {
        let (height, columns) = (layout.height(), layout.class_columns());
        let mask = |r: usize, position: usize| {
            machine.plain(&layout.tile(|row, column| {
                let weight = weights.get(r * height + row).copied().unwrap_or(0.0);
                if column % columns == position {
                    weight
                } else {
                    0.0
                }
            }))
        };
        let blocks = (0..layout.row_blocks())
            .map(|r| (0..columns).map(|position| mask(r, position)).collect())
            .collect::<Result<_, _>>()?;
        let all = Self::first(machine, layout, weights.len())?;
        Ok(Self {
            samples: weights.iter().filter(|weight| **weight != 0.0).count(),
            weights: Some(blocks),
            ..all
        })
    }

    /// How many samples count.
    #[must_use]
    pub const fn samples(&self) -> usize {
        self.samples
    }
}

impl<P: Clone> Matmul<P> {
    /// Levels of [`gradient`](Self::gradient).
    #[must_use]
    pub fn gradient_depth(&self) -> usize {
        if self.layout.groups() > 1 { 3 } else { 2 }
    }

    /// `D^T X` and the sum of `D` over the samples that count, each times its weight, in the form of the state. Samples
    /// that do not count must have no features.
    ///
    /// Real and imaginary part of the residual become classes `q` and `q + K`; row block `r` is copied to all columns of a
    /// class; rotations by whole classes bring the diagonals. Products are added over row blocks before one
    /// relinearization. The sum over rows packs the diagonals of a unit into their groups on the way: `2(K' - 1)`
    /// rotations for all of them, then `log2` of a group's height less one.
    ///
    /// # Cost
    /// [`gradient_depth`](Self::gradient_depth) levels; `K T` relinearizations; for each unit
    /// `2(K' - 1) + log2(h/K') - 1` rotations; `R(K - 1) + R + G - 2` hoisted rotations; `log2 h` for the bias.
    ///
    /// # Errors
    /// Those of the machine.
    pub fn gradient<S: Slots<Plain = P>>(
        &self,
        machine: &S,
        residual: &S::Vector,
        features: &[S::Vector],
        counted: &SampleMask<P>,
    ) -> Result<Gradient<S::Vector>, EvalError> {
        let layout = &self.layout;
        let copies = machine.within(Phase::Spreading, || {
            self.copy_positions(machine, residual, counted)
        })?;
        let by_block = machine.within(Phase::Spreading, || self.move_classes(machine, &copies))?;
        let products = machine.within(Phase::Gradient, || {
            Self::products(machine, &by_block, features)
        })?;
        let units = layout.units().into_iter().map(|unit| match unit.tile {
            Some(t) => {
                let last = unit.first_diagonal + layout.groups();
                let part = machine.entries(&products[t], unit.first_diagonal..last)?;
                let packed =
                    machine.within(Phase::Spreading, || self.pack_groups(machine, &part))?;
                let pairs = Comb {
                    stride: 2,
                    count: layout.group_height() / 2,
                };
                machine.within(Phase::Gradient, || {
                    pairs.sum_into(machine, &packed, unit.pair)
                })
            }
            None => machine.within(Phase::Gradient, || {
                let terms: Vec<(&S::Vector, &P)> = copies.iter().zip(&counted.present).collect();
                let sum = machine.dot_plain(&terms)?;
                let pairs = Comb {
                    stride: 2,
                    count: layout.height() / 2,
                };
                pairs.sum_into(machine, &sum, unit.pair)
            }),
        });
        Ok(Gradient {
            units: units.collect::<Result<_, _>>()?,
        })
    }

    /// From a copy for each row block: for each row block a batch over the diagonals, moved by as many classes.
    fn move_classes<S: Slots<Plain = P>>(
        &self,
        machine: &S,
        copies: &[S::Vector],
    ) -> Result<Vec<S::Vector>, EvalError> {
        let layout = &self.layout;
        let class = layout.class_columns() * layout.height();
        let all = machine.stack(&copies.iter().collect::<Vec<_>>())?;
        let moved = shifts(machine, &all, class, 0..layout.diagonals().cast_signed())?;
        let block = |r: usize| {
            let entries: Vec<S::Vector> = moved
                .iter()
                .map(|diagonal| machine.entries(diagonal, r..r + 1))
                .collect::<Result<_, _>>()?;
            machine.stack(&entries.iter().collect::<Vec<_>>())
        };
        (0..copies.len()).map(block).collect()
    }

    /// For each tile a batch over the diagonals: their products with its features, summed over the row blocks.
    fn products<S: Slots<Plain = P>>(
        machine: &S,
        by_block: &[S::Vector],
        features: &[S::Vector],
    ) -> Result<Vec<S::Vector>, EvalError> {
        let level = by_block.iter().map(|block| machine.level(block)).min();
        let level = level.ok_or(EvalError::Empty { op: "gradient" })?;
        let product = |tile: &S::Vector| {
            let tile = machine.lower(tile, level.min(machine.level(tile)))?;
            let blocks: Vec<S::Vector> = (0..by_block.len())
                .map(|r| machine.entries(&tile, r..r + 1))
                .collect::<Result<_, _>>()?;
            let pairs: Vec<(&S::Vector, &S::Vector)> = by_block.iter().zip(&blocks).collect();
            machine.dot(&pairs)
        };
        features.iter().map(product).collect()
    }

    /// For each row block: its columns of `D` (class `q` plus `i` times class `q + K`), copied to all columns of a class.
    fn copy_positions<S: Slots<Plain = P>>(
        &self,
        machine: &S,
        residual: &S::Vector,
        counted: &SampleMask<P>,
    ) -> Result<Vec<S::Vector>, EvalError> {
        let layout = &self.layout;
        let (blocks, columns) = (layout.row_blocks(), layout.class_columns());
        let half = machine.rotate(residual, places(machine.slots() / 2, 1))?;
        let complex = machine.add(residual, &machine.mul_i(&half)?)?;
        let (first, last) = (1 - columns.cast_signed(), blocks.cast_signed());
        let moved = shifts(machine, &complex, layout.height(), first..last)?;
        let copy = |r: usize| {
            let weights = counted.weights.as_ref().map(|blocks| &blocks[r]);
            let terms: Vec<(&S::Vector, &P)> = weights
                .unwrap_or(&self.positions)
                .iter()
                .enumerate()
                .map(|(position, mask)| (&moved[r + columns - 1 - position], mask))
                .collect();
            machine.dot_plain(&terms)
        };
        (0..blocks).map(copy).collect()
    }

    /// From a batch of `K'` vectors one, where group `k` holds the sum of all groups of entry `k`, row by row.
    fn pack_groups<S: Slots<Plain = P>>(
        &self,
        machine: &S,
        x: &S::Vector,
    ) -> Result<S::Vector, EvalError> {
        let groups = self.groups.len();
        let entries: Vec<S::Vector> = (0..groups)
            .map(|k| machine.entries(x, k..k + 1))
            .collect::<Result<_, _>>()?;
        if let [only] = entries.as_slice() {
            return Ok(only.clone());
        }
        let mut total = None;
        let last = groups.cast_signed() - 1;
        for offset in -last..=last {
            // The groups `offset` below their own place.
            let terms: Vec<(&S::Vector, &P)> = entries
                .iter()
                .enumerate()
                .filter_map(|(k, entry)| {
                    let group = k.checked_add_signed(offset)?;
                    self.groups.get(group).map(|mask| (entry, mask))
                })
                .collect();
            let mut part = machine.dot_plain(&terms)?;
            if offset != 0 {
                let distance = offset.unsigned_abs() * self.layout.group_height();
                part = machine.rotate(&part, places(distance, if offset > 0 { 1 } else { -1 }))?;
            }
            accumulate(machine, &mut total, part)?;
        }
        total.ok_or(EvalError::Empty { op: "gradient" })
    }
}

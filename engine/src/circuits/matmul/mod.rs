//! Products of encrypted matrices in the layout of [`Layout`]: logits `X W^T` and gradient `(P - Y)^T X`.
//!
//! Complex diagonals halve the products (as in HETAL, eprint 2023/1120, whose tiles are row-major); tiles with samples
//! along the low part of the slot index let all samples of a batch share one vector of logits. Both products keep
//! sums of tensor products together until one relinearization.

mod expand;
mod gradient;
mod logits;
#[cfg(test)]
mod tests;

pub use expand::Diagonals;
pub use gradient::{Gradient, SampleMask};

use num_complex::Complex64;

use super::Slots;
use super::packing::{Layout, WeightSet};
use crate::ckks::EvalError;

/// The products of one layout, with their masks prepared on a machine whose plain vectors are `P`.
#[derive(Clone, Debug)]
pub struct Matmul<P> {
    layout: Layout,
    logit_scale: f64,
    /// One in the rows of a group.
    groups: Vec<P>,
    /// One in the columns at a position among those of a class.
    positions: Vec<P>,
    /// The same times half the scale of the logits.
    scaled_positions: Vec<P>,
    weights: StateMasks<P>,
    look_ahead: StateMasks<P>,
}

/// Masks that take the rows of one weight set out of the state.
#[derive(Clone, Debug)]
struct StateMasks<P> {
    /// For each pair: one in its row of every group.
    pairs: Vec<P>,
    /// A quarter of the scale of the logits in the row of the bias.
    bias: P,
}

impl<P: Clone> Matmul<P> {
    /// Prepares the masks; logits will come out multiplied by `logit_scale`.
    ///
    /// # Errors
    /// [`EvalError::SlotCount`] if the layout is for another number of slots.
    pub fn new<S: Slots<Plain = P>>(
        machine: &S,
        layout: &Layout,
        logit_scale: f64,
    ) -> Result<Self, EvalError> {
        let positions = |value: f64| -> Result<Vec<P>, EvalError> {
            let columns = layout.class_columns();
            let mask = |position| {
                layout.tile(|_, column| {
                    if column % columns == position {
                        value
                    } else {
                        0.0
                    }
                })
            };
            (0..columns)
                .map(|position| machine.plain(&mask(position)))
                .collect()
        };
        let group = |index| {
            layout.tile(|row, _| {
                if row / layout.group_height() == index {
                    1.0
                } else {
                    0.0
                }
            })
        };
        Ok(Self {
            logit_scale,
            groups: (0..layout.groups())
                .map(|index| machine.plain(&group(index)))
                .collect::<Result<_, _>>()?,
            positions: positions(1.0)?,
            scaled_positions: positions(logit_scale / 2.0)?,
            weights: StateMasks::new(machine, layout, WeightSet::Weights, logit_scale)?,
            look_ahead: StateMasks::new(machine, layout, WeightSet::LookAhead, logit_scale)?,
            layout: layout.clone(),
        })
    }

    /// The layout.
    #[must_use]
    pub const fn layout(&self) -> &Layout {
        &self.layout
    }

    /// What the logits come out multiplied by.
    #[must_use]
    pub const fn logit_scale(&self) -> f64 {
        self.logit_scale
    }
}

impl<P> StateMasks<P> {
    fn new<S: Slots<Plain = P>>(
        machine: &S,
        layout: &Layout,
        set: WeightSet,
        logit_scale: f64,
    ) -> Result<Self, EvalError> {
        let units = layout.units();
        let used = units
            .iter()
            .map(|unit| unit.pair)
            .max()
            .map_or(0, |last| last + 1);
        let bias = units.last().map_or(0, |unit| unit.pair);
        Ok(Self {
            pairs: (0..used)
                .map(|pair| machine.plain(&state_rows(layout, pair, set, true, 1.0)))
                .collect::<Result<_, _>>()?,
            bias: machine.plain(&state_rows(layout, bias, set, false, logit_scale / 4.0))?,
        })
    }
}

/// `value` in the row of a weight set in a pair, in every group or in the first only.
pub(crate) fn state_rows(
    layout: &Layout,
    pair: usize,
    set: WeightSet,
    every_group: bool,
    value: f64,
) -> Vec<Complex64> {
    let wanted = 2 * pair + set.row();
    layout.tile(|row, _| {
        let (group, within) = (row / layout.group_height(), row % layout.group_height());
        if within == wanted && (every_group || group == 0) {
            value
        } else {
            0.0
        }
    })
}

/// `total + part`, for sums that begin with nothing.
fn accumulate<S: Slots>(
    machine: &S,
    total: &mut Option<S::Vector>,
    part: S::Vector,
) -> Result<(), EvalError> {
    *total = Some(match total.take() {
        Some(sum) => machine.add(&sum, &part)?,
        None => part,
    });
    Ok(())
}

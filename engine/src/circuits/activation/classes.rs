//! Where the classes of a sample are in the slots.

use num_complex::Complex64;

use crate::circuits::packing::Layout;
use crate::circuits::reduce::places;
use crate::circuits::{Aside, Clear, Polynomial, Slots, Stage};
use crate::ckks::{EvalError, Level};

/// What scaled logits are bounded by at a refresh. In range they are one at most; the rest is for those a little beyond it,
/// which the approximations bear.
pub(super) const LOGIT_BOUND: f64 = 1.0625;

/// A known vector whose values depend on the class alone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassMask {
    /// In the slots of the first class.
    pub first: f64,
    /// In the slots of other classes.
    pub others: f64,
    /// In the slots of padding.
    pub padding: f64,
}

/// The class sits in the high part of the slot index: from one class to the next it is `n/c'` slots, and the padded number
/// of classes fills the vector. So sums over classes are clean rotations, which need no mask.
#[derive(Clone, Debug)]
pub struct Classes<P> {
    slots: usize,
    padded: usize,
    /// By use; nothing where it would be zero everywhere.
    masks: Vec<Option<P>>,
}

impl<P: Clone> Classes<P> {
    /// Prepares the masks of an approximation.
    ///
    /// # Errors
    /// [`EvalError::SlotCount`] if the layout is for another number of slots.
    pub fn new<S: Slots<Plain = P>>(
        machine: &S,
        layout: &Layout,
        masks: &[ClassMask],
    ) -> Result<Self, EvalError> {
        let (slots, padded) = (layout.slots(), layout.padded_classes());
        let mask = |mask: &ClassMask| {
            let value = |slot: usize| match slot / (slots / padded) {
                0 => mask.first,
                class if class < layout.classes() => mask.others,
                _ => mask.padding,
            };
            let values = (0..slots).map(|slot| Complex64::from(value(slot)));
            let values: Vec<Complex64> = values.collect();
            if values.iter().all(|value| *value == Complex64::ZERO) {
                return Ok(None);
            }
            machine.plain(&values).map(Some)
        };
        Ok(Self {
            slots,
            padded,
            masks: masks.iter().map(mask).collect::<Result<_, _>>()?,
        })
    }

    /// Classes, with padding.
    #[must_use]
    pub const fn padded(&self) -> usize {
        self.padded
    }

    /// `x` plus a mask. No level.
    pub(super) fn add_mask<S: Slots<Plain = P>>(
        &self,
        machine: &S,
        x: &S::Vector,
        mask: usize,
    ) -> Result<S::Vector, EvalError> {
        match self.masks.get(mask).and_then(Option::as_ref) {
            Some(mask) => machine.add_plain(x, mask),
            None => Ok(x.clone()),
        }
    }

    /// `x` times a mask. One level.
    pub(super) fn mul_mask<S: Slots<Plain = P>>(
        &self,
        machine: &S,
        x: &S::Vector,
        mask: usize,
    ) -> Result<S::Vector, EvalError> {
        match self.masks.get(mask).and_then(Option::as_ref) {
            Some(mask) => machine.mul_plain(x, mask),
            None => machine.linear_combination(&[(x, 0.0)], 0.0),
        }
    }

    /// For each class the value of the class `2^log_distance` further on, cyclically. One key switch.
    pub(super) fn shift<S: Slots<Plain = P>>(
        &self,
        machine: &S,
        x: &S::Vector,
        log_distance: usize,
    ) -> Result<S::Vector, EvalError> {
        machine.rotate(x, places((self.slots / self.padded) << log_distance, 1))
    }

    /// Rounds of doubling over all classes.
    pub(super) const fn rounds(&self) -> usize {
        self.padded.trailing_zeros() as usize
    }

    /// In the slots of each class: the sum over all classes of the sample. `log2 c'` key switches, no level.
    pub(crate) fn sum<S: Slots<Plain = P>>(
        &self,
        machine: &S,
        x: &S::Vector,
    ) -> Result<S::Vector, EvalError> {
        let mut sum = x.clone();
        for round in 0..self.rounds() {
            let moved = self.shift(machine, &sum, round)?;
            sum = machine.add(&sum, &moved)?;
        }
        Ok(sum)
    }
}

/// Key switches of a polynomial on one vector: a dry run.
pub(super) fn work_of(polynomial: &Polynomial) -> usize {
    let machine = Clear::exact(1);
    let run = machine
        .vector(&[vec![Complex64::ZERO]], Level(polynomial.depth()))
        .and_then(|x| polynomial.evaluate(&machine, &x));
    debug_assert!(run.is_ok());
    usize::try_from(machine.take_budget().key_switches()).unwrap_or(usize::MAX)
}

impl ClassMask {
    /// One value for all classes, another for padding.
    pub(super) const fn new(class: f64, padding: f64) -> Self {
        Self {
            first: class,
            others: class,
            padding,
        }
    }
}

/// A stage on one vector.
pub(super) const fn stage(depth: usize, work: usize, bound: f64) -> Stage {
    Stage {
        depth,
        work,
        vectors: 1,
        bound,
        aside: Aside::Nothing,
    }
}

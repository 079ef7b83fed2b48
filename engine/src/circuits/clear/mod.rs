//! Clear vectors in the place of ciphertexts: levels, noise and operations as ciphertexts would have them.

mod slots;

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use num_complex::Complex64;

use super::ciphertexts::Use;
use super::noise::Gaussian;
use super::{Budget, NoiseModel, Operation, Phase, Slots};
use crate::ckks::{EvalError, Level};
use crate::ring::Rotation;

/// A batch of clear slot vectors with the level ciphertexts in their place would have.
#[derive(Clone, Debug)]
pub struct ClearVector {
    entries: Vec<Arc<Vec<Complex64>>>,
    level: Level,
}

/// A known slot vector, and where a ciphertext's machine would have encoded it.
#[derive(Clone, Debug)]
pub struct ClearPlain {
    values: Arc<[Complex64]>,
    encodings: Arc<Mutex<BTreeSet<(Level, Use)>>>,
}

/// Slots that are summed up at once: 16 KiB.
const BLOCK: usize = 1 << 10;

/// `sum + a b`, slot by slot.
fn add_products(sum: &mut [Complex64], [a, b]: [&[Complex64]; 2]) {
    let factors = a.iter().zip(b);
    sum.iter_mut()
        .zip(factors)
        .for_each(|(sum, (x, y))| *sum += x * y);
}

/// The clear machine. See the module head.
#[derive(Debug)]
pub struct Clear {
    slots: usize,
    /// Slots that vectors have values for: all or none.
    width: usize,
    noise: Option<NoiseModel>,
    random: RefCell<Gaussian>,
    budget: RefCell<Budget>,
    phase: Cell<Option<Phase>>,
}

impl Clear {
    /// Vectors of `slots` slots, without noise. `slots` is a power of two, as it is for ciphertexts.
    #[must_use]
    pub fn exact(slots: usize) -> Self {
        Self::build(slots, slots, None, 0)
    }

    /// Vectors of `slots` slots without any values: a program runs on them for its [`Budget`] alone, in no time.
    #[must_use]
    pub fn counting(slots: usize) -> Self {
        Self::build(slots, 0, None, 0)
    }

    /// Vectors of `slots` slots; the same seed gives the same noise.
    #[must_use]
    pub fn noisy(slots: usize, noise: NoiseModel, seed: u64) -> Self {
        Self::build(slots, slots, Some(noise), seed)
    }

    fn build(slots: usize, width: usize, noise: Option<NoiseModel>, seed: u64) -> Self {
        debug_assert!(slots.is_power_of_two());
        Self {
            slots,
            width,
            noise,
            random: RefCell::new(Gaussian::new(seed)),
            budget: RefCell::new(Budget::default()),
            phase: Cell::new(None),
        }
    }

    /// A batch of given vectors at `level`.
    ///
    /// # Errors
    /// [`EvalError::SlotCount`], [`EvalError::Empty`].
    pub fn vector(
        &self,
        values: &[Vec<Complex64>],
        level: Level,
    ) -> Result<ClearVector, EvalError> {
        if values.is_empty() {
            return Err(EvalError::Empty { op: "vector" });
        }
        for entry in values {
            self.check_slots("vector", entry.len())?;
        }
        let width = self.width;
        let entry = |entry: &Vec<Complex64>| Arc::new(entry[..width].to_vec());
        let entries = values.iter().map(entry).collect();
        Ok(ClearVector { entries, level })
    }

    /// A batch of zeros at `level`.
    ///
    /// # Errors
    /// [`EvalError::Empty`] for an empty batch.
    pub fn zeros(&self, batch: usize, level: Level) -> Result<ClearVector, EvalError> {
        if batch == 0 {
            return Err(EvalError::Empty { op: "vector" });
        }
        let zero = Arc::new(vec![Complex64::ZERO; self.width]);
        let entries = vec![zero; batch];
        Ok(ClearVector { entries, level })
    }

    /// The values of a batch, entry by entry.
    #[must_use]
    pub fn values(&self, x: &ClearVector) -> Vec<Vec<Complex64>> {
        x.entries.iter().map(|entry| entry.to_vec()).collect()
    }

    /// What has been done since the start or the last call of this.
    pub fn take_budget(&self) -> Budget {
        self.budget.take()
    }

    fn check_slots(&self, op: &'static str, found: usize) -> Result<(), EvalError> {
        if found == self.slots {
            Ok(())
        } else {
            Err(EvalError::SlotCount {
                op,
                found,
                slots: self.slots,
            })
        }
    }

    fn record(&self, operation: Operation, level: Level, times: usize) {
        let to = match operation {
            Operation::Rescale => Level(level.0.saturating_sub(1)),
            _ => level,
        };
        self.record_to(operation, [level, to], times);
    }

    fn record_to(&self, operation: Operation, levels: [Level; 2], times: usize) {
        let mut budget = self.budget.borrow_mut();
        budget.record(self.phase.get(), operation, levels, times);
    }

    /// Notes that a known vector is used, and encoded if it is so for the first time.
    fn encode(&self, plain: &ClearPlain, level: Level, purpose: Use) {
        let mut encodings = plain
            .encodings
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if encodings.insert((level, purpose)) {
            self.record(Operation::Encoding, level, 1);
        }
    }

    /// New entries at `level`, with noise of one size each.
    fn noisy_entries(
        &self,
        entries: Vec<Vec<Complex64>>,
        level: Level,
        size: impl Fn(&NoiseModel, Level) -> f64,
    ) -> ClearVector {
        let disturb = |mut entry: Vec<Complex64>| {
            if let Some(noise) = &self.noise {
                let mut random = self.random.borrow_mut();
                random.add_to(&mut entry, size(noise, level));
            }
            Arc::new(entry)
        };
        ClearVector {
            entries: entries.into_iter().map(disturb).collect(),
            level,
        }
    }

    /// A sum for each entry of a batch: a constant, and what `add` adds to a block of its slots. Block by block, so that a
    /// sum of many terms stays in the cache.
    fn sums(
        &self,
        batch: usize,
        constant: f64,
        add: impl Fn(usize, Range<usize>, &mut [Complex64]),
    ) -> Vec<Vec<Complex64>> {
        let sum = |index: usize| {
            let mut sum = Vec::with_capacity(self.width);
            while sum.len() < self.width {
                let block = sum.len()..(sum.len() + BLOCK).min(self.width);
                sum.resize(block.end, Complex64::from(constant));
                add(index, block.clone(), &mut sum[block]);
            }
            sum
        };
        (0..batch).map(sum).collect()
    }

    /// The level below, and the rescales on the way.
    fn rescale(
        &self,
        op: &'static str,
        entries: Vec<Vec<Complex64>>,
        level: Level,
    ) -> Result<ClearVector, EvalError> {
        let below = level.0.checked_sub(1).map(Level);
        let below = below.ok_or(EvalError::LevelExhausted {
            op,
            needed: Level(1),
            left: level,
        })?;
        self.record(Operation::Rescale, level, entries.len());
        Ok(self.noisy_entries(entries, below, NoiseModel::rescale))
    }

    /// Entry `index` of a batch that may stand for a larger one.
    fn entry(x: &ClearVector, index: usize) -> &[Complex64] {
        if x.entries.len() == 1 {
            &x.entries[0]
        } else {
            &x.entries[index]
        }
    }

    /// Both operands at the lower level, and the batch of the result.
    fn align(
        &self,
        op: &'static str,
        a: &ClearVector,
        b: &ClearVector,
    ) -> Result<(ClearVector, ClearVector, usize), EvalError> {
        let (left, right) = (a.entries.len(), b.entries.len());
        if left != right && left != 1 && right != 1 {
            return Err(EvalError::Batch { op, left, right });
        }
        let level = a.level.min(b.level);
        Ok((
            self.lower(a, level)?,
            self.lower(b, level)?,
            left.max(right),
        ))
    }

    fn zip(
        &self,
        op: &'static str,
        a: &ClearVector,
        b: &ClearVector,
        f: impl Fn(Complex64, Complex64) -> Complex64,
    ) -> Result<ClearVector, EvalError> {
        let (a, b, batch) = self.align(op, a, b)?;
        self.record(Operation::Addition, a.level, batch);
        let pair = |index| {
            let (left, right) = (Self::entry(&a, index), Self::entry(&b, index));
            let both = left.iter().zip(right);
            Arc::new(both.map(|(&x, &y)| f(x, y)).collect())
        };
        Ok(ClearVector {
            entries: (0..batch).map(pair).collect(),
            level: a.level,
        })
    }

    fn map(&self, x: &ClearVector, f: impl Fn(Complex64) -> Complex64) -> ClearVector {
        self.record(Operation::Addition, x.level, x.entries.len());
        let entry =
            |values: &Arc<Vec<Complex64>>| Arc::new(values.iter().map(|&value| f(value)).collect());
        ClearVector {
            entries: x.entries.iter().map(entry).collect(),
            level: x.level,
        }
    }

    /// Batch and level of a sum of products, checked.
    fn sum_shape<'a>(
        op: &'static str,
        operands: impl Iterator<Item = &'a ClearVector> + Clone,
    ) -> Result<(usize, Level), EvalError> {
        let batch = operands.clone().map(|x| x.entries.len()).max();
        let level = operands.clone().map(|x| x.level).min();
        let (Some(batch), Some(level)) = (batch, level) else {
            return Err(EvalError::Empty { op });
        };
        for x in operands {
            if x.entries.len() != 1 && x.entries.len() != batch {
                return Err(EvalError::Batch {
                    op,
                    left: batch,
                    right: x.entries.len(),
                });
            }
        }
        if level.0 == 0 {
            return Err(EvalError::LevelExhausted {
                op,
                needed: Level(1),
                left: level,
            });
        }
        Ok((batch, level))
    }

    /// The rotation of smallest size that does the same.
    fn canonical(&self, by: Rotation) -> Rotation {
        let slots = self.slots as i64;
        let left = i64::from(by.0).rem_euclid(slots);
        let smallest = if left > slots / 2 { left - slots } else { left };
        Rotation(i32::try_from(smallest).unwrap_or(by.0))
    }

    fn rotate_as(&self, kind: Operation, a: &ClearVector, by: Rotation) -> ClearVector {
        let by = self.canonical(by);
        if by.0 == 0 {
            return a.clone();
        }
        self.record(kind, a.level, a.entries.len());
        self.budget.borrow_mut().record_rotation(by, a.level);
        let left =
            by.0.rem_euclid(i32::try_from(self.slots).unwrap_or(i32::MAX)) as usize;
        let left = left.min(self.width);
        let rotate = |values: &Arc<Vec<Complex64>>| [&values[left..], &values[..left]].concat();
        let entries = a.entries.iter().map(rotate).collect();
        self.noisy_entries(entries, a.level, NoiseModel::key_switch)
    }
}

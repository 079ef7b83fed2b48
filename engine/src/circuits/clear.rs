//! Clear vectors in the place of ciphertexts: levels, noise and operations as ciphertexts would have them.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use num_complex::Complex64;

use super::ciphertexts::Use;
use super::noise::Gaussian;
use super::{Budget, NoiseModel, Operation, Parts, Phase, Slots};
use crate::ckks::{EvalError, GiantStep, Level};
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

impl Slots for Clear {
    type Vector = ClearVector;
    type Plain = ClearPlain;

    fn slots(&self) -> usize {
        self.slots
    }

    fn batch(&self, x: &ClearVector) -> usize {
        x.entries.len()
    }

    fn level(&self, x: &ClearVector) -> Level {
        x.level
    }

    fn within<T>(&self, phase: Phase, work: impl FnOnce() -> T) -> T {
        let before = self.phase.replace(Some(phase));
        let result = work();
        self.phase.set(before);
        result
    }

    fn stack(&self, parts: &[&ClearVector]) -> Result<ClearVector, EvalError> {
        let level = parts.iter().map(|part| part.level).min();
        let level = level.ok_or(EvalError::Empty { op: "stack" })?;
        let mut entries = Vec::new();
        for part in parts {
            entries.extend(self.lower(part, level)?.entries);
        }
        Ok(ClearVector { entries, level })
    }

    fn entries(&self, x: &ClearVector, range: Range<usize>) -> Result<ClearVector, EvalError> {
        match x.entries.get(range.clone()) {
            Some(entries) if !entries.is_empty() => Ok(ClearVector {
                entries: entries.to_vec(),
                level: x.level,
            }),
            _ => Err(EvalError::Batch {
                op: "entries",
                left: x.entries.len(),
                right: range.end,
            }),
        }
    }

    fn plain(&self, values: &[Complex64]) -> Result<Self::Plain, EvalError> {
        self.check_slots("plain", values.len())?;
        Ok(ClearPlain {
            values: values[..self.width].into(),
            encodings: Arc::default(),
        })
    }

    fn diagonal(&self, values: &[Complex64], level: Level) -> Result<Self::Plain, EvalError> {
        let plain = self.plain(values)?;
        self.encode(&plain, level, Use::Map);
        Ok(plain)
    }

    fn add(&self, a: &ClearVector, b: &ClearVector) -> Result<ClearVector, EvalError> {
        self.zip("add", a, b, |x, y| x + y)
    }

    fn sub(&self, a: &ClearVector, b: &ClearVector) -> Result<ClearVector, EvalError> {
        self.zip("sub", a, b, |x, y| x - y)
    }

    fn sum(&self, x: &ClearVector) -> Result<ClearVector, EvalError> {
        self.record(Operation::Addition, x.level, x.entries.len() - 1);
        let mut total = vec![Complex64::ZERO; self.width];
        for entry in &x.entries {
            for (sum, &value) in total.iter_mut().zip(entry.iter()) {
                *sum += value;
            }
        }
        Ok(ClearVector {
            entries: vec![Arc::new(total)],
            level: x.level,
        })
    }

    fn add_plain(&self, a: &ClearVector, b: &Self::Plain) -> Result<ClearVector, EvalError> {
        self.encode(b, a.level, Use::Sum);
        let known = ClearVector {
            entries: vec![Arc::new(b.values.to_vec())],
            level: a.level,
        };
        self.zip("add_plain", a, &known, |x, y| x + y)
    }

    fn add_const(&self, a: &ClearVector, c: f64) -> Result<ClearVector, EvalError> {
        Ok(self.map(a, |x| x + c))
    }

    fn quadratic(
        &self,
        pairs: &[(&ClearVector, &ClearVector)],
        terms: &[(&ClearVector, f64)],
        constant: f64,
    ) -> Result<ClearVector, EvalError> {
        let op = "sum of products";
        if pairs.is_empty() {
            return Err(EvalError::Empty { op });
        }
        let factors = pairs.iter().flat_map(|&(a, b)| [a, b]);
        let (batch, level) = Self::sum_shape(op, factors.chain(terms.iter().map(|&(a, _)| a)))?;
        let terms = terms
            .iter()
            .map(|(a, factor)| Ok((self.lower(a, level)?, *factor)));
        let terms = terms.collect::<Result<Vec<_>, EvalError>>()?;
        self.record(Operation::ConstantProduct, level, terms.len() * batch);
        let pairs = pairs
            .iter()
            .map(|(a, b)| Ok((self.lower(a, level)?, self.lower(b, level)?)));
        let pairs = pairs.collect::<Result<Vec<_>, EvalError>>()?;
        let sums = self.sums(batch, constant, |index, block, sum| {
            for (a, factor) in &terms {
                let values = &Self::entry(a, index)[block.clone()];
                sum.iter_mut()
                    .zip(values)
                    .for_each(|(sum, x)| *sum += x * factor);
            }
            for (a, b) in &pairs {
                let values = [a, b].map(|x| &Self::entry(x, index)[block.clone()]);
                add_products(sum, values);
            }
        });
        self.record(Operation::TensorProduct, level, pairs.len() * batch);
        self.record(Operation::Relinearization, level, batch);
        self.rescale(op, sums, level)
    }

    fn dot_plain(&self, terms: &[(&ClearVector, &Self::Plain)]) -> Result<ClearVector, EvalError> {
        let (batch, level) = Self::sum_shape("dot_plain", terms.iter().map(|&(a, _)| a))?;
        let terms = terms.iter().map(|(a, known)| {
            self.encode(known, level, Use::Product);
            Ok((self.lower(a, level)?, *known))
        });
        let terms = terms.collect::<Result<Vec<_>, EvalError>>()?;
        let sums = self.sums(batch, 0.0, |index, block, sum| {
            for (a, known) in &terms {
                let values = [Self::entry(a, index), &known.values];
                add_products(sum, values.map(|values| &values[block.clone()]));
            }
        });
        self.record(Operation::PlainProduct, level, terms.len() * batch);
        self.rescale("dot_plain", sums, level)
    }

    fn linear_combination(
        &self,
        terms: &[(&ClearVector, f64)],
        constant: f64,
    ) -> Result<ClearVector, EvalError> {
        let (batch, level) = Self::sum_shape("linear_combination", terms.iter().map(|&(a, _)| a))?;
        let terms = terms
            .iter()
            .map(|(a, factor)| Ok((self.lower(a, level)?, *factor)));
        let terms = terms.collect::<Result<Vec<_>, EvalError>>()?;
        let sums = self.sums(batch, constant, |index, block, sum| {
            for (a, factor) in &terms {
                let values = &Self::entry(a, index)[block.clone()];
                sum.iter_mut()
                    .zip(values)
                    .for_each(|(sum, x)| *sum += x * factor);
            }
        });
        self.record(Operation::ConstantProduct, level, terms.len() * batch);
        self.rescale("linear_combination", sums, level)
    }

    fn mul_integer(&self, a: &ClearVector, c: i32) -> Result<ClearVector, EvalError> {
        Ok(self.map(a, |x| x * f64::from(c)))
    }

    fn mul_i(&self, a: &ClearVector) -> Result<ClearVector, EvalError> {
        Ok(self.map(a, |x| x * Complex64::I))
    }

    fn rotate(&self, a: &ClearVector, by: Rotation) -> Result<ClearVector, EvalError> {
        Ok(self.rotate_as(Operation::Rotation, a, by))
    }

    fn rotate_many(&self, a: &ClearVector, by: &[Rotation]) -> Result<Vec<ClearVector>, EvalError> {
        if by.iter().any(|&by| self.canonical(by).0 != 0) {
            self.record(Operation::Decomposition, a.level, a.entries.len());
        }
        Ok(by
            .iter()
            .map(|&by| self.rotate_as(Operation::HoistedRotation, a, by))
            .collect())
    }

    fn linear_map(
        &self,
        a: &ClearVector,
        babies: &[Rotation],
        giants: &[GiantStep<Self::Plain>],
    ) -> Result<ClearVector, EvalError> {
        let op = "linear map";
        let steps = self.rotate_many(a, babies)?;
        let mut total = vec![vec![Complex64::ZERO; self.width]; a.entries.len()];
        for (giant, diagonals) in giants {
            let mut sums = vec![vec![Complex64::ZERO; self.width]; a.entries.len()];
            for (baby, diagonal) in diagonals {
                let step = steps.get(*baby).ok_or(EvalError::Empty { op })?;
                self.encode(diagonal, a.level, Use::Map);
                for (sum, entry) in sums.iter_mut().zip(&step.entries) {
                    let products = entry.iter().zip(diagonal.values.iter()).map(|(x, d)| x * d);
                    sum.iter_mut().zip(products).for_each(|(sum, x)| *sum += x);
                }
            }
            self.record(
                Operation::PlainProduct,
                a.level,
                diagonals.len() * a.entries.len(),
            );
            let sums = ClearVector {
                entries: sums.into_iter().map(Arc::new).collect(),
                level: a.level,
            };
            let moved = self.rotate_as(Operation::Rotation, &sums, *giant);
            for (total, entry) in total.iter_mut().zip(&moved.entries) {
                total
                    .iter_mut()
                    .zip(entry.iter())
                    .for_each(|(total, x)| *total += x);
            }
        }
        self.rescale(op, total, a.level)
    }

    fn conjugate(&self, a: &ClearVector) -> Result<ClearVector, EvalError> {
        self.record(Operation::Conjugation, a.level, a.entries.len());
        let conjugate = |values: &Arc<Vec<Complex64>>| values.iter().map(Complex64::conj).collect();
        let entries = a.entries.iter().map(conjugate).collect();
        Ok(self.noisy_entries(entries, a.level, NoiseModel::key_switch))
    }

    /// A constant multiplication and one rescale, whatever the distance.
    fn lower(&self, a: &ClearVector, to: Level) -> Result<ClearVector, EvalError> {
        if to == a.level {
            return Ok(a.clone());
        }
        if to > a.level {
            return Err(EvalError::LevelRaised {
                op: "lower",
                from: a.level,
                to,
            });
        }
        let above = Level(to.0 + 1);
        self.record(Operation::ConstantProduct, above, a.entries.len());
        self.record(Operation::Rescale, above, a.entries.len());
        let entries = self.values(a);
        Ok(self.noisy_entries(entries, to, NoiseModel::rescale))
    }

    fn refresh(
        &self,
        a: &ClearVector,
        to: Level,
        bound: f64,
        parts: Parts,
    ) -> Result<ClearVector, EvalError> {
        let size = |value: &Complex64| value.re.abs().max(value.im.abs());
        let found = a
            .entries
            .iter()
            .flat_map(|entry| entry.iter())
            .map(size)
            .fold(0.0, f64::max);
        if found > bound || found.is_nan() {
            return Err(EvalError::OutOfRange {
                op: "refresh",
                found,
                bound,
            });
        }
        self.within(Phase::Refresh, || {
            self.record_to(Operation::refresh(parts), [a.level, to], a.entries.len());
        });
        let mut values = self.values(a);
        if parts == Parts::Real {
            // Whatever a program still wanted of them would be missed.
            let numbers = values.iter_mut().flatten();
            numbers.for_each(|value| value.im = 0.0);
        }
        Ok(self.noisy_entries(values, to, |noise, level| noise.refresh(level, bound)))
    }
}

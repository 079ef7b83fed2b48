//! The operations on clear vectors, counted, with the noise that ciphertexts would have.

use std::ops::Range;
use std::sync::Arc;

use num_complex::Complex64;

use super::{Clear, ClearPlain, ClearVector, add_products};
use crate::circuits::ciphertexts::Use;
use crate::circuits::{NoiseModel, Operation, Parts, Phase, Slots};
use crate::ckks::{EvalError, GiantStep, Level};
use crate::ring::Rotation;

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

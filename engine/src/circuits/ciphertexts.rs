//! Programs over slot vectors, run on ciphertexts.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use num_complex::Complex64;

use super::{Parts, Phase, Slots, Watch};
use crate::backend::Backend;
use crate::ckks::{Ciphertext, EvalError, Evaluator, GiantStep, Level, Plaintext};
use crate::ring::Rotation;

/// Who gives a ciphertext its levels back: the data owner, or bootstrapping.
pub trait Refresh<B: Backend> {
    /// The same values at `to`; real and imaginary parts in `[-bound, bound]`, imaginary ones dropped or not if only the
    /// real ones carry values.
    ///
    /// # Errors
    /// [`EvalError::Refresh`].
    fn refresh(
        &self,
        x: &Ciphertext<B>,
        to: Level,
        bound: f64,
        parts: Parts,
    ) -> Result<Ciphertext<B>, EvalError>;
}

/// Ciphertexts as slot vectors.
pub struct Ciphertexts<'a, B: Backend> {
    evaluator: Evaluator<'a, B>,
    refresher: &'a dyn Refresh<B>,
    watch: Option<&'a dyn Watch>,
    phase: Cell<Option<Phase>>,
}

/// A known slot vector and its encodings, made when a level first asks for one.
pub struct PlainVector<B: Backend> {
    values: Arc<[Complex64]>,
    encodings: Arc<Mutex<Encodings<B>>>,
}

type Encodings<B> = BTreeMap<(Level, Use), Arc<Plaintext<B>>>;

/// What an encoding is for: the scale differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Use {
    Sum,
    Product,
    Map,
}

impl<B: Backend> Clone for PlainVector<B> {
    fn clone(&self) -> Self {
        Self {
            values: Arc::clone(&self.values),
            encodings: Arc::clone(&self.encodings),
        }
    }
}

impl<'a, B: Backend> Ciphertexts<'a, B> {
    /// The ciphertexts that `evaluator` works on, refreshed by `refresher`.
    #[must_use]
    pub fn new(evaluator: Evaluator<'a, B>, refresher: &'a dyn Refresh<B>) -> Self {
        Self {
            evaluator,
            refresher,
            watch: None,
            phase: Cell::new(None),
        }
    }

    /// The same, with somebody who is told of each change of phase.
    #[must_use]
    pub fn watched_by(mut self, watch: &'a dyn Watch) -> Self {
        self.watch = Some(watch);
        self
    }

    /// The evaluator.
    #[must_use]
    pub fn evaluator(&self) -> &Evaluator<'a, B> {
        &self.evaluator
    }

    fn enter(&self, phase: Option<Phase>) {
        let before = self.phase.replace(phase);
        if let (true, Some(watch)) = (before != phase, self.watch) {
            watch.enter(phase);
        }
    }

    fn encoding(
        &self,
        plain: &PlainVector<B>,
        level: Level,
        purpose: Use,
    ) -> Result<Arc<Plaintext<B>>, EvalError> {
        let mut encodings = plain
            .encodings
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(encoding) = encodings.get(&(level, purpose)) {
            return Ok(Arc::clone(encoding));
        }
        let ev = &self.evaluator;
        let (scale, basis) = match purpose {
            Use::Sum => (ev.params().scale(level), ev.params().basis(level).clone()),
            Use::Product => (ev.plaintext_scale(level), ev.params().basis(level).clone()),
            Use::Map => (ev.plaintext_scale(level), ev.map_basis(level)),
        };
        let vectors = [plain.values.as_ref()];
        let encoding = Plaintext::encode_over(
            ev.backend(),
            ev.encoder(),
            ev.params(),
            &vectors,
            (level, basis),
            scale,
        )?;
        let encoding = Arc::new(encoding);
        encodings.insert((level, purpose), Arc::clone(&encoding));
        Ok(encoding)
    }
}

impl<B: Backend> Slots for Ciphertexts<'_, B> {
    type Vector = Ciphertext<B>;
    type Plain = PlainVector<B>;

    fn slots(&self) -> usize {
        self.evaluator.params().slots()
    }

    fn batch(&self, x: &Ciphertext<B>) -> usize {
        self.evaluator.batch(x)
    }

    fn level(&self, x: &Ciphertext<B>) -> Level {
        x.level()
    }

    fn within<T>(&self, phase: Phase, work: impl FnOnce() -> T) -> T {
        let before = self.phase.get();
        self.enter(Some(phase));
        let result = work();
        self.enter(before);
        result
    }

    fn stack(&self, parts: &[&Ciphertext<B>]) -> Result<Ciphertext<B>, EvalError> {
        self.evaluator.stack(parts)
    }

    fn entries(&self, x: &Ciphertext<B>, range: Range<usize>) -> Result<Ciphertext<B>, EvalError> {
        self.evaluator.entries(x, range)
    }

    fn plain(&self, values: &[Complex64]) -> Result<PlainVector<B>, EvalError> {
        let (found, slots) = (values.len(), self.slots());
        if found != slots {
            return Err(EvalError::SlotCount {
                op: "plain vector",
                found,
                slots,
            });
        }
        Ok(PlainVector {
            values: values.into(),
            encodings: Arc::default(),
        })
    }

    fn diagonal(&self, values: &[Complex64], level: Level) -> Result<PlainVector<B>, EvalError> {
        let mut plain = self.plain(values)?;
        self.encoding(&plain, level, Use::Map)?;
        plain.values = Arc::default();
        Ok(plain)
    }

    fn add(&self, a: &Ciphertext<B>, b: &Ciphertext<B>) -> Result<Ciphertext<B>, EvalError> {
        self.evaluator.add(a, b)
    }

    fn sub(&self, a: &Ciphertext<B>, b: &Ciphertext<B>) -> Result<Ciphertext<B>, EvalError> {
        self.evaluator.sub(a, b)
    }

    fn sum(&self, x: &Ciphertext<B>) -> Result<Ciphertext<B>, EvalError> {
        self.evaluator.sum(x)
    }

    fn add_plain(&self, a: &Ciphertext<B>, b: &PlainVector<B>) -> Result<Ciphertext<B>, EvalError> {
        let encoding = self.encoding(b, a.level(), Use::Sum)?;
        self.evaluator.add_plain(a, &encoding)
    }

    fn add_const(&self, a: &Ciphertext<B>, c: f64) -> Result<Ciphertext<B>, EvalError> {
        self.evaluator.add_const(a, c)
    }

    fn quadratic(
        &self,
        pairs: &[(&Ciphertext<B>, &Ciphertext<B>)],
        terms: &[(&Ciphertext<B>, f64)],
        constant: f64,
    ) -> Result<Ciphertext<B>, EvalError> {
        self.evaluator.quadratic(pairs, terms, constant)
    }

    fn dot_plain(
        &self,
        terms: &[(&Ciphertext<B>, &PlainVector<B>)],
    ) -> Result<Ciphertext<B>, EvalError> {
        let level = terms.iter().map(|(a, _)| a.level()).min();
        let level = level.ok_or(EvalError::Empty {
            op: "plaintext product",
        })?;
        let operands = terms.iter().map(|(a, _)| self.evaluator.lower(a, level));
        let operands = operands.collect::<Result<Vec<_>, _>>()?;
        let encodings = terms
            .iter()
            .map(|(_, b)| self.encoding(b, level, Use::Product));
        let encodings = encodings.collect::<Result<Vec<_>, _>>()?;
        let terms: Vec<_> = operands
            .iter()
            .zip(encodings.iter().map(AsRef::as_ref))
            .collect();
        self.evaluator.dot_plain(&terms)
    }

    fn linear_combination(
        &self,
        terms: &[(&Ciphertext<B>, f64)],
        constant: f64,
    ) -> Result<Ciphertext<B>, EvalError> {
        self.evaluator.linear_combination(terms, constant)
    }

    fn mul_integer(&self, a: &Ciphertext<B>, c: i32) -> Result<Ciphertext<B>, EvalError> {
        self.evaluator.mul_integer(a, c)
    }

    fn mul_i(&self, a: &Ciphertext<B>) -> Result<Ciphertext<B>, EvalError> {
        self.evaluator.mul_i(a)
    }

    fn rotate(&self, a: &Ciphertext<B>, by: Rotation) -> Result<Ciphertext<B>, EvalError> {
        self.evaluator.rotate(a, by)
    }

    fn rotate_many(
        &self,
        a: &Ciphertext<B>,
        by: &[Rotation],
    ) -> Result<Vec<Ciphertext<B>>, EvalError> {
        self.evaluator.rotate_many(a, by)
    }

    fn linear_map(
        &self,
        a: &Ciphertext<B>,
        babies: &[Rotation],
        giants: &[GiantStep<PlainVector<B>>],
    ) -> Result<Ciphertext<B>, EvalError> {
        let encoded = giants.iter().map(|(by, diagonals)| {
            let encoded = diagonals
                .iter()
                .map(|(baby, diagonal)| Ok((*baby, self.encoding(diagonal, a.level(), Use::Map)?)));
            Ok((*by, encoded.collect::<Result<Vec<_>, EvalError>>()?))
        });
        let encoded = encoded.collect::<Result<Vec<_>, EvalError>>()?;
        self.evaluator.linear_map(a, babies, &encoded)
    }

    fn conjugate(&self, a: &Ciphertext<B>) -> Result<Ciphertext<B>, EvalError> {
        self.evaluator.conjugate(a)
    }

    fn lower(&self, a: &Ciphertext<B>, to: Level) -> Result<Ciphertext<B>, EvalError> {
        self.evaluator.lower(a, to)
    }

    fn refresh(
        &self,
        a: &Ciphertext<B>,
        to: Level,
        bound: f64,
        parts: Parts,
    ) -> Result<Ciphertext<B>, EvalError> {
        let refresh = || self.refresher.refresh(a, to, bound, parts);
        self.within(Phase::Refresh, refresh)
    }
}

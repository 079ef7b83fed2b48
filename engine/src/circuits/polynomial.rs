//! Polynomials in the Chebyshev basis on slot vectors, by the method of Paterson and Stockmeyer.
//!
//! A polynomial is split by `T_g` with `g` a power of two, `p = q T_g + r`, again and again. What is below the baby
//! step `2^b` is a linear combination of `T_1 ... T_(2^b - 1)`; it costs a level of its own, which would be one too many
//! along the leading quotients. So those, and only those, are split down to degree one, and the whole takes
//! `ceil(log2(degree + 1))` levels. Products and multiples that are added to one another share one relinearization and one
//! rescale.

use std::collections::BTreeMap;

use super::{Chebyshev, Slots};
use crate::ckks::{EvalError, Level};

/// A Chebyshev series with the plan of its evaluation.
#[derive(Clone, Debug)]
pub struct Polynomial {
    coefficients: Vec<f64>,
    depth: usize,
    log_baby: usize,
}

impl From<&Chebyshev> for Polynomial {
    fn from(series: &Chebyshev) -> Self {
        Self::new(series.coefficients())
    }
}

impl Polynomial {
    /// `sum of c_k T_k`.
    #[must_use]
    pub fn new(coefficients: &[f64]) -> Self {
        let coefficients = trimmed(coefficients).to_vec();
        let depth = log2_ceil(coefficients.len()).max(1);
        // Fewest relinearizations for degrees up to 63: baby steps 2, 2, 2, 4, 4, 8 for depths 1 to 6.
        Self {
            log_baby: (depth / 2).max(1),
            coefficients,
            depth,
        }
    }

    /// Levels of [`evaluate`](Self::evaluate): `ceil(log2(degree + 1))`, at least one.
    #[must_use]
    pub const fn depth(&self) -> usize {
        self.depth
    }

    /// The polynomial, slot by slot.
    ///
    /// # Range
    /// Slots in `[-1, 1]`: the image of the interval of the [`Chebyshev`] series. Outside, `T_k` grows like the k-th power.
    ///
    /// # Cost
    /// [`depth`](Self::depth) levels. For degrees 7, 15, 31: at most 4, 7, 10 key switches per entry.
    ///
    /// # Errors
    /// [`EvalError::LevelExhausted`], [`EvalError::MissingKey`].
    pub fn evaluate<S: Slots>(&self, machine: &S, x: &S::Vector) -> Result<S::Vector, EvalError> {
        let mut basis = Basis {
            machine,
            known: BTreeMap::from([((1, machine.level(x)), x.clone())]),
        };
        match self
            .split(&mut basis, &self.coefficients, self.depth, true)?
            .finish(&mut basis)?
        {
            Value::Vector(result) => Ok(result),
            Value::Constant(c) => machine.linear_combination(&[(x, 0.0)], c),
        }
    }

    /// The parts of a polynomial of degree below `2^log`, in `log` levels where it leads, in `log + 1` elsewhere.
    fn split<S: Slots>(
        &self,
        basis: &mut Basis<'_, S>,
        coefficients: &[f64],
        log: usize,
        leads: bool,
    ) -> Result<Sum<S::Vector>, EvalError> {
        let coefficients = trimmed(coefficients);
        let linear = 1 << if leads { 1 } else { self.log_baby };
        let mut sum = Sum::new(coefficients.first().copied().unwrap_or(0.0));
        if coefficients.len() <= linear {
            let terms = coefficients.iter().copied().enumerate().skip(1);
            sum.linear.extend(terms.filter(|(_, c)| *c != 0.0));
            return Ok(sum);
        }
        let giant = 1 << (log - 1);
        if coefficients.len() <= giant {
            return self.split(basis, coefficients, log - 1, leads);
        }
        let (quotient, remainder) = divide(coefficients, giant);
        let quotient = self
            .split(basis, &quotient, log - 1, leads)?
            .finish(basis)?;
        let mut sum = self.split(basis, &remainder, log - 1, false)?;
        match quotient {
            Value::Vector(quotient) => sum.products.push((quotient, giant)),
            Value::Constant(c) => sum.linear.push((giant, c)),
        }
        Ok(sum)
    }
}

/// `T_k` of the input, made when first asked for, and kept at every level it was used at.
struct Basis<'a, S: Slots> {
    machine: &'a S,
    known: BTreeMap<(usize, Level), S::Vector>,
}

impl<S: Slots> Basis<'_, S> {
    /// `T_k` at its highest level, `ceil(log2 k)` below that of the input: `T_(a+b) = 2 T_a T_b - T_(a-b)` with `a` the
    /// largest power of two below `k` and `a + b = k`.
    fn chebyshev(&mut self, k: usize) -> Result<S::Vector, EvalError> {
        let highest = (k, Level(0))..=(k, Level(usize::MAX));
        if let Some((_, known)) = self.known.range(highest).next_back() {
            return Ok(known.clone());
        }
        let high = 1 << (log2_ceil(k) - 1);
        let (a, b) = (self.chebyshev(high)?, self.chebyshev(k - high)?);
        let level = self.machine.level(&a).min(self.machine.level(&b));
        let double = self.machine.mul_integer(&a, 2)?;
        let result = if 2 * high == k {
            self.machine.quadratic(&[(&double, &b)], &[], -1.0)?
        } else {
            let b = self.at(k - high, level)?;
            let difference = self.at(2 * high - k, level)?;
            self.machine
                .quadratic(&[(&double, &b)], &[(&difference, -1.0)], 0.0)?
        };
        self.known
            .insert((k, self.machine.level(&result)), result.clone());
        Ok(result)
    }

    /// `T_k` at a level no higher than its own.
    fn at(&mut self, k: usize, level: Level) -> Result<S::Vector, EvalError> {
        if let Some(known) = self.known.get(&(k, level)) {
            return Ok(known.clone());
        }
        let lowered = self.machine.lower(&self.chebyshev(k)?, level)?;
        self.known.insert((k, level), lowered.clone());
        Ok(lowered)
    }
}

/// Products with `T_g`, multiples of `T_k` and a constant that are still to be added.
struct Sum<V> {
    products: Vec<(V, usize)>,
    linear: Vec<(usize, f64)>,
    constant: f64,
}

/// A sum, once added.
enum Value<V> {
    Vector(V),
    Constant(f64),
}

impl<V> Sum<V> {
    const fn new(constant: f64) -> Self {
        Self {
            products: Vec::new(),
            linear: Vec::new(),
            constant,
        }
    }

    fn finish<S: Slots<Vector = V>>(self, basis: &mut Basis<'_, S>) -> Result<Value<V>, EvalError>
    where
        V: Clone,
    {
        let machine = basis.machine;
        let mut level = None;
        let mut meet = |other: Level| level = Some(level.map_or(other, |l: Level| l.min(other)));
        for (quotient, giant) in &self.products {
            meet(machine.level(quotient));
            meet(machine.level(&basis.chebyshev(*giant)?));
        }
        for (k, _) in &self.linear {
            meet(machine.level(&basis.chebyshev(*k)?));
        }
        let Some(level) = level else {
            return Ok(Value::Constant(self.constant));
        };
        let giants = self.products.iter().map(|(_, g)| basis.at(*g, level));
        let giants = giants.collect::<Result<Vec<_>, _>>()?;
        let powers = self.linear.iter().map(|(k, _)| basis.at(*k, level));
        let powers = powers.collect::<Result<Vec<_>, _>>()?;
        let products = self.products.iter().zip(&giants);
        let products: Vec<(&V, &V)> = products.map(|((q, _), g)| (q, g)).collect();
        let linear = powers.iter().zip(&self.linear);
        let linear: Vec<(&V, f64)> = linear.map(|(v, (_, c))| (v, *c)).collect();
        Ok(Value::Vector(if products.is_empty() {
            machine.linear_combination(&linear, self.constant)?
        } else {
            machine.quadratic(&products, &linear, self.constant)?
        }))
    }
}

/// `q` and `r` with `p = q T_g + r`, `deg p < 2g`: from `T_(g+i) = 2 T_g T_i - T_(g-i)`.
fn divide(coefficients: &[f64], g: usize) -> (Vec<f64>, Vec<f64>) {
    let (low, high) = coefficients.split_at(g);
    let mut remainder = low.to_vec();
    let mut quotient = high.to_vec();
    for (i, value) in quotient.iter_mut().enumerate().skip(1) {
        remainder[g - i] -= *value;
        *value *= 2.0;
    }
    (quotient, remainder)
}

/// Without the zeros behind the last coefficient.
fn trimmed(coefficients: &[f64]) -> &[f64] {
    let length = coefficients
        .iter()
        .rposition(|&c| c != 0.0)
        .map_or(0, |last| last + 1);
    &coefficients[..length]
}

/// The least `e` with `2^e >= n`.
const fn log2_ceil(n: usize) -> usize {
    n.next_power_of_two().trailing_zeros() as usize
}

#[cfg(test)]
mod tests {
    use num_complex::Complex64;
    use proptest::prelude::*;

    use super::*;
    use crate::circuits::{Budget, Clear};

    fn run(coefficients: &[f64], level: usize) -> Result<(f64, Budget, Level), EvalError> {
        let machine = Clear::exact(64);
        let points: Vec<f64> = (0..64).map(|i| f64::from(i) / 31.5 - 1.0).collect();
        let slots = points.iter().map(|&x| Complex64::from(x)).collect();
        let x = machine.vector(&[slots], Level(level))?;
        let y = Polynomial::new(coefficients).evaluate(&machine, &x)?;
        let exact = |x: f64| -> f64 {
            let term = |(k, c): (usize, &f64)| c * (k as f64 * x.clamp(-1.0, 1.0).acos()).cos();
            coefficients.iter().enumerate().map(term).sum()
        };
        let found = machine.values(&y).remove(0);
        let error = points
            .iter()
            .zip(found)
            .map(|(&x, y)| (y - exact(x)).norm());
        Ok((
            error.fold(0.0, f64::max),
            machine.take_budget(),
            machine.level(&y),
        ))
    }

    #[test]
    fn depth_is_minimal_and_enough_at_every_degree() {
        for degree in 1..64usize {
            let coefficients: Vec<f64> = (0..=degree).map(|k| 1.0 / (1.0 + k as f64)).collect();
            let depth = Polynomial::new(&coefficients).depth();
            assert_eq!(
                depth,
                (degree + 1).next_power_of_two().trailing_zeros() as usize
            );
            let (error, _, level) = run(&coefficients, depth).unwrap();
            assert!(error < 1e-12, "degree {degree}: {error:e}");
            assert_eq!(level, Level(0), "degree {degree}");
        }
    }

    #[test]
    fn key_switches_of_full_degrees() {
        for (degree, switches) in [(3usize, 2), (7, 4), (15, 7), (31, 10), (63, 15)] {
            let coefficients: Vec<f64> = (0..=degree).map(|k| 1.0 / (1.0 + k as f64)).collect();
            let (_, budget, _) = run(&coefficients, 6).unwrap();
            assert_eq!(budget.key_switches(), switches, "degree {degree}");
        }
    }

    #[test]
    fn constants_and_zeros_are_polynomials() {
        for coefficients in [&[][..], &[0.5], &[0.0, 0.0], &[0.0, 0.0, 0.0, 0.0, 2.0]] {
            assert!(run(coefficients, 3).unwrap().0 < 1e-14);
        }
    }

    proptest! {
        #[test]
        fn sparse_series_are_right(
            coefficients in prop::collection::vec(prop_oneof![Just(0.0), -1.0f64..1.0], 1..64),
        ) {
            prop_assert!(run(&coefficients, 6).unwrap().0 < 1e-11);
        }
    }
}

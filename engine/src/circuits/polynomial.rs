//! Polynomials in the Chebyshev basis on slot vectors, by the method of Paterson and Stockmeyer.
//!
//! A polynomial is split by `T_g` with `g` a power of two, `p = q T_g + r`, again and again. What is below the baby
//! step `2^b` is a linear combination of `T_1 ... T_(2^b - 1)`; it costs a level of its own, which would be one too many
//! along the leading quotients. So those, and only those, are split down to degree one, and the whole takes
//! `ceil(log2(degree + 1))` levels. Products that are added to one another share one relinearisation.

use super::{Chebyshev, Slots};
use crate::ckks::EvalError;

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
        // Fewest relinearisations for degrees up to 63: baby steps 2, 2, 2, 4, 4, 8 for depths 1 to 6.
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
            powers: vec![None, Some(x.clone())],
        };
        let sum = self.split(&mut basis, &self.coefficients, self.depth, true)?;
        match sum.finish(machine)? {
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
            for (k, &coefficient) in coefficients.iter().enumerate().skip(1) {
                if coefficient != 0.0 {
                    sum.linear.push((basis.chebyshev(k)?, coefficient));
                }
            }
            return Ok(sum);
        }
        let giant = 1 << (log - 1);
        if coefficients.len() <= giant {
            return self.split(basis, coefficients, log - 1, leads);
        }
        let (quotient, remainder) = divide(coefficients, giant);
        let quotient = self
            .split(basis, &quotient, log - 1, leads)?
            .finish(basis.machine)?;
        let mut sum = self.split(basis, &remainder, log - 1, false)?;
        let giant = basis.chebyshev(giant)?;
        match quotient {
            Value::Vector(quotient) => sum.products.push((quotient, giant)),
            Value::Constant(c) => sum.linear.push((giant, c)),
        }
        Ok(sum)
    }
}

/// `T_k` of the input, made when first asked for; `T_k` takes `ceil(log2 k)` levels.
struct Basis<'a, S: Slots> {
    machine: &'a S,
    powers: Vec<Option<S::Vector>>,
}

impl<S: Slots> Basis<'_, S> {
    /// `T_(a+b) = 2 T_a T_b - T_(a-b)` with `a` the largest power of two below `k` and `a + b = k`.
    fn chebyshev(&mut self, k: usize) -> Result<S::Vector, EvalError> {
        if let Some(Some(known)) = self.powers.get(k) {
            return Ok(known.clone());
        }
        let high = 1 << (log2_ceil(k) - 1);
        let (a, b) = (self.chebyshev(high)?, self.chebyshev(k - high)?);
        let product = self.machine.mul(&self.machine.mul_integer(&a, 2)?, &b)?;
        let result = if 2 * high == k {
            self.machine.add_const(&product, -1.0)?
        } else {
            let difference = self.chebyshev(2 * high - k)?;
            self.machine.sub(&product, &difference)?
        };
        self.powers.resize(self.powers.len().max(k + 1), None);
        self.powers[k] = Some(result.clone());
        Ok(result)
    }
}

/// Products, multiples and a constant that are still to be added.
struct Sum<V> {
    products: Vec<(V, V)>,
    linear: Vec<(V, f64)>,
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

    fn finish<S: Slots<Vector = V>>(self, machine: &S) -> Result<Value<V>, EvalError> {
        let linear: Vec<(&V, f64)> = self.linear.iter().map(|(v, c)| (v, *c)).collect();
        let products: Vec<(&V, &V)> = self.products.iter().map(|(a, b)| (a, b)).collect();
        Ok(match (products.is_empty(), linear.is_empty()) {
            (true, true) => Value::Constant(self.constant),
            (true, false) => Value::Vector(machine.linear_combination(&linear, self.constant)?),
            (false, true) => {
                Value::Vector(machine.add_const(&machine.dot(&products)?, self.constant)?)
            }
            (false, false) => {
                let rest = machine.linear_combination(&linear, self.constant)?;
                Value::Vector(machine.add(&machine.dot(&products)?, &rest)?)
            }
        })
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
    use crate::ckks::Level;

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

//! The sigmoid, for one-against-all classifiers.

use super::Activation;
use crate::circuits::{Chebyshev, Polynomial, Slots};
use crate::ckks::EvalError;

/// `1/(1 + exp(-x))` on `[-bound, bound]` by its Chebyshev interpolant.
///
/// Largest errors (tested):
///
/// | degree | levels | `[-8, 8]` | `[-12, 12]` | `[-16, 16]` |
/// |---|---|---|---|---|
/// | 7 | 3 | 3.0e-2 | 7.5e-2 | 1.1e-1 |
/// | 15 | 4 | 1.4e-3 | 9.8e-3 | 2.9e-2 |
/// | 31 | 5 | 3.1e-6 | 1.6e-4 | 1.3e-3 |
///
/// Outside the interval the interpolant grows like a power of its degree: twice the interval is out of question.
#[derive(Clone, Debug)]
pub struct Sigmoid {
    series: Chebyshev,
    polynomial: Polynomial,
    max_error: f64,
}

impl Sigmoid {
    /// The interpolant of this degree (odd: the even ones are no better) on `[-bound, bound]`.
    #[must_use]
    pub fn new(bound: f64, degree: usize) -> Self {
        let series = Chebyshev::interpolate(logistic, -bound, bound, degree).odd();
        let max_error = series.max_error(logistic);
        Self {
            polynomial: Polynomial::from(&series),
            series,
            max_error,
        }
    }

    /// The largest logit that the approximation holds for.
    #[must_use]
    pub const fn bound(&self) -> f64 {
        self.series.interval().1
    }

    /// The largest error on `[-bound, bound]`.
    #[must_use]
    pub const fn max_error(&self) -> f64 {
        self.max_error
    }

    /// The polynomial.
    #[must_use]
    pub const fn series(&self) -> &Chebyshev {
        &self.series
    }
}

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

impl Activation for Sigmoid {
    fn input_scale(&self) -> f64 {
        1.0 / self.bound()
    }

    fn depth(&self) -> usize {
        self.polynomial.depth()
    }

    fn apply<S: Slots>(&self, machine: &S, scaled: &S::Vector) -> Result<S::Vector, EvalError> {
        self.polynomial.evaluate(machine, scaled)
    }

    fn approximate(&self, logits: &mut [f64]) {
        for logit in logits {
            *logit = self.series.evaluate(*logit);
        }
    }

    fn exact(&self, logits: &mut [f64]) {
        for logit in logits {
            *logit = logistic(*logit);
        }
    }
}

#[cfg(test)]
mod tests {
    use num_complex::Complex64;

    use super::*;
    use crate::circuits::Clear;
    use crate::ckks::Level;

    #[test]
    fn errors_are_the_documented_ones() {
        let documented = [
            (7, [3.0e-2, 7.5e-2, 1.1e-1]),
            (15, [1.4e-3, 9.8e-3, 2.9e-2]),
            (31, [3.1e-6, 1.6e-4, 1.3e-3]),
        ];
        for (degree, errors) in documented {
            for (bound, documented) in [8.0, 12.0, 16.0].into_iter().zip(errors) {
                let error = Sigmoid::new(bound, degree).max_error();
                assert!(error <= documented, "{degree} on {bound}: {error:e}");
                assert!(error >= 0.93 * documented, "{degree} on {bound}: {error:e}");
            }
        }
    }

    #[test]
    fn slots_agree_with_the_polynomial() {
        let machine = Clear::exact(256);
        let sigmoid = Sigmoid::new(12.0, 15);
        let mut logits: Vec<f64> = (0..256)
            .map(|i| f64::from(i) / 127.5 * 12.0 - 12.0)
            .collect();
        let scaled = logits
            .iter()
            .map(|x| Complex64::from(x * sigmoid.input_scale()))
            .collect();
        let x = machine.vector(&[scaled], Level(4)).unwrap();
        let y = sigmoid.apply(&machine, &x).unwrap();
        assert_eq!(machine.level(&y), Level(4 - sigmoid.depth()));
        sigmoid.approximate(&mut logits);
        for (found, want) in machine.values(&y)[0].iter().zip(logits) {
            assert!((found - want).norm() < 1e-12);
        }
        assert_eq!(machine.take_budget().key_switches(), 7);
    }
}

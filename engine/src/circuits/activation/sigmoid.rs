//! The sigmoid, for one-against-all classifiers.

use super::classes::{LOGIT_BOUND, stage, work_of};
use super::{Approximation, ClassMask, Classes};
use crate::circuits::{Chebyshev, Course, Polynomial, Slots, Stage};
use crate::ckks::EvalError;

/// `1/(1 + exp(-x))` on `[-bound, bound]` by its Chebyshev interpolant.
///
/// Largest errors (tested):
///
/// | degree | levels | `[-8, 8]` | `[-12, 12]` | `[-16, 16]` |
/// |---|---|---|---|---|
/// | 5 | 3 | 6.2e-2 | 1.11e-1 | 1.4e-1 |
/// | 7 | 3 | 3.0e-2 | 7.5e-2 | 1.1e-1 |
/// | 9 | 4 | 1.4e-2 | 4.8e-2 | 8.2e-2 |
/// | 13 | 4 | 3.0e-3 | 1.7e-2 | 4.2e-2 |
/// | 15 | 4 | 1.4e-3 | 9.8e-3 | 2.9e-2 |
/// | 29 | 5 | 6.5e-6 | 2.7e-4 | 1.9e-3 |
///
/// Take a degree of the form `4k + 1`. Its interpolant goes on rising beyond the interval, so a logit that gets there is
/// pushed back by its own gradient. At `4k + 3` it falls below zero there, the gradient pushes on, and the training
/// diverges as soon as one logit leaves the interval, however small the error inside: with degree 15 on `[-12, 12]`
/// after 40 steps on 8x8 digits, where degree 13 never did.
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

    /// The polynomial.
    #[must_use]
    pub const fn series(&self) -> &Chebyshev {
        &self.series
    }
}

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

impl Approximation for Sigmoid {
    fn range(&self) -> f64 {
        self.series.interval().1
    }

    fn input_scale(&self) -> f64 {
        1.0 / self.range()
    }

    fn max_error(&self) -> f64 {
        self.max_error
    }

    fn stages(&self) -> Vec<Stage> {
        let work = work_of(&self.polynomial);
        vec![stage(self.polynomial.depth(), work, LOGIT_BOUND)]
    }

    fn masks(&self) -> Vec<ClassMask> {
        vec![ClassMask::new(0.0, -self.series.evaluate(0.0))]
    }

    fn apply<S: Slots>(
        &self,
        machine: &S,
        classes: &Classes<S::Plain>,
        course: &mut Course<'_>,
        scaled: &S::Vector,
    ) -> Result<S::Vector, EvalError> {
        let [scaled] = course.enter(machine, [scaled.clone()])?;
        let probabilities = self.polynomial.evaluate(machine, &scaled)?;
        classes.add_mask(machine, &probabilities, 0)
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

    fn loss(&self, logits: &[f64], label: usize) -> f64 {
        let of_class = |(class, &logit): (usize, &f64)| {
            let away = if class == label { -logit } else { logit };
            // ln(1 + exp(x)) without overflow.
            away.max(0.0) + (-away.abs()).exp().ln_1p()
        };
        logits.iter().enumerate().map(of_class).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_the_documented_ones() {
        let documented = [
            (5, [6.2e-2, 1.11e-1, 1.4e-1]),
            (7, [3.0e-2, 7.5e-2, 1.1e-1]),
            (9, [1.4e-2, 4.8e-2, 8.2e-2]),
            (13, [3.0e-3, 1.7e-2, 4.2e-2]),
            (15, [1.4e-3, 9.8e-3, 2.9e-2]),
            (29, [6.5e-6, 2.7e-4, 1.9e-3]),
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
    fn pushes_back_outside_at_the_right_degrees() {
        for bound in [8.0, 12.0, 16.0] {
            for degree in [5, 7, 9, 11, 13, 15, 29, 31] {
                let series = Sigmoid::new(bound, degree);
                let mut outside: Vec<f64> = (1..=100)
                    .map(|i| bound * (1.03 + 0.03 * f64::from(i)))
                    .collect();
                series.approximate(&mut outside);
                let pushes_back = outside.iter().all(|&p| p > 1.0);
                assert_eq!(pushes_back, degree % 4 == 1, "degree {degree} on {bound}");
            }
        }
    }
}

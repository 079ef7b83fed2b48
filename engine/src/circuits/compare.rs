//! The larger of two numbers, by composed polynomials that approach the sign (Cheon, Kim, Kim, ASIACRYPT'20).

use super::{Chebyshev, Polynomial, Slots};
use crate::ckks::EvalError;

/// `(a + b)/2 + (a - b) s(a - b)` for `a`, `b` in `[-1/2, 1/2]`, where `s` approaches half the sign.
#[derive(Clone, Debug)]
pub struct Maximum {
    /// In the order in which they are applied: odd polynomials from `[-1, 1]` to itself, the last one halved.
    parts: Vec<(Chebyshev, Polynomial)>,
}

impl Maximum {
    /// `s` is half of `g` applied `steep` times and then `f` applied `flat` times. Both are of degree 7:
    /// `g = (4589 x - 16577 x^3 + 25614 x^5 - 12860 x^7)/2^10` is steep at zero,
    /// `f = (35 x - 35 x^3 + 21 x^5 - 5 x^7)/2^4` is flat at one.
    ///
    /// # Range
    /// `flat >= 1`.
    #[must_use]
    pub fn composed(steep: usize, flat: usize) -> Self {
        debug_assert!(flat >= 1);
        let series = |coefficients: [f64; 4], factor: f64| {
            let odd = |x: f64| {
                x * coefficients
                    .iter()
                    .rev()
                    .fold(0.0, |sum, c| sum * x * x + c)
            };
            Chebyshev::interpolate(|x| factor * odd(x), -1.0, 1.0, 7).odd()
        };
        let g = [4589.0, -16577.0, 25614.0, -12860.0].map(|c| c / 1024.0);
        let f = [35.0, -35.0, 21.0, -5.0].map(|c| c / 16.0);
        let (steep, flat) = (vec![g; steep], vec![f; flat]);
        let all = [steep, flat].concat();
        let last = all.len() - 1;
        let parts = all.into_iter().enumerate().map(|(index, coefficients)| {
            let series = series(coefficients, if index == last { 0.5 } else { 1.0 });
            (series.clone(), Polynomial::from(&series))
        });
        Self {
            parts: parts.collect(),
        }
    }

    /// Levels of [`apply`](Self::apply).
    #[must_use]
    pub fn depth(&self) -> usize {
        let of_parts = self.parts.iter().map(|(_, polynomial)| polynomial.depth());
        of_parts.sum::<usize>() + 1
    }

    /// Nearly the larger of two numbers, slot by slot.
    ///
    /// # Range
    /// Slots in `[-1/2, 1/2]`.
    ///
    /// # Errors
    /// Those of the machine.
    pub fn apply<S: Slots>(
        &self,
        machine: &S,
        a: &S::Vector,
        b: &S::Vector,
    ) -> Result<S::Vector, EvalError> {
        let difference = machine.sub(a, b)?;
        let mut sign = difference.clone();
        for (_, polynomial) in &self.parts {
            sign = polynomial.evaluate(machine, &sign)?;
        }
        let middle = machine.linear_combination(&[(a, 0.5), (b, 0.5)], 0.0)?;
        machine.add(&middle, &machine.mul(&difference, &sign)?)
    }

    /// The same in the clear.
    #[must_use]
    pub fn evaluate(&self, a: f64, b: f64) -> f64 {
        let sign = |x: f64| {
            self.parts
                .iter()
                .fold(x, |value, (series, _)| series.evaluate(value))
        };
        f64::midpoint(a, b) + (a - b) * sign(a - b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_keeps_the_interval_and_the_maximum_is_between_middle_and_larger() {
        let maximum = Maximum::composed(2, 1);
        assert_eq!(maximum.depth(), 10);
        let mut loss = 0.0f64;
        let points = || (0..=200).map(|i| f64::from(i) / 200.0 - 0.5);
        for x in points() {
            for (series, _) in &maximum.parts {
                assert!(series.evaluate(2.0 * x).abs() < 1.0 + 1e-12);
            }
            for y in points() {
                let (found, larger) = (maximum.evaluate(x, y), x.max(y));
                assert!(found <= larger + 1e-12 && found >= f64::midpoint(x, y) - 1e-12);
                loss = loss.max(larger - found);
            }
        }
        assert!((0.0050..0.0051).contains(&loss), "{loss}");
    }
}

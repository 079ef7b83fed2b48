//! Chebyshev series: fit, evaluation on `f64`, measured error.

use std::f64::consts::PI;

/// `sum of c_k T_k(t)` with `t` in `[-1, 1]` the affine image of `x` in an interval.
#[derive(Clone, Debug, PartialEq)]
pub struct Chebyshev {
    start: f64,
    end: f64,
    coefficients: Vec<f64>,
}

impl Chebyshev {
    /// The polynomial of this degree that agrees with `f` at the `degree + 1` Chebyshev nodes of `[start, end]`.
    ///
    /// For functions analytic near the interval its largest error is within a small factor of the best possible one
    /// (Trefethen, Approximation Theory and Approximation Practice, chapter 16).
    #[must_use]
    pub fn interpolate(f: impl Fn(f64) -> f64, start: f64, end: f64, degree: usize) -> Self {
        let nodes = degree + 1;
        let angle = |node: usize| PI * (node as f64 + 0.5) / nodes as f64;
        let values: Vec<f64> = (0..nodes)
            .map(|node| f(from_unit(angle(node).cos(), start, end)))
            .collect();
        let coefficient = |k: usize| {
            let cosine = |(node, value): (usize, &f64)| value * (k as f64 * angle(node)).cos();
            let sum: f64 = values.iter().enumerate().map(cosine).sum();
            sum * if k == 0 { 1.0 } else { 2.0 } / nodes as f64
        };
        Self {
            start,
            end,
            coefficients: (0..nodes).map(coefficient).collect(),
        }
    }

    /// Coefficients of `T_0, T_1, ...`.
    #[must_use]
    pub fn coefficients(&self) -> &[f64] {
        &self.coefficients
    }

    /// The same series with its even (`T_0`, `T_2`, ...) coefficients above `T_0` set to zero: the interpolant of a
    /// function that is odd up to a constant about the middle of the interval, freed of rounding errors.
    #[must_use]
    pub fn odd(mut self) -> Self {
        for coefficient in self.coefficients.iter_mut().step_by(2).skip(1) {
            *coefficient = 0.0;
        }
        self
    }

    /// The highest index of a coefficient.
    #[must_use]
    pub fn degree(&self) -> usize {
        self.coefficients.len().saturating_sub(1)
    }

    /// Both ends of the interval.
    #[must_use]
    pub const fn interval(&self) -> (f64, f64) {
        (self.start, self.end)
    }

    /// The value at `x`, by Clenshaw's recurrence.
    #[must_use]
    pub fn evaluate(&self, x: f64) -> f64 {
        let t = (2.0 * x - self.start - self.end) / (self.end - self.start);
        let (mut next, mut after) = (0.0, 0.0);
        for &coefficient in self.coefficients.iter().skip(1).rev() {
            (next, after) = (2.0 * t * next - after + coefficient, next);
        }
        t * next - after + self.coefficients.first().copied().unwrap_or(0.0)
    }

    /// The largest distance to `f` on an even grid of the interval: 64 points for each degree, at least 4096.
    #[must_use]
    pub fn max_error(&self, f: impl Fn(f64) -> f64) -> f64 {
        let steps = (64 * self.coefficients.len()).max(4096);
        (0..=steps)
            .map(|i| from_unit(2.0 * i as f64 / steps as f64 - 1.0, self.start, self.end))
            .map(|x| (self.evaluate(x) - f(x)).abs())
            .fold(0.0, f64::max)
    }
}

/// The point of `[start, end]` for `t` in `[-1, 1]`.
fn from_unit(t: f64, start: f64, end: f64) -> f64 {
    f64::midpoint(start, end) + t * (end - start) / 2.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn polynomials_are_reproduced(
            coefficients in prop::collection::vec(-1.0f64..1.0, 1..20), start in -3.0f64..0.0, length in 0.5f64..4.0,
        ) {
            let f = |x: f64| coefficients.iter().rev().fold(0.0, |sum, c| sum * x / 4.0 + c);
            let series = Chebyshev::interpolate(f, start, start + length, coefficients.len() - 1);
            prop_assert!(series.max_error(f) < 1e-12);
        }
    }

    #[test]
    fn error_of_the_exponential_is_the_known_one() {
        // The best polynomial of degree n on [-1, 1] is off by about 1 / (2^n (n + 1)!).
        let error = Chebyshev::interpolate(f64::exp, -1.0, 1.0, 7).max_error(f64::exp);
        let best = 1.0 / (128.0 * 40320.0);
        assert!(
            error > best && error < 1.3 * best,
            "{error:e} against {best:e}"
        );
    }
}

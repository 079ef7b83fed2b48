//! Inverses: a polynomial on a short interval, Goldschmidt's iteration on a long one.

use super::Chebyshev;

/// The polynomial of a given degree whose relative error as `1/x` on an interval is smallest:
/// `(1 - T_(d+1)(u) / T_(d+1)(u_0)) / x`, with `u` the affine image of `x` that takes `[start, end]` to `[1, -1]` and zero
/// to `u_0 > 1`. The relative error is `1 / T_(d+1)(u_0)`, taken with alternating signs (Meinardus, Approximation of
/// Functions, 1967, section 4.3).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Inverse {
    start: f64,
    end: f64,
    degree: usize,
    at_zero: f64,
}

impl Inverse {
    /// Of this degree on `[start, end]`.
    ///
    /// # Range
    /// `0 < start < end`.
    #[must_use]
    pub fn new(start: f64, end: f64, degree: usize) -> Self {
        debug_assert!(0.0 < start && start < end);
        Self {
            start,
            end,
            degree,
            at_zero: chebyshev(degree + 1, (end + start) / (end - start)),
        }
    }

    /// The largest relative error.
    #[must_use]
    pub fn relative_error(&self) -> f64 {
        1.0 / self.at_zero
    }

    /// The value at `x`, which is not zero.
    #[must_use]
    pub fn evaluate(&self, x: f64) -> f64 {
        let u = (self.end + self.start - 2.0 * x) / (self.end - self.start);
        (1.0 - chebyshev(self.degree + 1, u) / self.at_zero) / x
    }

    /// `factor` times the polynomial. It is its own interpolant.
    #[must_use]
    pub fn series(&self, factor: f64) -> Chebyshev {
        let value = |x| factor * self.evaluate(x);
        Chebyshev::interpolate(value, self.start, self.end, self.degree)
    }
}

/// `T_n(u)` by its recurrence, for any `u`.
fn chebyshev(n: usize, u: f64) -> f64 {
    let (mut value, mut before) = (1.0, u);
    for _ in 0..n {
        (value, before) = (2.0 * u * value - before, value);
    }
    value
}

/// `1/x` for `x` in `[1, 2 limit)`: with `t = 1 - x/limit`, `1/x = (1 + t)(1 + t^2)(1 + t^4).../limit`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Goldschmidt {
    /// Half the end of the interval.
    pub limit: f64,
    /// Squarings of `t`.
    pub squarings: usize,
}

impl Goldschmidt {
    /// With so many squarings that `x = 1`, where the error is largest, is off by `error` of its inverse at most.
    ///
    /// # Range
    /// `limit > 1`, `0 < error < 1`.
    #[must_use]
    pub fn new(limit: f64, error: f64) -> Self {
        let enough = |squarings: usize| {
            let power = (squarings as f64 + 1.0).exp2();
            (1.0 - 1.0 / limit).powf(power) <= error
        };
        let squarings = (0..64).find(|&squarings| enough(squarings)).unwrap_or(64);
        Self { limit, squarings }
    }

    /// `limit` times the approximate inverse of `x`.
    #[must_use]
    pub fn evaluate(&self, x: f64) -> f64 {
        let mut power = 1.0 - x / self.limit;
        let mut product = 1.0 + power;
        for _ in 0..self.squarings {
            power *= power;
            product *= 1.0 + power;
        }
        product
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_relative_error_is_the_promised_one_and_levelled() {
        for (start, end, degree, error) in [
            (0.1, 1.0, 7, 1.03e-2),
            (0.1, 1.0, 15, 5.4e-5),
            (0.014, 1.0, 15, 4.6e-2),
        ] {
            let inverse = Inverse::new(start, end, degree);
            let series = inverse.series(3.0);
            let errors = (0..=2000).map(|i| {
                let x = start + (end - start) * f64::from(i) / 2000.0;
                assert!((series.evaluate(x) - 3.0 * inverse.evaluate(x)).abs() < 1e-9);
                1.0 - x * inverse.evaluate(x)
            });
            let (low, high) = errors.fold((0.0, 0.0), |(low, high): (f64, f64), e| {
                (low.min(e), high.max(e))
            });
            let promised = inverse.relative_error();
            assert!((promised / error - 1.0).abs() < 0.05, "{promised:e}");
            assert!((high / promised - 1.0).abs() < 1e-3 && (-low / promised - 1.0).abs() < 1e-3);
        }
    }

    #[test]
    fn goldschmidt_converges_where_it_says() {
        let inverse = Goldschmidt::new(100.0, 1e-4);
        assert_eq!(inverse.squarings, 9);
        for i in 0..=1980 {
            let x = 1.0 + 0.1 * f64::from(i);
            let found = inverse.evaluate(x) / inverse.limit;
            assert!((found * x - 1.0).abs() <= 1e-4, "{x}: {found}");
        }
    }
}

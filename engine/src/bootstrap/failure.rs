//! How likely a bootstrap is to fail.

/// `log2` of an upper bound for the probability that, in a bootstrap of `coefficients` coefficients under a secret of weight
/// `weight`, one of the integers `I` is larger than `range`.
///
/// `I + 1/2` is within one half of a sum of `weight + 1` independent variables, uniform on `[-1/2, 1/2)`, whose tail is the
/// Irwin-Hall distribution's: `P(S > x) = sum over j of (-1)^j C(n, j) (n/2 - x - j)^n / n!` with positive bases only. Both
/// tails, and all coefficients by the union bound.
#[must_use]
pub fn log2_failure(weight: usize, range: f64, coefficients: usize) -> f64 {
    let n = weight + 1;
    let log2_factorial: f64 = (1..=n).map(|i| (i as f64).log2()).sum();
    let reach = n as f64 / 2.0 - range;
    let mut sum = 0.0;
    let mut binomial = 1.0;
    // Relative to the first term, so that nothing is too small for a double.
    for j in 0..n {
        let base = reach - j as f64;
        if base <= 0.0 {
            break;
        }
        let sign = if j % 2 == 0 { 1.0 } else { -1.0 };
        sum += sign * binomial * (base / reach).powf(n as f64);
        binomial *= (n - j) as f64 / (j + 1) as f64;
    }
    if sum <= 0.0 {
        return f64::NEG_INFINITY;
    }
    let tail = sum.log2() + n as f64 * reach.log2() - log2_factorial;
    tail + 1.0 + (coefficients as f64).log2()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_tails() {
        // One variable beyond 1/4: a quarter on each side.
        assert!((log2_failure(0, 0.25, 1) - 0.5f64.log2()).abs() < 1e-12);
        // Two variables beyond 1/2: (1/2)^2 / 2 on each side.
        assert!((log2_failure(1, 0.5, 1) - 0.25f64.log2()).abs() < 1e-12);
        // Three beyond 0: one half each.
        assert!(log2_failure(2, 0.0, 1).abs() < 1e-12);
    }

    #[test]
    fn weights_and_ranges_of_the_field() {
        let failure = |weight, range| log2_failure(weight, range, 1 << 16);
        assert!((failure(32, 16.0) + 138.7).abs() < 0.1);
        assert!((failure(32, 14.0) + 62.0).abs() < 0.5);
        assert!((failure(64, 20.0) + 48.6).abs() < 0.5);
    }
}

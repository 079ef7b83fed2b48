//! The sign as HEPrune approximates it, for comparison: nothing here needs it but the score as published.

use crate::circuits::Chebyshev;

/// `s7` and `s15` of HEPrune's `hefs.cpp`, odd polynomials on `[-1, 1]` from Lee, Lee, No, Kim (eprint 2020/834): `s15(s7(x))` is
/// within 0.007 of the sign for `|x| > 0.05`.
pub(super) fn published_sign() -> [Chebyshev; 2] {
    let odd = |coefficients: &[f64]| {
        let degree = 2 * coefficients.len() - 1;
        let value = |x: f64| {
            let sum = coefficients
                .iter()
                .rev()
                .fold(0.0, |sum, c| sum * x * x + c);
            x * sum
        };
        Chebyshev::interpolate(value, -1.0, 1.0, degree).odd()
    };
    [
        odd(&[
            8.831_330_720_224_16,
            -46.457_503_989_551_2,
            83.028_223_472_040_8,
            -44.992_847_782_807_0,
        ]),
        odd(&[
            3.948_818_850_832_63,
            -12.910_301_099_228_2,
            28.086_536_217_465_8,
            -35.596_914_896_513_7,
            26.515_937_088_133_7,
            -11.418_488_936_844_9,
            2.625_584_438_813_34,
            -0.249_172_299_998_642,
        ]),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_sign_is_as_published() {
        let [inner, outer] = published_sign();
        let abs = |x: f64| x * outer.evaluate(inner.evaluate(x));
        let points = (-1000..=1000).map(|i| f64::from(i) / 1000.0);
        let error = points.map(|x| (abs(x) - x.abs()).abs()).fold(0.0, f64::max);
        assert!((0.0070..0.0077).contains(&error), "{error}");
        // Beyond the interval it leaves at once.
        assert!((abs(1.02) + 0.923).abs() < 0.01, "{}", abs(1.02));
    }
}

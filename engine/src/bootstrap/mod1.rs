//! Reduction modulo one: `t = I + e` with an integer `I` and a small `e` becomes `sin(2 pi t) = 2 pi e` up to its cube.

use crate::circuits::{Chebyshev, Polynomial, Slots};
use crate::ckks::EvalError;

/// Integers up to this size are reduced.
pub(super) const RANGE: f64 = 16.0;
/// A quarter turn makes the sine an even function, the cosine, which needs half the coefficients.
const SHIFT: f64 = 0.25;
/// The input is `t` over this.
pub(super) const WIDTH: f64 = RANGE + SHIFT;
/// Squarings of the cosine. Each doubles its angle, and the error of what it is given by four.
const DOUBLINGS: usize = 2;
/// Degree in `T_2` of the input: the cosine of `2 pi WIDTH / 4` times the input, off by less than `2^-50`.
const DEGREE: usize = 28;

/// `x -> gain sin(2 pi WIDTH x)`.
#[derive(Clone, Debug)]
pub(super) struct Reduction {
    cosine: Polynomial,
    gain: f64,
}

impl Reduction {
    /// `gain` is what the machine multiplies the last product by.
    pub(super) fn new(gain: f64) -> Self {
        Self {
            cosine: Polynomial::from(&series()),
            gain,
        }
    }

    /// Levels of [`apply`](Self::apply).
    pub(super) fn depth(&self) -> usize {
        1 + self.cosine.depth() + DOUBLINGS
    }

    /// `gain sin(2 pi WIDTH x)`, slot by slot.
    ///
    /// # Range
    /// Real slots in `[-RANGE/WIDTH, RANGE/WIDTH]`.
    pub(super) fn apply<S: Slots>(
        &self,
        machine: &S,
        x: &S::Vector,
    ) -> Result<S::Vector, EvalError> {
        let shifted = machine.add_const(x, -SHIFT / WIDTH)?;
        let mut y = self
            .cosine
            .evaluate(machine, &doubled(machine, &shifted, 1.0)?)?;
        for i in 1..=DOUBLINGS {
            y = doubled(machine, &y, if i == DOUBLINGS { self.gain } else { 1.0 })?;
        }
        Ok(y)
    }
}

/// `2 y^2 - 1`, where the machine's product comes times `gain`.
fn doubled<S: Slots>(machine: &S, y: &S::Vector, gain: f64) -> Result<S::Vector, EvalError> {
    machine.quadratic(&[(&machine.mul_integer(y, 2)?, y)], &[], -gain)
}

/// `cos(2 pi WIDTH u / 2^DOUBLINGS)` as a series in `T_2(u)`.
fn series() -> Chebyshev {
    let turns = WIDTH / f64::from(1 << DOUBLINGS);
    let cosine = |v: f64| (std::f64::consts::TAU * turns * ((1.0 + v) / 2.0).sqrt()).cos();
    Chebyshev::interpolate(cosine, -1.0, 1.0, DEGREE)
}

#[cfg(test)]
mod tests {
    use num_complex::Complex64;

    use super::*;
    use crate::circuits::Clear;
    use crate::ckks::Level;

    #[test]
    fn the_circuit_is_the_sine_near_every_integer() {
        let machine = Clear::exact(1 << 12);
        let points: Vec<f64> = (0..1 << 12)
            .map(|i| f64::from(i % 33 - 16) + (f64::from(i / 33) - 62.0) / 62.0 / 256.0)
            .collect();
        let slots = points.iter().map(|t| Complex64::from(t / WIDTH)).collect();
        let reduction = Reduction::new(1.0);
        let x = machine.vector(&[slots], Level(reduction.depth())).unwrap();
        let y = reduction.apply(&machine, &x).unwrap();
        assert_eq!(machine.level(&y), Level(0));
        for (t, y) in points.iter().zip(&machine.values(&y)[0]) {
            let error = (y.re - (std::f64::consts::TAU * t).sin()).abs();
            assert!(error < 1e-12, "t = {t}: {error:e}");
        }
    }

    #[test]
    fn the_series_is_the_cosine() {
        let turns = WIDTH / f64::from(1 << DOUBLINGS);
        let cosine = |v: f64| (std::f64::consts::TAU * turns * ((1.0 + v) / 2.0).sqrt()).cos();
        assert!(series().max_error(cosine) < 1e-13);
    }
}

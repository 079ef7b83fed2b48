//! The softmax of HETAL (eprint 2023/1120): the largest logit is subtracted before the exponential.

use super::classes::{LOGIT_BOUND, stage, work_of};
use super::{Approximation, ClassMask, Classes, cross_entropy, softmax};
use crate::circuits::compare::Maximum;
use crate::circuits::inverse::Goldschmidt;
use crate::circuits::{Aside, Chebyshev, Course, Polynomial, Slots, Stage};
use crate::ckks::EvalError;

/// The comparison-based softmax of HETAL for logits in `[-128, 128]` and up to 16 classes, with its published parameters.
///
/// 1. The largest logit of a sample by a tournament of `log2 c'` rounds, each a composition `f(g(g(x)))` in the place of the
///    sign ([`Maximum`]). It is a soft maximum, up to 1.3 too small for each round, and by how much depends on the order
///    of the comparisons, which every class has in its own way; so that of the first class is spread to all.
/// 2. `u = z - max` lies in `[-256, 5.2]`. Five times `w <- 2w - (32/27) w^3` takes it to `[-8, 8]`, nearly unchanged around
///    zero (domain extension: Cheon, Kim, Park, eprint 2022/370).
/// 3. `exp(u)` from a polynomial of degree 8 for `exp(u/8)`, squared three times.
/// 4. The inverse of the sum by [`Goldschmidt`], for sums below 200. Published are 16 squarings; here they are as many as
///    the smallest sum, one, needs for an error of `1e-4`, which is 9: with the same result to `1e-4` and seven levels less.
///
/// Padding takes part as published, with logits of -128, and is set to zero at the end.
#[derive(Clone, Debug)]
pub struct SoftmaxMax {
    rounds: usize,
    maximum: Maximum,
    extension: Chebyshev,
    extension_polynomial: Polynomial,
    exponential: Chebyshev,
    exponential_polynomial: Polynomial,
    inverse: Goldschmidt,
    max_error: f64,
}

/// The most classes: with more, sums leave the range of the inverse.
pub(super) const MAX_CLASSES: usize = 16;
/// The largest logit.
const RANGE: f64 = 128.0;
/// Rounds of the domain extension: `RANGE = 4 * 2^EXTENSIONS`.
const EXTENSIONS: usize = 5;
/// The exponential is taken of this part of its argument, and squared as often as this has bits.
const SQUARINGS: usize = 3;
/// Half the largest sum.
const LIMIT: f64 = 100.0;
/// Relative error of the inverse.
const INVERSE_ERROR: f64 = 1e-4;
/// `z - max` is at most this.
const EXCESS: f64 = 5.2;

impl SoftmaxMax {
    /// For 2 to 16 classes.
    #[must_use]
    pub fn new(classes: usize) -> Self {
        let rounds = classes.next_power_of_two().trailing_zeros() as usize;
        let extend = |w: f64| 2.0 * w - 32.0 / 27.0 * w.powi(3);
        let extension = Chebyshev::interpolate(extend, -1.0, 1.0, 3).odd();
        let exponential = Chebyshev::interpolate(f64::exp, -1.0, 1.0, 8);
        Self {
            rounds,
            maximum: Maximum::composed(2, 1),
            extension_polynomial: Polynomial::from(&extension),
            extension,
            exponential_polynomial: Polynomial::from(&exponential),
            exponential,
            inverse: Goldschmidt::new(LIMIT, INVERSE_ERROR),
            max_error: match rounds {
                0..=2 => 0.0045,
                3 => 0.01,
                _ => 0.025,
            },
        }
    }

    /// What exponentials are bounded by after so many squarings.
    fn exponential_bound(squarings: usize) -> f64 {
        let part = (squarings as f64).exp2() / (SQUARINGS as f64).exp2();
        LOGIT_BOUND * (EXCESS * part).exp()
    }
}

impl Approximation for SoftmaxMax {
    fn range(&self) -> f64 {
        RANGE
    }

    fn input_scale(&self) -> f64 {
        0.5 / RANGE
    }

    fn max_error(&self) -> f64 {
        self.max_error
    }

    fn stages(&self) -> Vec<Stage> {
        let mut stages = Vec::new();
        for round in 0..self.rounds {
            // A composition of three polynomials with four relinearizations each, a product and a rotation.
            let compare = stage(self.maximum.depth(), 14, LOGIT_BOUND / 2.0);
            let aside = if round == 0 {
                Aside::Keep
            } else {
                Aside::Nothing
            };
            stages.push(Stage { aside, ..compare });
        }
        stages.push(stage(1, self.rounds, LOGIT_BOUND / 2.0));
        for round in 0..EXTENSIONS {
            let polynomial = &self.extension_polynomial;
            let extend = stage(polynomial.depth(), work_of(polynomial), LOGIT_BOUND);
            let aside = if round == 0 {
                Aside::Join
            } else {
                Aside::Nothing
            };
            stages.push(Stage { aside, ..extend });
        }
        let polynomial = &self.exponential_polynomial;
        stages.push(stage(polynomial.depth(), work_of(polynomial), LOGIT_BOUND));
        for squarings in 0..SQUARINGS {
            stages.push(stage(1, 1, Self::exponential_bound(squarings)));
        }
        // The sum, its distance from one and the square of that.
        stages.push(stage(
            2,
            self.rounds + 1,
            Self::exponential_bound(SQUARINGS),
        ));
        let iterate = Stage {
            vectors: 3,
            ..stage(1, 2, LOGIT_BOUND * LIMIT)
        };
        stages.extend(vec![iterate; self.inverse.squarings - 1]);
        stages.push(Stage {
            depth: 2,
            ..iterate
        });
        stages
    }

    fn masks(&self) -> Vec<ClassMask> {
        let first = ClassMask {
            first: 1.0,
            others: 0.0,
            padding: 0.0,
        };
        vec![
            ClassMask::new(0.0, -0.5),
            first,
            ClassMask::new(1.0 / LIMIT, 0.0),
        ]
    }

    fn apply<S: Slots>(
        &self,
        machine: &S,
        classes: &Classes<S::Plain>,
        course: &mut Course<'_>,
        scaled: &S::Vector,
    ) -> Result<S::Vector, EvalError> {
        let mut largest = classes.add_mask(machine, scaled, 0)?;
        let mut logits = largest.clone();
        for round in 0..self.rounds {
            [largest] = course.enter(machine, [largest])?;
            if round == 0 {
                logits = largest.clone();
            }
            let other = classes.shift(machine, &largest, round)?;
            largest = self.maximum.apply(machine, &largest, &other)?;
        }
        [largest] = course.enter(machine, [largest])?;
        largest = classes.mul_mask(machine, &largest, 1)?;
        largest = classes.sum(machine, &largest)?;
        let mut value = machine.sub(&logits, &largest)?;
        for _ in 0..EXTENSIONS {
            [value] = course.enter(machine, [value])?;
            value = self.extension_polynomial.evaluate(machine, &value)?;
        }
        [value] = course.enter(machine, [value])?;
        value = self.exponential_polynomial.evaluate(machine, &value)?;
        for _ in 0..SQUARINGS {
            [value] = course.enter(machine, [value])?;
            value = machine.mul(&value, &value)?;
        }
        let [mut exponentials] = course.enter(machine, [value])?;
        let sum = classes.sum(machine, &exponentials)?;
        let distance = machine.linear_combination(&[(&sum, -1.0 / LIMIT)], 1.0)?;
        let mut product = machine.add_const(&distance, 1.0)?;
        let mut power = machine.mul(&distance, &distance)?;
        for squaring in 1..=self.inverse.squarings {
            [exponentials, power, product] =
                course.enter(machine, [exponentials, power, product])?;
            product = machine.mul(&product, &machine.add_const(&power, 1.0)?)?;
            if squaring < self.inverse.squarings {
                power = machine.mul(&power, &power)?;
            }
        }
        machine.mul(&classes.mul_mask(machine, &exponentials, 2)?, &product)
    }

    fn approximate(&self, logits: &mut [f64]) {
        let padded = 1 << self.rounds;
        let mut scaled: Vec<f64> = logits.iter().map(|z| z * self.input_scale()).collect();
        scaled.resize(padded, -0.5);
        let mut largest = scaled.clone();
        for round in 0..self.rounds {
            let moved = |class: usize| largest[(class + (1 << round)) % padded];
            largest = (0..padded)
                .map(|class| self.maximum.evaluate(largest[class], moved(class)))
                .collect();
        }
        let exponential = |z: f64| {
            let extend = |w, _| self.extension.evaluate(w);
            let w = (0..EXTENSIONS).fold(z - largest[0], extend);
            (0..SQUARINGS).fold(self.exponential.evaluate(w), |e, _| e * e)
        };
        let exponentials: Vec<f64> = scaled.into_iter().map(exponential).collect();
        let inverse = self.inverse.evaluate(exponentials.iter().sum()) / LIMIT;
        for (logit, exponential) in logits.iter_mut().zip(exponentials) {
            *logit = exponential * inverse;
        }
    }

    fn exact(&self, logits: &mut [f64]) {
        softmax(logits);
    }

    fn loss(&self, logits: &[f64], label: usize) -> f64 {
        cross_entropy(logits, label)
    }
}

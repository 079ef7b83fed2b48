//! The softmax by normalizing and squaring (Cho, Hanrot, Kim, Park, Stehlé, CCS'24).

use super::classes::{LOGIT_BOUND, stage, work_of};
use super::{Approximation, ClassMask, Classes, cross_entropy, softmax};
use crate::circuits::inverse::Inverse;
use crate::circuits::{Chebyshev, Course, Polynomial, Slots, Stage};
use crate::ckks::EvalError;

/// The softmax of logits in `[-range, range]`.
///
/// With `z` the logits and `k` the least number with `range <= 2^(k+1)`, let `e = exp(z/2^k)` and `y = e/(sum of e)`. Then
/// `k` times `y <- y^2/(sum of y^2)`: each doubles the logits, and after the last one `y` is the softmax of `z`. The sum of
/// the squares of `c` numbers that add up to one lies in `[1/c, 1]`, whatever the logits are, so its inverse is a polynomial
/// of low degree. An inverse that is off by a factor `1 + d` is off by the same factor in all classes, and the next division
/// takes it away: only the last inverse has to be accurate, and the others have to leave an interval that the next one
/// bears. The degrees are the ones with the fewest levels in all that achieve this, found by trying all.
///
/// The published form begins with `exp(z/2^(k+1))` and squares it. Here the first exponential is taken twice as steep, from
/// a polynomial of twice the degree: as many levels, one doubling of relative errors less.
///
/// Factors are free: `y` is kept in such a unit that the sum of squares, moved by a constant, is what the Chebyshev
/// polynomials of the inverse take.
///
/// Beyond the range the first sum leaves its interval, and values explode soon: at 1.1 times the range for ten classes.
#[derive(Clone, Debug)]
pub struct Softmax {
    range: f64,
    /// Rotations of a sum over the classes.
    rounds: usize,
    exponential: Part,
    /// The same in the unit of the first sum.
    summand: Part,
    first: Division,
    rest: Vec<Division>,
    max_error: f64,
}

/// A series and its evaluation.
#[derive(Clone, Debug)]
struct Part {
    series: Chebyshev,
    polynomial: Polynomial,
    work: usize,
}

/// A division by the sum over the classes.
#[derive(Clone, Debug)]
struct Division {
    /// Times how much the numbers come that are divided, when those that are summed come once.
    magnified: i32,
    /// What is added to the sum of numbers in their unit.
    shift: f64,
    /// The inverse of the sum, in the unit of what comes next.
    inverse: Part,
    /// What the numbers in front of the division are bounded by, and what they are bounded by behind it.
    bounds: [f64; 2],
}

/// Degree of the exponential on `[-2, 2]`: its relative error, `1e-9`, grows 64-fold at range 128.
const EXPONENTIAL_DEGREE: usize = 15;
/// The unit of the first exponentials. Sums of them are large, their inverses small; this shares the noise of both evenly.
const FIRST_UNIT: f64 = 0.25;
/// Degrees of inverses: all that have their number of levels.
const INVERSE_DEGREES: [usize; 5] = [3, 7, 15, 31, 63];
/// The largest relative error of an inverse that is not the last.
const ROUGH: f64 = 0.25;
/// The largest relative error of the last one.
const FINE: f64 = 2.5e-4;
/// Squares of probabilities are small where many classes are alike, and noise is not. So what is divided is magnified before,
/// about as much as the square root of the classes; what is summed is not, because noise in a sum does no harm. By `log2 c'`.
const MAGNIFIERS: [i32; 7] = [1, 1, 2, 2, 4, 4, 8];
/// Every interval is longer by this part on both ends than sums in exact arithmetic need.
const MARGIN: f64 = 0.01;

impl Softmax {
    /// For logits in `[-range, range]` and so many classes.
    ///
    /// # Range
    /// `0 < range <= 128`, 2 to 64 classes.
    #[must_use]
    pub fn new(range: f64, classes: usize) -> Self {
        let mut halvings = 0;
        while 2f64.powi(halvings + 1) < range {
            halvings += 1;
        }
        let steep = range / 2f64.powi(halvings);
        let interval = [-steep, steep].map(|x| classes as f64 * x.exp());
        let steps = halvings.unsigned_abs() as usize + 1;
        let degrees = degrees(interval, classes, steps);
        let inverses = inverses(interval, classes, &degrees);
        let mut divisions = Vec::with_capacity(steps);
        let magnifier = MAGNIFIERS[classes.next_power_of_two().trailing_zeros() as usize % 7];
        // Numbers are kept times `unit`, sums times `scale`.
        let mut unit = 1.0;
        for (index, &(inverse, [start, end])) in inverses.iter().enumerate() {
            let scale = 2.0 / (end - start);
            let next = inverses.get(index + 1);
            let next_unit = next.map_or(1.0, |&(_, [start, end])| (2.0 / (end - start)).sqrt());
            // In front of the first division numbers are not squared, and are summed in a unit of their own.
            let (magnified, squared) = if index == 0 {
                (1, FIRST_UNIT)
            } else {
                (magnifier, unit * unit * f64::from(magnifier))
            };
            let largest = if index == 0 {
                steep.exp()
            } else {
                squared * end
            };
            let error = inverse.relative_error();
            divisions.push(Division {
                magnified,
                shift: -scale * f64::midpoint(start, end),
                inverse: Part::new(inverse.series(next_unit / squared)),
                bounds: [largest, next_unit * (1.0 + error)].map(|bound| LOGIT_BOUND * bound),
            });
            unit = next_unit;
        }
        let exponential = |factor: f64| {
            let value = |t: f64| factor * (steep * t).exp();
            Part::new(Chebyshev::interpolate(value, -1.0, 1.0, EXPONENTIAL_DEGREE))
        };
        let [start, end] = inverses[0].1;
        let last = inverses[inverses.len() - 1].0.relative_error();
        Self {
            range,
            rounds: classes.next_power_of_two().trailing_zeros() as usize,
            exponential: exponential(FIRST_UNIT),
            summand: exponential(2.0 / (end - start)),
            first: divisions.remove(0),
            rest: divisions,
            // The exponential's error, 64-fold at most, is far below this.
            max_error: last + 1e-6,
        }
    }

    /// Degrees of the inverses.
    #[must_use]
    pub fn inverse_degrees(&self) -> Vec<usize> {
        let divisions = std::iter::once(&self.first).chain(&self.rest);
        divisions
            .map(|division| division.inverse.series.degree())
            .collect()
    }
}

/// The degrees with the fewest levels in all.
fn degrees(interval: [f64; 2], classes: usize, steps: usize) -> Vec<usize> {
    let mut best: Option<(usize, Vec<usize>)> = None;
    let mut open = vec![Vec::new()];
    while let Some(degrees) = open.pop() {
        let depth: usize = degrees.iter().map(|degree: &usize| levels(*degree)).sum();
        // What is left takes two levels each at least.
        let least = depth + 2 * (steps - degrees.len());
        if best.as_ref().is_some_and(|(found, _)| *found <= least) {
            continue;
        }
        if let Some((inverse, _)) = inverses(interval, classes, &degrees).last() {
            let allowed = if degrees.len() == steps { FINE } else { ROUGH };
            if inverse.relative_error() > allowed {
                continue;
            }
        }
        if degrees.len() == steps {
            best = Some((depth, degrees));
            continue;
        }
        // The lowest degree is looked at next.
        for degree in INVERSE_DEGREES.into_iter().rev() {
            let mut longer = degrees.clone();
            longer.push(degree);
            open.push(longer);
        }
    }
    best.map_or_else(|| vec![INVERSE_DEGREES[4]; steps], |(_, degrees)| degrees)
}

const fn levels(degree: usize) -> usize {
    (degree + 1).trailing_zeros() as usize
}

/// The inverses of these degrees with their intervals: the given one for the first, then what the one before leaves.
fn inverses(first: [f64; 2], classes: usize, degrees: &[usize]) -> Vec<(Inverse, [f64; 2])> {
    let mut interval = first;
    let mut all = Vec::with_capacity(degrees.len());
    for &degree in degrees {
        let [start, end] = [interval[0] * (1.0 - MARGIN), interval[1] * (1.0 + MARGIN)];
        let inverse = Inverse::new(start, end, degree);
        let error = inverse.relative_error();
        all.push((inverse, [start, end]));
        interval = [
            (1.0 - error).powi(2) / classes as f64,
            (1.0 + error).powi(2),
        ];
    }
    all
}

impl Part {
    fn new(series: Chebyshev) -> Self {
        let polynomial = Polynomial::from(&series);
        Self {
            work: work_of(&polynomial),
            series,
            polynomial,
        }
    }
}

impl Division {
    /// `numbers` over the sum of `summands`.
    fn apply<S: Slots>(
        &self,
        machine: &S,
        classes: &Classes<S::Plain>,
        numbers: &S::Vector,
        summands: &S::Vector,
    ) -> Result<S::Vector, EvalError> {
        let sum = machine.add_const(&classes.sum(machine, summands)?, self.shift)?;
        let inverse = self.inverse.polynomial.evaluate(machine, &sum)?;
        machine.mul(numbers, &inverse)
    }

    /// The same in the clear.
    fn divide(&self, numbers: &mut [f64], sum: f64) {
        // The series takes the sum itself; its interval is that of the sum.
        let inverse = self.inverse.series.evaluate(sum);
        for number in numbers {
            *number *= inverse;
        }
    }

    /// The sum itself from that of numbers in their unit.
    fn unscaled(&self, sum: f64) -> f64 {
        let (start, end) = self.inverse.series.interval();
        f64::midpoint(start, end) + (sum + self.shift) * (end - start) / 2.0
    }

    fn depth(&self) -> usize {
        self.inverse.polynomial.depth() + 1
    }
}

impl Approximation for Softmax {
    fn range(&self) -> f64 {
        self.range
    }

    fn input_scale(&self) -> f64 {
        1.0 / self.range
    }

    fn max_error(&self) -> f64 {
        self.max_error
    }

    fn stages(&self) -> Vec<Stage> {
        let divide = |division: &Division| {
            let work = division.inverse.work + self.rounds + 1;
            Stage {
                vectors: 2,
                ..stage(division.depth(), work, division.bounds[0])
            }
        };
        let exponential = stage(
            self.exponential.polynomial.depth(),
            self.exponential.work + self.summand.work,
            LOGIT_BOUND,
        );
        let mut stages = vec![exponential, divide(&self.first)];
        let mut bound = self.first.bounds[1];
        for division in &self.rest {
            stages.extend([stage(1, 2, bound), divide(division)]);
            bound = division.bounds[1];
        }
        stages
    }

    fn masks(&self) -> Vec<ClassMask> {
        // The exponential of a logit of zero does not count where there is no class.
        let parts = [&self.exponential, &self.summand];
        parts
            .map(|part| ClassMask::new(0.0, -part.series.evaluate(0.0)))
            .into()
    }

    fn apply<S: Slots>(
        &self,
        machine: &S,
        classes: &Classes<S::Plain>,
        course: &mut Course<'_>,
        scaled: &S::Vector,
    ) -> Result<S::Vector, EvalError> {
        let [scaled] = course.enter(machine, [scaled.clone()])?;
        let value = |part: &Part, mask| {
            let all = part.polynomial.evaluate(machine, &scaled)?;
            classes.add_mask(machine, &all, mask)
        };
        let both = [value(&self.exponential, 0)?, value(&self.summand, 1)?];
        let [numbers, summands] = course.enter(machine, both)?;
        let mut numbers = self.first.apply(machine, classes, &numbers, &summands)?;
        for division in &self.rest {
            let [roots] = course.enter(machine, [numbers])?;
            let magnified = machine.mul_integer(&roots, division.magnified)?;
            let both = [
                machine.mul(&magnified, &roots)?,
                machine.mul(&roots, &roots)?,
            ];
            let [squares, summands] = course.enter(machine, both)?;
            numbers = division.apply(machine, classes, &squares, &summands)?;
        }
        Ok(numbers)
    }

    fn approximate(&self, logits: &mut [f64]) {
        let mut sum = 0.0;
        for logit in logits.iter_mut() {
            let scaled = *logit * self.input_scale();
            *logit = self.exponential.series.evaluate(scaled);
            sum += self.summand.series.evaluate(scaled);
        }
        self.first.divide(logits, self.first.unscaled(sum));
        for division in &self.rest {
            for number in logits.iter_mut() {
                *number *= *number;
            }
            let sum = logits.iter().sum();
            for number in logits.iter_mut() {
                *number *= f64::from(division.magnified);
            }
            division.divide(logits, division.unscaled(sum));
        }
    }

    fn exact(&self, logits: &mut [f64]) {
        softmax(logits);
    }

    fn loss(&self, logits: &[f64], label: usize) -> f64 {
        cross_entropy(logits, label)
    }
}

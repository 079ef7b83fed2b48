//! Seconds of operations by level, and what a program takes by them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Budget, Operation};
use crate::bootstrap::Budgets;
use crate::ckks::{Level, Params};

/// Why numbers are no costs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CostError {
    /// An operation without any.
    #[error("there are no costs of {}", .0.plural())]
    Missing(Operation),
    /// No points, levels that do not rise, or seconds that are no time.
    #[error(
        "a cost needs rising levels, each with a number of seconds that is finite and not negative"
    )]
    Curve,
}

/// Seconds by level: known at some levels, on straight lines between them.
///
/// An operation's time grows with the limbs of its level, and jumps where a gadget digit begins; whoever measures takes
/// levels on both sides of a jump.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<(Level, f64)>", into = "Vec<(Level, f64)>")]
pub struct Curve {
    points: Vec<(Level, f64)>,
}

impl Curve {
    /// Through these points, by rising level.
    ///
    /// # Errors
    /// [`CostError::Curve`].
    pub fn new(points: Vec<(Level, f64)>) -> Result<Self, CostError> {
        let rising = points.windows(2).all(|pair| pair[0].0 < pair[1].0);
        let are_times = |&(_, seconds): &(Level, f64)| seconds.is_finite() && seconds >= 0.0;
        if points.is_empty() || !rising || !points.iter().all(are_times) {
            return Err(CostError::Curve);
        }
        Ok(Self { points })
    }

    /// The same at all levels.
    ///
    /// # Range
    /// A finite number of seconds, not negative.
    #[must_use]
    pub fn constant(seconds: f64) -> Self {
        Self {
            points: vec![(Level(0), seconds)],
        }
    }

    /// Seconds at a level: beyond the known ones those of the nearest.
    #[must_use]
    pub fn at(&self, level: Level) -> f64 {
        let next = self.points.partition_point(|&(known, _)| known < level);
        match (
            next.checked_sub(1).and_then(|i| self.points.get(i)),
            self.points.get(next),
        ) {
            (Some(&(below, low)), Some(&(above, high))) => {
                let share = (level.0 - below.0) as f64 / (above.0 - below.0) as f64;
                low + share * (high - low)
            }
            (Some(&(_, seconds)), None) | (None, Some(&(_, seconds))) => seconds,
            (None, None) => 0.0,
        }
    }

    /// The points.
    #[must_use]
    pub fn points(&self) -> &[(Level, f64)] {
        &self.points
    }

    /// The same with `seconds` of the level added to each point.
    #[must_use]
    pub fn plus(&self, seconds: impl Fn(Level) -> f64) -> Self {
        let points = self.points.iter();
        Self {
            points: points
                .map(|&(level, s)| (level, s + seconds(level)))
                .collect(),
        }
    }
}

impl TryFrom<Vec<(Level, f64)>> for Curve {
    type Error = CostError;

    fn try_from(points: Vec<(Level, f64)>) -> Result<Self, CostError> {
        Self::new(points)
    }
}

impl From<Curve> for Vec<(Level, f64)> {
    fn from(curve: Curve) -> Self {
        curve.points
    }
}

/// Seconds of every [`Operation`] by the level of its operand, for one entry of a batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    try_from = "BTreeMap<Operation, Curve>",
    into = "BTreeMap<Operation, Curve>"
)]
pub struct Costs {
    curves: BTreeMap<Operation, Curve>,
}

impl Costs {
    /// From a curve for each operation.
    ///
    /// # Errors
    /// [`CostError::Missing`].
    pub fn new(curves: BTreeMap<Operation, Curve>) -> Result<Self, CostError> {
        match Operation::ALL
            .into_iter()
            .find(|operation| !curves.contains_key(operation))
        {
            Some(missing) => Err(CostError::Missing(missing)),
            None => Ok(Self { curves }),
        }
    }

    /// Seconds of an operation on operands at `level`; of a refresh that gives it back.
    #[must_use]
    pub fn of(&self, operation: Operation, level: Level) -> f64 {
        self.curves
            .get(&operation)
            .map_or(0.0, |curve| curve.at(level))
    }

    /// Seconds of a program: the sum over its operations.
    #[must_use]
    pub fn seconds(&self, budget: &Budget) -> f64 {
        let counts = budget.counts().into_iter();
        counts
            .map(|((operation, level), times)| times as f64 * self.of(operation, level))
            .sum()
    }

    /// The same, but every refresh takes so many seconds more.
    #[must_use]
    pub fn with_slower_refreshes(mut self, seconds: f64) -> Self {
        for (operation, curve) in &mut self.curves {
            if operation.refreshes() {
                *curve = curve.plus(|_| seconds);
            }
        }
        self
    }

    /// The curve of an operation.
    #[must_use]
    pub fn curve(&self, operation: Operation) -> Option<&Curve> {
        self.curves.get(&operation)
    }

    /// What a parameter set costs about where nothing was measured: from counts of transforms, conversions and products, in
    /// seconds of one thread of an AVX-512 processor. They are right to about a half among each other; a calibration may
    /// choose another plan. `bootstraps` are what refreshes do, if the data owner does not do them.
    #[must_use]
    pub fn estimate(params: &Params, bootstraps: Option<&Budgets>) -> Self {
        let levels: Vec<Level> = (0..=params.top_level().0).map(Level).collect();
        let curve = |seconds: &dyn Fn(Level) -> f64| Curve {
            points: levels
                .iter()
                .map(|&level| (level, seconds(level)))
                .collect(),
        };
        let of = |level: Level| Estimate::of(params, level);
        let decomposition = |level: Level| of(level).decomposition();
        let hoisted =
            |level: Level| of(level).product() + of(level).down(params.ring().special().len());
        let key_switch = |level: Level| decomposition(level) + hoisted(level);
        let rescale = |level: Level| {
            let below = params.basis(Level(level.0.saturating_sub(1)));
            of(level).down(params.basis(level).difference(below).len())
        };
        let encode = |level: Level| of(level).encoding();
        let mut curves: BTreeMap<Operation, Curve> = Operation::ALL
            .into_iter()
            .map(|operation| {
                let curve = match operation {
                    Operation::Rotation | Operation::Conjugation => curve(&key_switch),
                    Operation::Decomposition => curve(&decomposition),
                    Operation::HoistedRotation => curve(&hoisted),
                    // The division by the outgoing limbs is one with that by the special ones.
                    Operation::Relinearization => {
                        curve(&|level| (key_switch(level) - rescale(level)).max(0.0))
                    }
                    Operation::TensorProduct => curve(&|level| of(level).passes(7)),
                    Operation::PlainProduct => curve(&|level| of(level).passes(5)),
                    Operation::ConstantProduct => curve(&|level| of(level).passes(4)),
                    Operation::Addition => curve(&|level| of(level).passes(6)),
                    Operation::Encoding => curve(&encode),
                    Operation::Rescale => curve(&rescale),
                    // Decrypted at a low level, encrypted where it is wanted.
                    Operation::Refresh | Operation::RealRefresh => {
                        curve(&|level| encode(Level(0)) + 3.0 * encode(level))
                    }
                };
                (operation, curve)
            })
            .collect();
        if let Some(Budgets { complex, real, .. }) = bootstraps {
            let known = Self {
                curves: curves.clone(),
            };
            for (operation, budget) in [
                (Operation::Refresh, complex),
                (Operation::RealRefresh, real),
            ] {
                curves.insert(operation, Curve::constant(known.seconds(budget)));
            }
        }
        Self { curves }
    }
}

impl TryFrom<BTreeMap<Operation, Curve>> for Costs {
    type Error = CostError;

    fn try_from(curves: BTreeMap<Operation, Curve>) -> Result<Self, CostError> {
        Self::new(curves)
    }
}

impl From<Costs> for BTreeMap<Operation, Curve> {
    fn from(costs: Costs) -> Self {
        costs.curves
    }
}

/// Seconds of a butterfly of a transform, of a product in a base conversion, of one with a key, and of a word that is read or
/// written: measured on one thread (README: 48 transforms in 4.7 ms, 12 to 36 limbs in 2.2 ms, key product in 14 ms).
const BUTTERFLY: f64 = 1.9e-10;
const CONVERSION: f64 = 0.8e-10;
const KEY_PRODUCT: f64 = 4.5e-10;
const WORD: f64 = 2.0e-10;
/// Of a butterfly in doubles.
const COMPLEX_BUTTERFLY: f64 = 4.0e-9;

/// Counts at a level.
struct Estimate {
    degree: f64,
    log_degree: f64,
    limbs: f64,
    special: f64,
    digits: f64,
}

impl Estimate {
    fn of(params: &Params, level: Level) -> Self {
        let ring = params.ring();
        Self {
            degree: params.degree() as f64,
            log_degree: f64::from(params.log_degree()),
            limbs: params.limbs_at(level) as f64,
            special: ring.special().len() as f64,
            digits: ring.digits().at(params.basis(level)).len() as f64,
        }
    }

    fn transforms(&self, limbs: f64) -> f64 {
        limbs * self.degree / 2.0 * self.log_degree * BUTTERFLY
    }

    fn conversion(&self, from: f64, to: f64) -> f64 {
        (from + 1.0) * to * self.degree * CONVERSION
    }

    /// Of one polynomial into all digits.
    fn decomposition(&self) -> f64 {
        let extended = self.digits * (self.limbs + self.special);
        self.transforms(self.limbs + extended - self.limbs)
            + self.digits * self.conversion(self.limbs / self.digits, self.limbs + self.special)
    }

    /// Of all digits with both halves of a key.
    fn product(&self) -> f64 {
        2.0 * self.digits * (self.limbs + self.special) * self.degree * KEY_PRODUCT
    }

    /// The division of two polynomials by so many limbs.
    fn down(&self, limbs: usize) -> f64 {
        let dropped = limbs as f64;
        2.0 * (self.transforms(dropped + self.limbs) + self.conversion(dropped, self.limbs))
    }

    /// So many limbs for each limb of the level read or written.
    fn passes(&self, limbs: usize) -> f64 {
        limbs as f64 * self.limbs * self.degree * WORD
    }

    fn encoding(&self) -> f64 {
        self.degree / 4.0 * self.log_degree * COMPLEX_BUTTERFLY
            + self.transforms(self.limbs)
            + self.passes(8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ckks::presets;

    #[test]
    fn lines_between_points_and_nothing_new_beyond() {
        let curve = Curve::new(vec![(Level(2), 1.0), (Level(4), 3.0), (Level(5), 9.0)]).unwrap();
        let seconds = [0, 2, 3, 4, 5, 7].map(|level| curve.at(Level(level)));
        assert_eq!(seconds, [1.0, 1.0, 2.0, 3.0, 9.0, 9.0]);
        for points in [
            vec![],
            vec![(Level(1), f64::NAN)],
            vec![(Level(1), -1.0)],
            vec![(Level(1), 1.0), (Level(1), 2.0)],
        ] {
            assert_eq!(Curve::new(points), Err(CostError::Curve));
        }
    }

    #[test]
    fn a_program_takes_its_counts_times_the_costs() {
        // Operation number i takes i + 1 seconds at level 0, and 10 more at level 2.
        let curves = (0..).zip(Operation::ALL).map(|(i, operation)| {
            let points = vec![(Level(0), f64::from(i + 1)), (Level(2), f64::from(i + 11))];
            (operation, Curve::new(points).unwrap())
        });
        let costs = Costs::new(curves.collect()).unwrap();
        let mut budget = Budget::default();
        budget.record(None, Operation::Rotation, [Level(0); 2], 3);
        budget.record(None, Operation::HoistedRotation, [Level(1); 2], 2);
        budget.record(None, Operation::Refresh, [Level(0), Level(2)], 1);
        assert_eq!(costs.seconds(&budget), 3.0 * 1.0 + 2.0 * 8.0 + 22.0);
        let some = BTreeMap::from([(Operation::Rotation, Curve::constant(1.0))]);
        let missing = Costs::new(some).unwrap_err();
        assert_eq!(missing, CostError::Missing(Operation::Decomposition));
    }

    #[test]
    fn estimates_grow_with_the_level() {
        for name in presets::NAMES {
            let params = presets::named(name).unwrap().unwrap();
            let costs = Costs::estimate(&params, None);
            let top = params.max_level();
            for operation in Operation::ALL {
                let (low, high) = (costs.of(operation, Level(1)), costs.of(operation, top));
                assert!(
                    low > 0.0 && high > low,
                    "{name}: {operation:?} {low} {high}"
                );
            }
        }
    }
}

//! Linear maps of slot vectors given by their diagonals, by baby and giant steps.
//!
//! `(M x)_i = sum over k of d_k[i] x_(i+k)`. With `k = g + b`, the baby steps `b` below the giant step are rotations of `x`
//! that share one decomposition, and each `g` costs one rotation of a sum: the diagonals of a giant step are stored
//! rotated back by `g`.

use std::collections::{BTreeMap, BTreeSet};

use num_complex::Complex64;

use super::Slots;
use super::places;
use crate::ckks::{EvalError, GiantStep, Level};
use crate::ring::Rotation;

/// How the rotations of a map are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotations {
    /// Each with a key of its own; baby steps share a decomposition.
    Hoisted,
    /// One after the other: two or three keys for a map, and about twice the time.
    Chained,
}

/// A linear map, prepared on a machine whose plain vectors are `P`.
#[derive(Clone, Debug)]
pub struct LinearMap<P> {
    babies: Vec<Rotation>,
    giants: Vec<GiantStep<P>>,
    rotations: Rotations,
}

impl<P: Clone> LinearMap<P> {
    /// The map with diagonals `d_k` for the given `k` (modulo the number of slots).
    ///
    /// The giant step is the power of two with the fewest key switches, and among those the one with more hoisted ones.
    ///
    /// # Errors
    /// [`EvalError::Empty`] without diagonals, [`EvalError::SlotCount`] for a diagonal of another length.
    pub fn new<S: Slots<Plain = P>>(
        machine: &S,
        diagonals: &BTreeMap<i32, Vec<Complex64>>,
    ) -> Result<Self, EvalError> {
        Self::build(machine.slots(), diagonals, |values| machine.plain(values))
    }

    /// The same map for vectors of one level, prepared now: less memory than [`new`](Self::new) takes in the end. Its
    /// rotations are hoisted.
    ///
    /// # Errors
    /// As [`new`](Self::new); those of encoding.
    pub fn at<S: Slots<Plain = P>>(
        machine: &S,
        diagonals: &BTreeMap<i32, Vec<Complex64>>,
        level: Level,
    ) -> Result<Self, EvalError> {
        let prepare = |values: &[Complex64]| machine.diagonal(values, level);
        Self::build(machine.slots(), diagonals, prepare)
    }

    fn build(
        slots: usize,
        diagonals: &BTreeMap<i32, Vec<Complex64>>,
        prepare: impl Fn(&[Complex64]) -> Result<P, EvalError>,
    ) -> Result<Self, EvalError> {
        let reduce = |k: i32| {
            let distance = k.unsigned_abs() as usize % slots;
            if k < 0 {
                (slots - distance) % slots
            } else {
                distance
            }
        };
        let distances: BTreeSet<usize> = diagonals.keys().map(|&k| reduce(k)).collect();
        let split = |giant: usize| -> (BTreeSet<usize>, BTreeSet<usize>) {
            (
                distances.iter().map(|k| k % giant).collect(),
                distances.iter().map(|k| k - k % giant).collect(),
            )
        };
        let cost = |giant: usize| {
            let (babies, giants) = split(giant);
            babies.iter().chain(&giants).filter(|&&k| k != 0).count()
        };
        let giant = (0..=slots.trailing_zeros())
            .rev()
            .map(|log| 1 << log)
            .min_by_key(|&giant| cost(giant))
            .unwrap_or(1);
        let babies: Vec<usize> = split(giant).0.into_iter().collect();
        let mut giants: BTreeMap<usize, Vec<(usize, P)>> = BTreeMap::new();
        for (&k, diagonal) in diagonals {
            if diagonal.len() != slots {
                let found = diagonal.len();
                return Err(EvalError::SlotCount {
                    op: "linear map",
                    found,
                    slots,
                });
            }
            let k = reduce(k);
            let (baby, step) = (k % giant, k - k % giant);
            let mut moved = diagonal.clone();
            moved.rotate_right(step);
            let place = babies.partition_point(|&b| b < baby);
            giants
                .entry(step)
                .or_default()
                .push((place, prepare(&moved)?));
        }
        if giants.is_empty() {
            return Err(EvalError::Empty { op: "linear map" });
        }
        let signed = |k: usize| {
            if k > slots / 2 {
                places(slots - k, -1)
            } else {
                places(k, 1)
            }
        };
        let mut giants: Vec<_> = giants.into_iter().map(|(k, d)| (signed(k), d)).collect();
        giants.sort_by_key(|(step, _)| *step);
        Ok(Self {
            babies: babies.into_iter().map(|k| places(k, 1)).collect(),
            giants,
            rotations: Rotations::Hoisted,
        })
    }

    /// The same map with its rotations made in another way.
    #[must_use]
    pub fn with(mut self, rotations: Rotations) -> Self {
        self.rotations = rotations;
        self
    }

    /// `M x`.
    ///
    /// # Cost
    /// One level; a hoisted rotation for each baby step and a rotation for each giant step but zero. Chained, as many
    /// rotations, none of them hoisted, and one more.
    ///
    /// # Errors
    /// [`EvalError::LevelExhausted`], [`EvalError::MissingRotation`].
    pub fn apply<S: Slots<Plain = P>>(
        &self,
        machine: &S,
        x: &S::Vector,
    ) -> Result<S::Vector, EvalError> {
        match self.rotations {
            Rotations::Hoisted => machine.linear_map(x, &self.babies, &self.giants),
            Rotations::Chained => self.apply_chained(machine, x),
        }
    }

    /// Baby steps one from the other; giant steps by Horner's rule, from the farthest to the left.
    fn apply_chained<S: Slots<Plain = P>>(
        &self,
        machine: &S,
        x: &S::Vector,
    ) -> Result<S::Vector, EvalError> {
        const EMPTY: EvalError = EvalError::Empty { op: "linear map" };
        let gap = common_step(self.babies.iter().copied());
        let mut steps = Vec::with_capacity(self.babies.len());
        let (mut moved, mut at) = (x.clone(), Rotation(0));
        for &baby in &self.babies {
            moved = chain(machine, &moved, gap, baby.0 - at.0)?;
            at = baby;
            steps.push(moved.clone());
        }
        let gap = common_step(
            self.giants
                .windows(2)
                .map(|pair| Rotation(pair[1].0.0 - pair[0].0.0)),
        );
        let mut total: Option<(S::Vector, Rotation)> = None;
        for (giant, diagonals) in self.giants.iter().rev() {
            let terms = diagonals
                .iter()
                .map(|(baby, d)| Ok((steps.get(*baby).ok_or(EMPTY)?, d)));
            let sum = machine.dot_plain(&terms.collect::<Result<Vec<_>, EvalError>>()?)?;
            total = Some(match total {
                None => (sum, *giant),
                Some((total, at)) => {
                    let total = chain(machine, &total, gap, at.0 - giant.0)?;
                    (machine.add(&total, &sum)?, *giant)
                }
            });
        }
        let (total, last) = total.ok_or(EMPTY)?;
        machine.rotate(&total, last)
    }
}

/// The largest step that all distances are multiples of.
fn common_step(distances: impl Iterator<Item = Rotation>) -> Rotation {
    fn gcd(a: u32, b: u32) -> u32 {
        if b == 0 { a } else { gcd(b, a % b) }
    }
    let step = distances.fold(0, |step, by| gcd(step, by.0.unsigned_abs()));
    Rotation(step.cast_signed())
}

/// The rotation by `distance`, a multiple of `step`, one step after the other.
fn chain<S: Slots>(
    machine: &S,
    x: &S::Vector,
    step: Rotation,
    distance: i32,
) -> Result<S::Vector, EvalError> {
    let mut x = x.clone();
    for _ in 0..distance.checked_div(step.0).unwrap_or(0) {
        x = machine.rotate(&x, step)?;
    }
    Ok(x)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::circuits::{Clear, Operation};

    fn value(seed: usize, i: usize) -> Complex64 {
        let x = (seed * 31 + i * 17) as f64;
        Complex64::new(x.sin(), (1.7 * x).cos())
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(keys in prop::collection::btree_set(-128i32..128, 1..20)) {
            let machine = Clear::exact(128);
            let diagonals: BTreeMap<i32, Vec<Complex64>> = keys
                .iter()
                .enumerate()
                .map(|(seed, &k)| (k, (0..128).map(|i| value(seed, i)).collect()))
                .collect();
            let x: Vec<Complex64> = (0..128).map(|i| value(99, i)).collect();
            let want: Vec<Complex64> = (0..128)
                .map(|i| {
                    let at = |k: i32| (i + k).rem_euclid(128) as usize;
                    diagonals.iter().map(|(&k, d)| d[at(0)] * x[at(k)]).sum()
                })
                .collect();
            let map = LinearMap::new(&machine, &diagonals).unwrap();
            let x = machine.vector(&[x], Level(1)).unwrap();
            for rotations in [Rotations::Hoisted, Rotations::Chained] {
                let y = map.clone().with(rotations).apply(&machine, &x).unwrap();
                prop_assert_eq!(machine.level(&y), Level(0));
                for (found, want) in machine.values(&y)[0].iter().zip(&want) {
                    prop_assert!((found - want).norm() < 1e-12);
                }
            }
        }
    }

    #[test]
    fn a_dense_map_takes_two_roots_of_key_switches() {
        let machine = Clear::exact(64);
        let diagonals = (0..64).map(|k| (k, vec![Complex64::ONE; 64])).collect();
        let map = LinearMap::new(&machine, &diagonals).unwrap();
        let x = machine
            .vector(&[vec![Complex64::ONE; 64]], Level(1))
            .unwrap();
        map.apply(&machine, &x).unwrap();
        let budget = machine.take_budget();
        assert_eq!(budget.count(Operation::HoistedRotation), 7);
        assert_eq!(budget.count(Operation::Rotation), 7);
        assert_eq!(budget.rotations().len(), 14);
        map.with(Rotations::Chained).apply(&machine, &x).unwrap();
        let budget = machine.take_budget();
        assert_eq!(budget.key_switches(), 15);
        assert!(budget.rotations().len() <= 3);
    }
}

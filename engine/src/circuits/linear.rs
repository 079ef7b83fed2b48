//! Linear maps of slot vectors given by their diagonals, by baby and giant steps.
//!
//! `(M x)_i = sum over k of d_k[i] x_(i+k)`. With `k = g + b`, the baby steps `b` below the giant step are rotations of `x`
//! that share one decomposition, and each `g` costs one rotation of a sum: the diagonals of a giant step are stored
//! rotated back by `g`.

use std::collections::{BTreeMap, BTreeSet};

use num_complex::Complex64;

use super::Slots;
use super::places;
use crate::ckks::{EvalError, GiantStep};
use crate::ring::Rotation;

/// A linear map, prepared on a machine whose plain vectors are `P`.
#[derive(Clone, Debug)]
pub struct LinearMap<P> {
    babies: Vec<Rotation>,
    giants: Vec<GiantStep<P>>,
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
        let slots = machine.slots();
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
                .push((place, machine.plain(&moved)?));
        }
        if giants.is_empty() {
            return Err(EvalError::Empty { op: "linear map" });
        }
        let left = |distance: usize| places(distance, 1);
        Ok(Self {
            babies: babies.into_iter().map(left).collect(),
            giants: giants.into_iter().map(|(k, d)| (left(k), d)).collect(),
        })
    }

    /// `M x`.
    ///
    /// # Cost
    /// One level; a hoisted rotation for each baby step and a rotation for each giant step but zero.
    ///
    /// # Errors
    /// [`EvalError::LevelExhausted`], [`EvalError::MissingRotation`].
    pub fn apply<S: Slots<Plain = P>>(
        &self,
        machine: &S,
        x: &S::Vector,
    ) -> Result<S::Vector, EvalError> {
        machine.linear_map(x, &self.babies, &self.giants)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::circuits::{Clear, Operation};
    use crate::ckks::Level;

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
            let y = map.apply(&machine, &machine.vector(&[x], Level(1)).unwrap()).unwrap();
            prop_assert_eq!(machine.level(&y), Level(0));
            for (found, want) in machine.values(&y)[0].iter().zip(want) {
                prop_assert!((found - want).norm() < 1e-12);
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
    }
}

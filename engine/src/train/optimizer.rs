//! Nesterov's update on the packed state.

use crate::circuits::matmul::{Gradient, state_rows};
use crate::circuits::packing::{Layout, WeightSet};
use crate::circuits::{Slots, places};
use crate::ckks::EvalError;

/// Levels of [`update`].
pub(super) const DEPTH: usize = 1;

/// `gamma` of step number `step`, counted from zero: see the module head of [`train`](super).
#[must_use]
pub fn momentum(step: usize) -> f64 {
    let next = |lambda: f64| f64::midpoint(1.0, (1.0 + 4.0 * lambda * lambda).sqrt());
    let lambda = (0..step).fold(1.0, |lambda, _| next(lambda));
    (1.0 - lambda) / next(lambda)
}

/// The next state: `W' = V - rate G` and `V' = (1 - gamma) W' + gamma W`.
///
/// `W` and `V` are neighbouring rows, so each sees the other by a rotation by one, and so do the two parts of the
/// gradient. All products by masks are one sum; `rate` and `gamma` are in the masks.
///
/// # Cost
/// One level; two hoisted rotations for each unit and for each vector of the state.
///
/// # Errors
/// Those of the machine.
pub(super) fn update<S: Slots>(
    machine: &S,
    layout: &Layout,
    state: &S::Vector,
    gradient: &Gradient<S::Vector>,
    rate: f64,
    gamma: f64,
) -> Result<S::Vector, EvalError> {
    let neighbours = [places(1, 1), places(1, -1)];
    let level = gradient.units.iter().map(|sums| machine.level(sums)).min();
    let level = level
        .ok_or(EvalError::Empty { op: "update" })?
        .min(machine.level(state));
    let state = machine.lower(state, level)?;
    let moved = machine.rotate_many(&state, &neighbours)?;
    let [after, before] = moved.as_slice() else {
        return Err(EvalError::Empty { op: "rotate_many" });
    };
    let rows = |even: f64, odd: f64| {
        machine.plain(&layout.tile(|row, _| if row % 2 == 0 { even } else { odd }))
    };
    let state_masks = [rows(1.0, 0.0)?, rows(0.0, 1.0 - gamma)?, rows(0.0, gamma)?];
    let mut vectors = Vec::with_capacity(layout.state_vectors());
    for index in 0..layout.state_vectors() {
        let mut terms = Vec::new();
        for (source, mask) in [after, &state, before].into_iter().zip(&state_masks) {
            terms.push((machine.entries(source, index..index + 1)?, mask.clone()));
        }
        for (unit, sums) in layout.units().into_iter().zip(&gradient.units) {
            if unit.vector != index {
                continue;
            }
            let parts = machine.rotate_many(sums, &neighbours)?;
            let factors = [
                (WeightSet::Weights, rate),
                (WeightSet::LookAhead, (1.0 - gamma) * rate),
            ];
            for (part, (set, rate)) in parts.iter().zip(factors) {
                let mask = state_rows(layout, unit.pair, set, unit.tile.is_some(), -rate);
                terms.push((machine.add(sums, part)?, machine.plain(&mask)?));
            }
        }
        let terms: Vec<(&S::Vector, &S::Plain)> = terms.iter().map(|(v, mask)| (v, mask)).collect();
        vectors.push(machine.dot_plain(&terms)?);
    }
    machine.stack(&vectors.iter().collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn momentum_is_the_known_sequence() {
        // lambda = 1, 1.618, 2.194: gamma = 0, -0.618/2.194, ...
        assert!(momentum(0).abs() < 1e-15);
        assert!((momentum(1) + 0.281753525).abs() < 1e-6);
        assert!((1..50).all(|t| momentum(t + 1) < momentum(t) && momentum(t) > -1.0));
    }
}

//! From the compact state to weights in use.

use super::super::reduce::{Comb, shifts};
use super::{Matmul, Slots, WeightSet};
use crate::circuits::Phase;
use crate::ckks::EvalError;

/// Weights in use: each complex diagonal of each tile, the same in all rows.
#[derive(Clone, Debug)]
pub struct Diagonals<V> {
    /// By diagonal, then by tile.
    pub(super) weights: Vec<Vec<V>>,
    /// A quarter of the scale of the logits times the bias, as diagonal 0 of a tile.
    pub(super) bias: V,
}

impl<P: Clone> Matmul<P> {
    /// Levels of [`expand`](Self::expand).
    #[must_use]
    pub fn expand_depth(&self) -> usize {
        if self.layout.groups() > 1 { 2 } else { 1 }
    }

    /// One weight set of the state, spread over all rows.
    ///
    /// A pair's row is first spread in its group. Then diagonal `k` in group `g` is group `k` seen from there, a rotation by
    /// `k - g` groups; these rotations are the same for all diagonals, so each unit makes them once, hoisted.
    ///
    /// # Cost
    /// [`expand_depth`](Self::expand_depth) levels. For each unit `log2` of a group's height and `2(K' - 1)` hoisted key
    /// switches; `log2 h` for the bias.
    ///
    /// # Errors
    /// Those of the machine.
    pub fn expand<S: Slots<Plain = P>>(
        &self,
        machine: &S,
        state: &S::Vector,
        set: WeightSet,
    ) -> Result<Diagonals<S::Vector>, EvalError> {
        machine.within(Phase::Spreading, || self.diagonals(machine, state, set))
    }

    fn diagonals<S: Slots<Plain = P>>(
        &self,
        machine: &S,
        state: &S::Vector,
        set: WeightSet,
    ) -> Result<Diagonals<S::Vector>, EvalError> {
        let layout = &self.layout;
        let masks = match set {
            WeightSet::Weights => &self.weights,
            WeightSet::LookAhead => &self.look_ahead,
        };
        let vectors: Vec<S::Vector> = (0..layout.state_vectors())
            .map(|index| machine.entries(state, index..index + 1))
            .collect::<Result<_, _>>()?;
        let mut weights = vec![Vec::new(); layout.diagonals()];
        let mut bias = None;
        for unit in layout.units() {
            let row = 2 * unit.pair + set.row();
            let vector = &vectors[unit.vector];
            if unit.tile.is_none() {
                let rows = machine.mul_plain(vector, &masks.bias)?;
                let all = Comb {
                    stride: 1,
                    count: layout.height(),
                };
                bias = Some(all.spread_from(machine, &rows, row)?);
                continue;
            }
            let rows = machine.mul_plain(vector, &masks.pairs[unit.pair])?;
            let group = Comb {
                stride: 1,
                count: layout.group_height(),
            };
            let spread = group.spread_from(machine, &rows, row)?;
            for (k, diagonal) in self
                .spread_groups(machine, &spread)?
                .into_iter()
                .enumerate()
            {
                weights[unit.first_diagonal + k].push(diagonal);
            }
        }
        let bias = bias.ok_or(EvalError::Empty { op: "expand" })?;
        Ok(Diagonals { weights, bias })
    }

    /// For each group the vector that has it in all groups.
    fn spread_groups<S: Slots<Plain = P>>(
        &self,
        machine: &S,
        x: &S::Vector,
    ) -> Result<Vec<S::Vector>, EvalError> {
        let groups = self.groups.len();
        if groups == 1 {
            return Ok(vec![x.clone()]);
        }
        let reach = groups.cast_signed() - 1;
        let moved = shifts(machine, x, self.layout.group_height(), -reach..=reach)?;
        let from_group = |k: usize| {
            let terms: Vec<(&S::Vector, &P)> = (0..groups)
                .map(|g| (&moved[k + groups - 1 - g], &self.groups[g]))
                .collect();
            machine.dot_plain(&terms)
        };
        (0..groups).map(from_group).collect()
    }
}

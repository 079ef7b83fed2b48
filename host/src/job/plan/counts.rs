//! How often a training does what.

use std::collections::BTreeMap;

use engine::circuits::{Budget, Costs, Operation, Phase};
use engine::ckks::Level;

use crate::job::OperationCount;

/// What the parts outside the phases of a step are called.
pub(super) const FORWARD: &str = "scores: forward pass";
pub(super) const SCORES: &str = "scores: what follows it";
pub(super) const MERGING: &str = "merging";
pub(super) const VALIDATION: &str = "validation";
const OTHERS: &str = "others";

/// Operations by part, kind and level; refreshes by the level given back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts(BTreeMap<(&'static str, Operation, Level), u64>);

impl Counts {
    /// Adds all of another, so many times.
    pub(super) fn add(&mut self, other: &Self, times: usize) {
        for (&key, &count) in &other.0 {
            *self.0.entry(key).or_default() += count * times as u64;
        }
    }

    /// Adds a budget of one part.
    pub(super) fn add_part(&mut self, part: &'static str, budget: &Budget) {
        for ((operation, level), times) in budget.counts() {
            *self.0.entry((part, operation, level)).or_default() += times;
        }
    }

    /// Adds a budget of steps by its phases.
    pub(super) fn add_step(&mut self, budget: &Budget) {
        for passage in budget.passages() {
            let part = passage.phase.map_or(OTHERS, |phase| phase.name());
            for (&(operation, level), &times) in &passage.counts {
                *self.0.entry((part, operation, level)).or_default() += times;
            }
        }
    }

    /// Adds the refreshes of so many ciphertexts to this level, in the phase of refreshes.
    pub(super) fn add_refreshes(&mut self, level: Level, ciphertexts: usize) {
        let key = (Phase::Refresh.name(), Operation::Refresh, level);
        *self.0.entry(key).or_default() += ciphertexts as u64;
    }

    /// The operations of a part.
    pub(super) fn of(&self, part: &str) -> impl Iterator<Item = (Operation, Level, u64)> {
        let rows = self.0.iter().filter(move |((of, ..), _)| *of == part);
        rows.map(|(&(_, operation, level), &count)| (operation, level, count))
    }

    /// What a part takes.
    pub(super) fn seconds(&self, part: &str, costs: &Costs) -> f64 {
        let seconds = |(operation, level, count)| count as f64 * costs.of(operation, level);
        self.of(part).map(seconds).sum()
    }

    /// Key switches of a part.
    pub(super) fn key_switches(&self, part: &str) -> u64 {
        let switching = self.of(part).filter(|row| row.0.switches_key());
        switching.map(|row| row.2).sum()
    }

    /// Ciphertexts that a part refreshes.
    pub(super) fn refreshes(&self, part: &str) -> u64 {
        let refreshing = self.of(part).filter(|row| row.0.refreshes());
        refreshing.map(|row| row.2).sum()
    }

    /// Every part, in the order of [`parts`].
    pub(super) fn rows(&self, costs: &Costs) -> Vec<OperationCount> {
        let of_part = |part: &'static str| {
            self.of(part)
                .map(move |(operation, level, count)| OperationCount {
                    phase: part,
                    operation,
                    level: level.0,
                    count,
                    seconds: count as f64 * costs.of(operation, level),
                })
        };
        parts().flat_map(of_part).collect()
    }
}

/// The phases of steps.
pub(super) fn step_parts() -> impl Iterator<Item = &'static str> {
    let phases = Phase::ALL.into_iter();
    phases.map(|phase| phase.name()).chain([OTHERS])
}

/// The phases of steps, and what is done between steps.
pub(super) fn parts() -> impl Iterator<Item = &'static str> {
    step_parts().chain([FORWARD, SCORES, MERGING, VALIDATION])
}

//! What a program over slot vectors needs: operations, keys, levels.
//!
//! A dry run on [`Clear`](super::Clear) makes one. The key generator then makes exactly the keys it lists, each up to
//! the highest level it is used at.

use std::collections::BTreeMap;

use super::{Parts, Phase};
use crate::ckks::Level;
use crate::ring::Rotation;

/// An operation with a cost of its own.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// A rotation with a decomposition of its own: one key switch.
    Rotation,
    /// The decomposition that hoisted rotations of a vector share.
    Decomposition,
    /// A rotation that shares its decomposition with others of the same vector.
    HoistedRotation,
    /// A complex conjugation: one key switch.
    Conjugation,
    /// The relinearization of a sum of products: one key switch. The rescale that follows is counted apart.
    Relinearization,
    /// A product of two vectors, before relinearization.
    TensorProduct,
    /// A product by a known vector.
    PlainProduct,
    /// A product by one number in all slots.
    ConstantProduct,
    /// A sum or difference of two vectors, or a product by a small integer or the imaginary unit.
    Addition,
    /// The encoding of a known vector at a level it has not been used at.
    Encoding,
    /// A division by the last scale, one level down.
    Rescale,
    /// A refresh, by the data owner or by bootstrapping; its level is the one that it gives back.
    Refresh,
    /// A refresh of a real vector.
    RealRefresh,
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Rotation,
        Self::Decomposition,
        Self::HoistedRotation,
        Self::Conjugation,
        Self::Relinearization,
        Self::TensorProduct,
        Self::PlainProduct,
        Self::ConstantProduct,
        Self::Addition,
        Self::Encoding,
        Self::Rescale,
        Self::Refresh,
        Self::RealRefresh,
    ];

    /// That of refreshing such vectors.
    #[must_use]
    pub const fn refresh(parts: Parts) -> Self {
        match parts {
            Parts::Real => Self::RealRefresh,
            Parts::Complex => Self::Refresh,
        }
    }

    /// Whether it gives levels back.
    #[must_use]
    pub const fn refreshes(self) -> bool {
        matches!(self, Self::Refresh | Self::RealRefresh)
    }

    /// What many of them are called.
    #[must_use]
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Rotation => "rotations",
            Self::Decomposition => "shared decompositions",
            Self::HoistedRotation => "hoisted rotations",
            Self::Conjugation => "conjugations",
            Self::Relinearization => "relinearizations",
            Self::TensorProduct => "tensor products",
            Self::PlainProduct => "plaintext products",
            Self::ConstantProduct => "constant products",
            Self::Addition => "additions",
            Self::Encoding => "encodings",
            Self::Rescale => "rescales",
            Self::Refresh => "refreshes",
            Self::RealRefresh => "refreshes of real vectors",
        }
    }

    /// Whether the operation switches keys.
    #[must_use]
    pub const fn switches_key(self) -> bool {
        matches!(
            self,
            Self::Rotation | Self::HoistedRotation | Self::Conjugation | Self::Relinearization
        )
    }
}

/// The operations of a program by level, and the keys they need. Counts are per entry of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    passages: Vec<Passage>,
    rotations: BTreeMap<Rotation, Level>,
}

/// What a program does without changing its phase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage {
    /// The phase; none for operations outside all of them.
    pub phase: Option<Phase>,
    /// Operations by kind and level of the operand; refreshes by the level given back.
    pub counts: BTreeMap<(Operation, Level), u64>,
    /// The highest level of an operand.
    pub highest: Level,
    /// The lowest level of a result; after a refresh, the level given back.
    pub lowest: Level,
}

impl Passage {
    /// Key switches.
    #[must_use]
    pub fn key_switches(&self) -> u64 {
        let counts = self.counts.iter();
        let switching = counts.filter(|((operation, _), _)| operation.switches_key());
        switching.map(|(_, &times)| times).sum()
    }
}

impl Budget {
    /// Adds `times` operations of a phase on operands at `from`, whose results are at `to`. Refreshes are counted at `to`.
    pub fn record(
        &mut self,
        phase: Option<Phase>,
        operation: Operation,
        [from, to]: [Level; 2],
        times: usize,
    ) {
        if times == 0 {
            return;
        }
        let key = match operation {
            Operation::Refresh | Operation::RealRefresh => (operation, to),
            _ => (operation, from),
        };
        match self.passages.last_mut() {
            Some(last) if last.phase == phase => {
                last.highest = last.highest.max(from);
                last.lowest = last.lowest.min(to);
                *last.counts.entry(key).or_default() += times as u64;
            }
            _ => self.passages.push(Passage {
                phase,
                counts: BTreeMap::from([(key, times as u64)]),
                highest: from,
                lowest: to,
            }),
        }
    }

    /// Notes that the key of a rotation is used at `level`. The rotation is the one of smallest size among those
    /// that do the same; the caller sees to that.
    pub fn record_rotation(&mut self, rotation: Rotation, level: Level) {
        let highest = self.rotations.entry(rotation).or_insert(level);
        *highest = level.max(*highest);
    }

    /// Adds what another program needs.
    pub fn merge(&mut self, other: &Self) {
        self.passages.extend_from_slice(&other.passages);
        for (&rotation, &level) in &other.rotations {
            self.record_rotation(rotation, level);
        }
    }

    /// What is done in one phase after the other.
    #[must_use]
    pub fn passages(&self) -> &[Passage] {
        &self.passages
    }

    /// Operations by kind and level of the operand; refreshes by the level given back.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<(Operation, Level), u64> {
        let mut counts = BTreeMap::new();
        for (&key, &times) in self.passages.iter().flat_map(|passage| &passage.counts) {
            *counts.entry(key).or_default() += times;
        }
        counts
    }

    /// The same of one phase alone.
    #[must_use]
    pub fn counts_in(&self, phase: Phase) -> BTreeMap<(Operation, Level), u64> {
        let passages = self.passages.iter();
        let of_phase = passages.filter(|passage| passage.phase == Some(phase));
        Self {
            passages: of_phase.cloned().collect(),
            rotations: BTreeMap::new(),
        }
        .counts()
    }

    /// Operations of one kind, at all levels.
    #[must_use]
    pub fn count(&self, operation: Operation) -> u64 {
        let of_kind = |(&(kind, _), &times): (&(Operation, Level), &u64)| {
            (kind == operation).then_some(times)
        };
        let counts = self.passages.iter().flat_map(|passage| &passage.counts);
        counts.filter_map(of_kind).sum()
    }

    /// Rotations (hoisted ones too), conjugations and relinearizations, at all levels.
    #[must_use]
    pub fn key_switches(&self) -> u64 {
        self.passages.iter().map(Passage::key_switches).sum()
    }

    /// Rotations used, each with the highest level it is used at.
    #[must_use]
    pub const fn rotations(&self) -> &BTreeMap<Rotation, Level> {
        &self.rotations
    }

    /// The highest level of a conjugation.
    #[must_use]
    pub fn conjugation(&self) -> Option<Level> {
        self.highest_of(Operation::Conjugation)
    }

    /// The highest level of a relinearization.
    #[must_use]
    pub fn relinearization(&self) -> Option<Level> {
        self.highest_of(Operation::Relinearization)
    }

    /// Levels between the highest operand and the lowest result, refreshes apart.
    #[must_use]
    pub fn depth(&self) -> usize {
        let passages = self.passages.iter();
        let passages = passages.filter(|passage| passage.phase != Some(Phase::Refresh));
        let ends = passages.map(|passage| (passage.highest.0, passage.lowest.0));
        let all = ends.reduce(|(a, b), (c, d)| (a.max(c), b.min(d)));
        all.map_or(0, |(highest, lowest)| highest - lowest)
    }

    fn highest_of(&self, operation: Operation) -> Option<Level> {
        let counts = self.passages.iter().flat_map(|passage| &passage.counts);
        counts
            .filter_map(|(&(kind, level), _)| (kind == operation).then_some(level))
            .max()
    }
}

impl std::fmt::Display for Budget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} key switches", self.key_switches())?;
        for operation in Operation::ALL {
            let (times, name) = (self.count(operation), operation.plural());
            write!(f, ", {times} {name}")?;
        }
        write!(
            f,
            ", {} rotation keys, {} levels",
            self.rotations.len(),
            self.depth()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_highest_level_of_a_key() {
        let mut budget = Budget::default();
        let same = |level| [Level(level); 2];
        budget.record(None, Operation::Rotation, same(3), 2);
        budget.record_rotation(Rotation(4), Level(3));
        budget.record(None, Operation::Rotation, same(5), 1);
        budget.record_rotation(Rotation(4), Level(5));
        budget.record(None, Operation::Rescale, [Level(3), Level(2)], 1);
        let mut twice = budget.clone();
        twice.merge(&budget);
        assert_eq!(budget.count(Operation::Rotation), 3);
        assert_eq!(twice.key_switches(), 6);
        assert_eq!(twice.rotations()[&Rotation(4)], Level(5));
        assert_eq!(twice.depth(), 3);
        assert_eq!(twice.conjugation(), None);
    }

    #[test]
    fn passages_divide_what_is_done() {
        let mut budget = Budget::default();
        let (logits, refresh) = (Some(Phase::Logits), Some(Phase::Refresh));
        budget.record(logits, Operation::Relinearization, [Level(4); 2], 3);
        budget.record(logits, Operation::Rescale, [Level(4), Level(3)], 3);
        budget.record(refresh, Operation::Refresh, [Level(3), Level(9)], 1);
        budget.record(logits, Operation::Rotation, [Level(5); 2], 2);
        let passages = budget.passages();
        let phases: Vec<_> = passages.iter().map(|passage| passage.phase).collect();
        assert_eq!(phases, [logits, refresh, logits]);
        assert_eq!(passages[0].key_switches(), 3);
        let ends = [passages[1].highest, passages[1].lowest];
        assert_eq!(ends, [Level(3), Level(9)]);
        assert_eq!(budget.counts_in(Phase::Logits).values().sum::<u64>(), 8);
        assert_eq!(budget.counts_in(Phase::Refresh).len(), 1);
        assert_eq!(budget.counts().values().sum::<u64>(), 9);
        assert_eq!(budget.depth(), 2);
    }
}

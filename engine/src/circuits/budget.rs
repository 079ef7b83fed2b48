//! What a program over slot vectors needs: operations, keys, levels.
//!
//! A dry run on [`Clear`](super::Clear) makes one. The key generator then makes exactly the keys it lists, each up to
//! the highest level it is used at.

use std::collections::BTreeMap;

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
    /// The relinearisation of a sum of products: one key switch. The rescale that follows is counted apart.
    Relinearization,
    /// A product of two vectors, before relinearisation.
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
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 12] = [
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
    ];

    /// What many of them are called.
    #[must_use]
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Rotation => "rotations",
            Self::Decomposition => "shared decompositions",
            Self::HoistedRotation => "hoisted rotations",
            Self::Conjugation => "conjugations",
            Self::Relinearization => "relinearisations",
            Self::TensorProduct => "tensor products",
            Self::PlainProduct => "plaintext products",
            Self::ConstantProduct => "constant products",
            Self::Addition => "additions",
            Self::Encoding => "encodings",
            Self::Rescale => "rescales",
            Self::Refresh => "refreshes",
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
    counts: BTreeMap<(Operation, Level), u64>,
    rotations: BTreeMap<Rotation, Level>,
    highest: Option<Level>,
    lowest: Option<Level>,
}

impl Budget {
    /// Adds `times` operations on operands at `level`.
    pub fn record(&mut self, operation: Operation, level: Level, times: usize) {
        if times == 0 {
            return;
        }
        *self.counts.entry((operation, level)).or_default() += times as u64;
        if operation != Operation::Refresh {
            let left = match operation {
                Operation::Rescale => Level(level.0.saturating_sub(1)),
                _ => level,
            };
            self.highest = self.highest.max(Some(level));
            self.lowest = Some(self.lowest.map_or(left, |lowest| lowest.min(left)));
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
        for (&key, &times) in &other.counts {
            *self.counts.entry(key).or_default() += times;
        }
        for (&rotation, &level) in &other.rotations {
            self.record_rotation(rotation, level);
        }
        self.highest = self.highest.max(other.highest);
        self.lowest = match (self.lowest, other.lowest) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }

    /// Operations by kind and level of the operand.
    #[must_use]
    pub const fn counts(&self) -> &BTreeMap<(Operation, Level), u64> {
        &self.counts
    }

    /// Operations of one kind, at all levels.
    #[must_use]
    pub fn count(&self, operation: Operation) -> u64 {
        let of_kind = |(&(kind, _), &times): (&(Operation, Level), &u64)| {
            (kind == operation).then_some(times)
        };
        self.counts.iter().filter_map(of_kind).sum()
    }

    /// Rotations (hoisted ones too), conjugations and relinearisations, at all levels.
    #[must_use]
    pub fn key_switches(&self) -> u64 {
        self.counts
            .iter()
            .filter(|((operation, _), _)| operation.switches_key())
            .map(|(_, &times)| times)
            .sum()
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

    /// The highest level of a relinearisation.
    #[must_use]
    pub fn relinearization(&self) -> Option<Level> {
        self.highest_of(Operation::Relinearization)
    }

    /// Levels between the highest operand and the lowest result, refreshes apart.
    #[must_use]
    pub fn depth(&self) -> usize {
        match (self.highest, self.lowest) {
            (Some(Level(highest)), Some(Level(lowest))) => highest - lowest,
            _ => 0,
        }
    }

    fn highest_of(&self, operation: Operation) -> Option<Level> {
        self.counts
            .keys()
            .filter_map(|&(kind, level)| (kind == operation).then_some(level))
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
        budget.record(Operation::Rotation, Level(3), 2);
        budget.record_rotation(Rotation(4), Level(3));
        budget.record(Operation::Rotation, Level(5), 1);
        budget.record_rotation(Rotation(4), Level(5));
        budget.record(Operation::Rescale, Level(3), 1);
        let mut twice = budget.clone();
        twice.merge(&budget);
        assert_eq!(budget.count(Operation::Rotation), 3);
        assert_eq!(twice.key_switches(), 6);
        assert_eq!(twice.rotations()[&Rotation(4)], Level(5));
        assert_eq!(twice.depth(), 3);
        assert_eq!(twice.conjugation(), None);
    }
}

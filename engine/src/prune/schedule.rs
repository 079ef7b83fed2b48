//! When samples are chosen anew, and how long an epoch is then.

/// When a training prunes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PruneSchedule {
    /// Epochs on all samples, before anything is pruned.
    pub warmup: usize,
    /// Epochs between two choices, at least one.
    pub every: usize,
    /// Whether the training goes on from a model, so that there is something to choose the first samples by.
    #[serde(default)]
    pub trained: bool,
}

/// A choice of samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Round {
    /// Counted from zero.
    pub number: usize,
    /// Whether there is anything to choose by: before the first step from nothing the weights are zero, all samples are
    /// equally hard, and a random choice is the same without a message.
    pub scored: bool,
}

impl PruneSchedule {
    /// The choice that holds in an epoch, counted from zero; nothing during the warm-up.
    #[must_use]
    pub fn round(&self, epoch: usize) -> Option<Round> {
        let since = epoch.checked_sub(self.warmup)?;
        Some(self.number(since / self.every.max(1)))
    }

    /// The round with this number.
    #[must_use]
    pub const fn number(&self, number: usize) -> Round {
        Round {
            number,
            scored: number > 0 || self.warmup > 0 || self.trained,
        }
    }

    /// Rounds of so many epochs.
    #[must_use]
    pub fn rounds(&self, epochs: usize) -> usize {
        let last = epochs.checked_sub(1).and_then(|last| self.round(last));
        last.map_or(0, |round| round.number + 1)
    }

    /// Those of them that need scores.
    #[must_use]
    pub fn scorings(&self, epochs: usize) -> usize {
        let rounds = 0..self.rounds(epochs);
        rounds.filter(|&number| self.number(number).scored).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_follow_the_warm_up() {
        let schedule = PruneSchedule {
            warmup: 2,
            every: 3,
            trained: false,
        };
        let rounds: Vec<_> = (0..9).map(|epoch| schedule.round(epoch)).collect();
        let number = |number| Some(schedule.number(number));
        assert_eq!(rounds[..2], [None, None]);
        assert_eq!(rounds[2..5], [number(0); 3]);
        assert_eq!(rounds[5..8], [number(1); 3]);
        assert_eq!(rounds[8], number(2));
        assert!(schedule.number(0).scored);
        assert_eq!((schedule.rounds(8), schedule.scorings(8)), (2, 2));
        let at_once = PruneSchedule {
            warmup: 0,
            every: 5,
            trained: false,
        };
        assert_eq!((at_once.rounds(14), at_once.scorings(14)), (3, 2));
        let again = PruneSchedule {
            trained: true,
            ..at_once
        };
        assert_eq!((again.rounds(14), again.scorings(14)), (3, 3));
        assert_eq!((schedule.rounds(2), schedule.rounds(0)), (0, 0));
    }
}

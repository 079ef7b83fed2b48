//! Which step is on which batch.

use engine::circuits::activation::ActivationChoice;
use engine::prune::{PruneSchedule, Round};

use super::JobError;
use super::task::{DEFAULT_STEPS, default_learning_rate};

/// The most epochs.
const MAX_EPOCHS: usize = 1 << 20;
/// The largest learning rate.
const MAX_LEARNING_RATE: f64 = 1e3;

/// How long and how fast a training is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    pub(super) epochs: usize,
    /// Of all samples.
    pub(super) batches: usize,
    pub(super) learning_rate: f64,
    /// When samples are chosen, and the batches of those.
    pub(super) pruned: Option<(PruneSchedule, usize)>,
}

impl Schedule {
    /// Where no number of epochs is chosen, they are so many that a training which chooses samples by `rounds` does so twice.
    pub(super) fn new(
        epochs: Option<usize>,
        learning_rate: Option<f64>,
        batches: usize,
        activation: ActivationChoice,
        rounds: Option<PruneSchedule>,
    ) -> Result<Self, JobError> {
        let twice = rounds.map_or(0, |rounds| {
            let choices = rounds.every.saturating_mul(2);
            rounds.warmup.saturating_add(choices)
        });
        let epochs = epochs.unwrap_or_else(|| DEFAULT_STEPS.div_ceil(batches.max(1)).max(twice));
        if !(1..=MAX_EPOCHS).contains(&epochs) {
            let range = format!("from 1 to {MAX_EPOCHS}");
            return Err(JobError::option("the number of epochs", epochs, range));
        }
        let learning_rate = learning_rate.unwrap_or(default_learning_rate(activation));
        if !(learning_rate > 0.0 && learning_rate <= MAX_LEARNING_RATE) {
            let range = format!("above 0 and at most {MAX_LEARNING_RATE}");
            return Err(JobError::option("the learning rate", learning_rate, range));
        }
        Ok(Self {
            epochs,
            batches,
            learning_rate,
            pruned: None,
        })
    }

    /// The same, with choices of samples that leave so many batches of merged ones.
    pub(super) const fn pruned(self, rounds: PruneSchedule, batches: usize) -> Self {
        Self {
            pruned: Some((rounds, batches)),
            ..self
        }
    }

    pub(super) fn steps(&self) -> usize {
        self.steps_until(self.epochs)
    }

    /// Steps of so many epochs.
    pub(super) fn steps_until(&self, epochs: usize) -> usize {
        let (full, merged, batches) = self.split(epochs);
        let steps = full.saturating_mul(self.batches);
        steps.saturating_add(merged.saturating_mul(batches))
    }

    /// Of so many epochs those on all samples and those on merged ones, and the batches of the latter.
    fn split(&self, epochs: usize) -> (usize, usize, usize) {
        let (warmup, batches) = self
            .pruned
            .map_or((epochs, 1), |(rounds, batches)| (rounds.warmup, batches));
        let full = epochs.min(warmup);
        (full, epochs - full, batches)
    }

    /// The epoch of a step, counted from zero, and its batch.
    fn place(&self, step: usize) -> (usize, usize) {
        let (full, _, batches) = self.split(self.epochs);
        match step.checked_sub(full.saturating_mul(self.batches)) {
            Some(step) if self.pruned.is_some() => (full + step / batches, step % batches),
            _ => (step / self.batches, step % self.batches),
        }
    }

    /// The batch of a step, counted from zero: of all samples, or of the merged ones.
    pub(super) fn batch(&self, step: usize) -> usize {
        self.place(step).1
    }

    /// The epoch of a step, counted from one.
    pub(super) fn epoch(&self, step: usize) -> usize {
        self.place(step).0 + 1
    }

    /// Epochs that are over after so many steps.
    pub(super) fn epochs_before(&self, steps: usize) -> usize {
        self.place(steps).0
    }

    /// Whether so many steps end an epoch.
    pub(super) fn ends_epoch(&self, steps: usize) -> bool {
        steps > 0 && self.place(steps).1 == 0
    }

    /// Choices of samples by scores, at most.
    pub(super) fn scorings(&self) -> usize {
        self.pruned
            .map_or(0, |(rounds, _)| rounds.scorings(self.epochs))
    }

    /// The choice of samples that a step is on; nothing if it is on all.
    pub(super) fn round(&self, step: usize) -> Option<Round> {
        let (rounds, _) = self.pruned?;
        rounds.round(self.place(step).0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::SIGMOID;

    #[test]
    fn steps_of_a_pruned_training_are_shorter_epochs() {
        let activation = SIGMOID;
        let schedule = Schedule::new(Some(5), Some(1.0), 4, activation, None).unwrap();
        assert_eq!(schedule.steps(), 20);
        let rounds = PruneSchedule {
            warmup: 2,
            every: 2,
            trained: false,
        };
        let pruned = schedule.pruned(rounds, 1);
        assert_eq!(pruned.steps(), 2 * 4 + 3);
        let epochs: Vec<usize> = (0..11).map(|step| pruned.epoch(step)).collect();
        assert_eq!(epochs, [1, 1, 1, 1, 2, 2, 2, 2, 3, 4, 5]);
        let ends: Vec<usize> = (0..=11).filter(|&done| pruned.ends_epoch(done)).collect();
        assert_eq!(ends, [4, 8, 9, 10, 11]);
        let round = |step| pruned.round(step).map(|round| round.number);
        assert_eq!(
            [round(7), round(8), round(9), round(10)],
            [None, Some(0), Some(0), Some(1)]
        );
        assert_eq!(pruned.steps_until(1), 4);
        // Never on all samples.
        let rounds = PruneSchedule {
            warmup: 0,
            every: 9,
            trained: false,
        };
        let pruned = schedule.pruned(rounds, 3);
        assert_eq!(
            (pruned.steps(), pruned.batch(5), pruned.epoch(5)),
            (15, 2, 2)
        );
        // Never pruned, because the warm-up is longer.
        let rounds = PruneSchedule {
            warmup: 9,
            every: 1,
            trained: false,
        };
        assert_eq!(schedule.pruned(rounds, 1).steps(), 20);
    }
}

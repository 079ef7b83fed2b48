//! What a whole training does: its program run on vectors without values, part by part.

use engine::circuits::{Budget, Costs, Operation};
use engine::protocol::Counting;
use engine::prune::{Mask, MergeTotals, Round, Rule, Score, Selection};
use engine::ring::sampling::Seed;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use super::counts::{Counts, FORWARD, MERGING, SCORES, VALIDATION, step_parts};
use crate::job::JobError;
use crate::job::prune::{PruneConfig, score_bytes};
use crate::job::task::{Schedule, Setup};

/// Rounds from this number on are taken to be like it: the first one may be random, the second one encodes masks.
const LIKE_THE_LAST: usize = 2;

/// A training and what there is to train on.
pub(in crate::job) struct Training<'a> {
    pub(in crate::job) setup: &'a Setup,
    pub(in crate::job) schedule: Schedule,
    pub(in crate::job) prune: Option<&'a PruneConfig>,
    /// For each batch of the training set the classes of its samples.
    pub(in crate::job) classes: &'a [Vec<usize>],
    /// Batches of validation samples about which the owner is asked after each epoch.
    pub(in crate::job) validation_batches: usize,
}

/// The whole of a training.
#[derive(Clone, Debug, Default)]
pub(super) struct Course {
    pub(super) counts: Counts,
    /// Steps on all samples, and on those that are kept.
    pub(super) steps: [usize; 2],
    /// The rounds, if the training prunes.
    pub(super) rounds: usize,
    pub(super) scorings: usize,
    /// Of the last round.
    pub(super) merge: MergeTotals,
    /// Bytes of all masks.
    pub(super) mask_bytes: u64,
}

/// A round as it was counted.
#[derive(Clone, Default)]
struct Counted {
    counts: Counts,
    merge: MergeTotals,
    mask_bytes: u64,
    /// Of its first epoch, and of any later one.
    epochs: [Counts; 2],
}

impl Training<'_> {
    /// Runs it. Steps of the same kind do the same once their known vectors are encoded, so two epochs of each kind are run.
    pub(super) fn course(&self) -> Result<Course, JobError> {
        let mut machine = Counting::new(&self.setup.plan)?;
        let mut course = Course::default();
        let warmup = self.warmup();
        let samples: Vec<usize> = self.classes.iter().map(Vec::len).collect();
        let full = |machine: &mut Counting| {
            let steps = samples.iter().map(|&samples| machine.step(samples));
            sum_of_steps(steps)
        };
        if warmup > 0 {
            course.add_epochs(warmup, &[full(&mut machine)?, full(&mut machine)?]);
        }
        course.steps[0] = warmup * samples.len();
        if let Some(prune) = self.prune {
            self.rounds(prune, &mut machine, &mut course)?;
        }
        if self.validation_batches > 0 {
            let mut of_epoch = Counts::default();
            let asked = machine.validation(self.validation_batches, &self.setup.plan)?;
            of_epoch.add_part(VALIDATION, &asked);
            course.counts.add(&of_epoch, self.schedule.epochs);
        }
        course.refresh_states(self);
        Ok(course)
    }

    /// The seconds of all steps on all samples over those of the steps of this training, by estimated costs.
    pub(in crate::job) fn steps_ratio(&self) -> Result<f64, JobError> {
        let Setup { params, plan, .. } = self.setup;
        let full = Self {
            schedule: Schedule {
                pruned: None,
                ..self.schedule
            },
            prune: None,
            ..*self
        };
        let bootstraps = plan.refresh_by().bootstraps(params);
        let costs = Costs::estimate(params, bootstraps.map_err(JobError::from)?.as_ref());
        let [full, pruned] = [&full, self].map(|training| {
            let course = training.course()?;
            Ok::<_, JobError>(course.seconds_steps(&costs))
        });
        Ok(full? / pruned?.max(f64::MIN_POSITIVE))
    }

    fn rounds(
        &self,
        prune: &PruneConfig,
        machine: &mut Counting,
        course: &mut Course,
    ) -> Result<(), JobError> {
        let schedule = prune.rounds.schedule;
        let mut counted = Counted::default();
        course.rounds = schedule.rounds(self.schedule.epochs);
        for number in 0..course.rounds {
            let round = schedule.number(number);
            if number <= LIKE_THE_LAST {
                counted = self.round(prune, round, machine)?;
            }
            let begins = schedule.warmup + number * schedule.every;
            let epochs = schedule.every.min(self.schedule.epochs - begins);
            course.counts.add(&counted.counts, 1);
            course.add_epochs(epochs, &counted.epochs);
            course.steps[1] += epochs * self.merged_batches();
            course.scorings += usize::from(self.scored(prune, round));
            course.mask_bytes += counted.mask_bytes;
            course.merge = counted.merge;
        }
        Ok(())
    }

    /// Whether the owner is asked for the mask.
    fn scored(&self, prune: &PruneConfig, round: Round) -> bool {
        round.scored && prune.rounds.asks(Some(prune.score))
    }

    /// Batches of the samples that are kept; none, if the training does not prune.
    pub(super) fn merged_batches(&self) -> usize {
        self.schedule.pruned.map_or(0, |(_, batches)| batches)
    }

    fn round(
        &self,
        prune: &PruneConfig,
        round: Round,
        machine: &mut Counting,
    ) -> Result<Counted, JobError> {
        let mut counted = Counted::default();
        let scored = self.scored(prune, round);
        if scored {
            let budgets = machine.scores(self.classes.len())?;
            counted.counts.add_part(FORWARD, &budgets.forward);
            counted.counts.add_part(SCORES, &budgets.scores);
        }
        let mask = self.any_mask(prune, round.number, scored)?;
        if scored {
            counted.mask_bytes = mask.bytes() as u64;
        }
        let (merging, totals) = machine.merge(&mask, prune.rounds.method)?;
        counted.counts.add_part(MERGING, &merging);
        counted.merge = totals;
        for epoch in &mut counted.epochs {
            let steps = (0..self.merged_batches()).map(|batch| machine.step_merged(batch));
            *epoch = sum_of_steps(steps)?;
        }
        Ok(counted)
    }

    /// A mask by scores that say nothing: which samples are kept is not known yet, but how many.
    fn any_mask(&self, prune: &PruneConfig, number: usize, scored: bool) -> Result<Mask, JobError> {
        let mut random = ChaCha8Rng::seed_from_u64(number as u64);
        let mut score = || f64::from(random.next_u32()) / f64::from(u32::MAX);
        let batches = self.classes.iter();
        let scores: Vec<Vec<f64>> = batches
            .map(|batch| batch.iter().map(|_| score()).collect())
            .collect();
        let selection = prune.rounds.selection;
        let selection = match scored {
            true => selection,
            false => Selection {
                rule: Rule::Random,
                class_balance: false,
                ..selection
            },
        };
        let seed = Seed([0; 32]).derive(number as u64);
        let layout = self.setup.plan.layout();
        Ok(selection.choose(layout, &scores, self.classes, &seed)?)
    }

    /// Bytes of scores and of refreshes on the way to them, to the owner and back.
    pub(super) fn message_bytes(&self, course: &Course) -> [u64; 2] {
        let Some(prune) = self.prune else {
            return [0; 2];
        };
        let each = score_bytes(self.setup, prune.score, self.classes.len());
        let scorings = course.scorings as u64;
        [scorings * each[0], scorings * each[1] + course.mask_bytes]
    }

    /// Samples of the training set.
    pub(super) fn rows(&self) -> usize {
        self.classes.iter().map(Vec::len).sum()
    }

    /// Row blocks that these are merged into.
    pub(super) fn merged_row_blocks(&self) -> usize {
        let samples: Vec<usize> = self.classes.iter().map(Vec::len).collect();
        self.prune.map_or(0, |PruneConfig { rounds, .. }| {
            let layout = self.setup.plan.layout();
            rounds.selection.row_blocks(layout, &samples, rounds.method)
        })
    }

    /// Samples that are kept in a round; all of them, if the training does not prune.
    pub(super) fn kept(&self) -> usize {
        self.prune.map_or(self.rows(), |prune| {
            prune.rounds.selection.kept(self.rows())
        })
    }

    /// Samples that the gradients of all steps are sums over.
    pub(super) fn samples_used(&self) -> usize {
        let warmup = self.warmup();
        warmup * self.rows() + (self.schedule.epochs - warmup) * self.kept()
    }

    /// Epochs on all samples.
    pub(super) fn warmup(&self) -> usize {
        self.prune.map_or(self.schedule.epochs, |prune| {
            prune.rounds.schedule.warmup.min(self.schedule.epochs)
        })
    }

    /// Ciphertexts of scores that the owner decrypts in a round.
    pub(super) fn score_vectors(&self) -> usize {
        let layout = self.setup.plan.layout();
        let score = self.prune.map_or(Score::Random, |prune| prune.score);
        score.vectors(layout, self.classes.len())
    }
}

impl Course {
    fn add_epochs(&mut self, epochs: usize, [first, later]: &[Counts; 2]) {
        if epochs > 0 {
            self.counts.add(first, 1);
            self.counts.add(later, epochs - 1);
        }
    }

    /// The refreshes of the state: behind every step but the last, whose state only validation asks for.
    fn refresh_states(&mut self, training: &Training<'_>) {
        let plan = &training.setup.plan;
        let steps: usize = self.steps.iter().sum();
        let spared = usize::from(training.validation_batches == 0);
        let vectors = steps.saturating_sub(spared) * plan.layout().state_vectors();
        self.counts.add_refreshes(plan.levels().state, vectors);
    }

    /// Seconds of all steps.
    pub(super) fn seconds_steps(&self, costs: &Costs) -> f64 {
        step_parts()
            .map(|part| self.counts.seconds(part, costs))
            .sum()
    }

    /// Seconds of the encodings in them.
    pub(super) fn seconds_masks(&self, costs: &Costs) -> f64 {
        let encodings = step_parts().flat_map(|part| self.counts.of(part));
        let encodings = encodings.filter(|row| row.0 == Operation::Encoding);
        encodings
            .map(|(operation, level, count)| count as f64 * costs.of(operation, level))
            .sum()
    }
}

fn sum_of_steps(
    steps: impl Iterator<Item = Result<Budget, engine::ckks::EvalError>>,
) -> Result<Counts, JobError> {
    let mut sum = Counts::default();
    for step in steps {
        sum.add_step(&step?);
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use engine::ckks::presets;
    use engine::protocol::Task;
    use engine::prune::{MergeMethod, PruneSchedule, Scope};

    use super::*;
    use crate::job::ActivationChoice;
    use crate::job::prune::PruneRounds;

    #[test]
    fn steps_on_fewer_rows_take_as_many_times_less() {
        let params = presets::named("insecure-10").unwrap().unwrap();
        let task = Task {
            features: 3,
            classes: 2,
            batch: 64,
        };
        let activation = ActivationChoice::Sigmoid {
            range: 8.0,
            degree: 5,
        };
        let setup = Setup::new(&params, task, Some(activation), None).unwrap();
        let classes = vec![vec![0; 64]; 8];
        let ratio = |keep| {
            let prune = PruneConfig {
                score: Score::LogitMargin,
                rounds: PruneRounds {
                    selection: Selection {
                        keep,
                        rule: Rule::Random,
                        class_balance: false,
                        scope: Scope::Rows,
                    },
                    schedule: PruneSchedule {
                        warmup: 0,
                        every: 2,
                        trained: false,
                    },
                    method: MergeMethod::WithinRows,
                },
            };
            let setup = setup.clone().with_pruning(prune.pruning()).unwrap();
            let schedule = Schedule::new(Some(4), None, classes.len(), activation, None).unwrap();
            let schedule = prune
                .rounds
                .schedule(schedule, setup.plan.layout(), &[64; 8]);
            let training = Training {
                schedule: schedule.unwrap(),
                setup: &setup,
                prune: Some(&prune),
                classes: &classes,
                validation_batches: 0,
            };
            training.steps_ratio().unwrap()
        };
        let [all, quarter, eighth] = [1.0, 0.25, 0.125].map(ratio);
        assert!((all - 1.0).abs() < 0.05, "{all}");
        assert!((3.5..4.5).contains(&quarter), "{quarter}");
        assert!((7.0..9.5).contains(&eighth), "{eighth}");
    }
}

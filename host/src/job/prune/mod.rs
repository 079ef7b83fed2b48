//! Rounds of pruning within a training, and each of their parts as a job of its own.
//!
//! | job | who | reads | writes |
//! |---|---|---|---|
//! | [`prune_score()`] | server | evaluation keys, training set, model | scores for the owner |
//! | [`prune_mask()`] | owner | secret key, scores, data | mask for the server |
//! | [`prune_merge()`] | server | evaluation keys, training set, mask | merged training set |
//! | [`prune_check()`] | owner | secret key, data, mask, merged training set | |

mod check;
mod mask;
mod memory;
mod merge;
mod owner_rows;
mod rounds;
mod score;
mod scoring;
mod sweep;
mod table;

pub use check::{PruneCheckConfig, prune_check};
pub(super) use mask::choose_for_request;
pub use mask::{ChooseBy, PruneMaskConfig, prune_mask};
pub(super) use memory::PruneState;
pub use merge::{PruneMergeConfig, prune_merge};
pub(super) use rounds::{Pruner, ScoreMessage};
pub use score::{PruneScoreConfig, prune_score};
pub use sweep::{PruneSweepConfig, prune_sweep};

use engine::circuits::packing::Layout;
use engine::ckks::Level;
use engine::protocol::RefreshBy;
use engine::prune::{MergeMethod, PruneSchedule, Pruning, Rule, Scope, Score, Selection};

use super::JobError;
use super::PruneSummary;
use super::checkpoint::{Checkpoint, History};
use super::plan::Training;
use super::task::{Schedule, Setup};

/// The [floor](Rule::Importance) where none is chosen: no weight is above 4.4 times that of the mean score (and a rounding); or
/// the square of that, where fewer samples are kept than there are rows and these, too, are drawn by their scores.
pub const DEFAULT_IMPORTANCE_FLOOR: f64 = 0.3;
/// What [`Rule::Window`] passes over if nothing is said.
pub const DEFAULT_WINDOW: f64 = 0.05;

/// How a training prunes, apart from the score, which keys and data are prepared for.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PruneRounds {
    /// What is kept.
    pub selection: Selection,
    /// When.
    pub schedule: PruneSchedule,
    /// How it is brought together.
    pub method: MergeMethod,
}

/// How a training prunes.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PruneConfig {
    /// What samples are chosen by.
    pub score: Score,
    /// The rest.
    pub rounds: PruneRounds,
}

impl PruneConfig {
    /// What keys and data must be prepared for.
    #[must_use]
    pub fn pruning(&self) -> Pruning {
        let scope = if self.rounds.method.moves() {
            Scope::Global
        } else {
            self.rounds.selection.scope
        };
        Pruning {
            score: self.score,
            scope,
        }
    }
}

/// Checks the numbers of a selection, whoever chose them.
pub(super) fn check_selection(selection: &Selection) -> Result<(), JobError> {
    let keep = selection.keep;
    if !(keep > 0.0 && keep <= 1.0) {
        let range = "above 0 and at most 1";
        return Err(JobError::option("the share of samples kept", keep, range));
    }
    match selection.rule {
        Rule::Importance { floor } if !(floor > 0.0 && floor.is_finite()) => {
            let range = "above 0 and finite";
            Err(JobError::option("the floor of importance", floor, range))
        }
        Rule::Window { skip } if !(0.0..1.0).contains(&skip) => {
            let range = "at least 0 and below 1";
            Err(JobError::option("the window that is skipped", skip, range))
        }
        _ => Ok(()),
    }
}

impl PruneRounds {
    /// Checks every number, that keys and data are prepared for all of it, and that all of it has an effect.
    pub(super) fn check(&self, pruning: Option<Pruning>) -> Result<(), JobError> {
        check_selection(&self.selection)?;
        if self.schedule.every == 0 {
            let name = "the number of epochs between two choices";
            return Err(JobError::option(name, 0, "at least 1"));
        }
        let Some(pruning) = pruning else {
            return Err(JobError::NotPrunable);
        };
        let moves = self.method.moves();
        if moves && pruning.scope == Scope::Rows {
            return Err(JobError::NoMoves);
        }
        if self.selection.scope == Scope::Global && !moves {
            let (name, range) = ("the merging", "one that moves rows, for a choice among all");
            return Err(JobError::option(name, "within rows", range));
        }
        self.check_effect(pruning.score)
    }

    /// Refuses what needs an answer of the owner where the owner is not asked.
    fn check_effect(&self, score: Score) -> Result<(), JobError> {
        let rule = self.selection.rule;
        if score == Score::Random && rule != Rule::Random {
            let range = "random with keys and data that are prepared for no scores (--prune-score random); choose another \
                         score, or --prune-rule random";
            let name = "the rule that samples are chosen by";
            return Err(JobError::option(name, rule.name(), range));
        }
        if self.selection.class_balance && rule == Rule::Random {
            let range = "off where samples are drawn at random, for the owner, who alone knows the classes, is not asked then; \
                         choose another rule, or leave out --class-balance";
            return Err(JobError::option("class balance", "on", range));
        }
        Ok(())
    }

    /// Whether the owner is asked at all: not where any sample is as good as any other.
    pub(super) fn asks(&self, score: Option<Score>) -> bool {
        self.selection.rule != Rule::Random && score.is_some_and(|score| score != Score::Random)
    }

    /// The epochs of a training that prunes batches of so many samples, if it has any left for that.
    pub(super) fn schedule(
        &self,
        schedule: Schedule,
        layout: &Layout,
        samples: &[usize],
    ) -> Result<Schedule, JobError> {
        let (warmup, epochs) = (self.schedule.warmup, schedule.epochs);
        if warmup >= epochs {
            let range = format!(
                "below the number of epochs, which is {epochs}, or nothing is ever pruned; train for more epochs, or choose \
                 a smaller --prune-warmup"
            );
            let name = "the number of epochs on all samples";
            return Err(JobError::option(name, warmup, range));
        }
        if self.selection.rule != Rule::Random && self.schedule.scorings(epochs) == 0 {
            let range = format!(
                "below the number of epochs, which is {epochs}, or no choice is ever by scores; train for more epochs, choose a \
                 smaller --prune-every or a --prune-warmup, or --prune-rule random"
            );
            let name = "the number of epochs between two choices";
            return Err(JobError::option(name, self.schedule.every, range));
        }
        let blocks = self.selection.row_blocks(layout, samples, self.method);
        Ok(schedule.pruned(self.schedule, blocks.div_ceil(layout.row_blocks())))
    }
}

/// Refreshes before step number `steps`: of the steps, and of the scores behind so many choices by scores.
pub(super) fn refreshes_before(
    setup: &Setup,
    steps: usize,
    scored: usize,
    batches: usize,
) -> usize {
    let scoring = setup.plan.pruning();
    let scoring = scoring.map_or(0, |plan| plan.refreshes().count(batches));
    let of_steps = steps.saturating_mul(setup.plan.refreshes().len());
    of_steps.saturating_add(scored.saturating_mul(scoring))
}

/// Bytes that scores of so many batches take to the owner and back: their message, and refreshes on the way to it where the
/// owner does these, whose answers are half as long.
pub(super) fn score_bytes(setup: &Setup, score: Score, batches: usize) -> [u64; 2] {
    let Setup { params, plan, .. } = setup;
    let bytes = |vectors: usize, level: Level| (vectors * params.ciphertext_bytes(level)) as u64;
    let scores = score.vectors(plan.layout(), batches);
    let mut both = [bytes(scores, Level(0)), 0];
    if let (RefreshBy::Owner, Some(pruning)) = (plan.refresh_by(), plan.pruning()) {
        let refreshes = pruning.refreshes();
        let all = refreshes.of_state.iter().map(|refresh| (refresh, 1));
        let all = all.chain(refreshes.of_batch.iter().map(|refresh| (refresh, batches)));
        for (refresh, times) in all {
            both[0] += times as u64 * bytes(refresh.vectors, refresh.from);
            both[1] += times as u64 * bytes(refresh.vectors, refresh.to) / 2;
        }
    }
    both
}

/// The seconds that as many epochs on all samples would have taken, over those that this training took with its choices.
///
/// A step on all samples counts as those of the warm-up did; where there was none, the steps that were done count as much more
/// as the operations of those on all samples take more.
fn speedup(training: &Training<'_>, history: &History) -> Result<f64, JobError> {
    let schedule = &training.schedule;
    let steps = history.steps.iter().enumerate();
    let warmup = steps.filter(|(step, _)| schedule.round(*step).is_none());
    let warmup: Vec<f64> = warmup.map(|(_, seconds)| seconds.total()).collect();
    let done = history.phases().total();
    let full = if warmup.is_empty() {
        done * training.steps_ratio()?
    } else {
        let epochs = schedule.epochs_before(history.steps.len());
        let mean = warmup.iter().sum::<f64>() / warmup.len() as f64;
        (epochs * schedule.batches) as f64 * mean
    };
    Ok(full / (done + history.pruning.seconds()).max(f64::MIN_POSITIVE))
}

/// What a training on batches of so many samples says of its choices when it is over.
pub(super) fn summary(
    setup: &Setup,
    schedule: &Schedule,
    rounds: PruneRounds,
    samples: &[usize],
    checkpoint: &Checkpoint,
) -> Result<PruneSummary, JobError> {
    let history = checkpoint.history();
    let pruning = setup.origin.pruning.ok_or(JobError::NotPrunable)?;
    // How much there is to do does not depend on the classes.
    let classes: Vec<Vec<usize>> = samples.iter().map(|&samples| vec![0; samples]).collect();
    let training = Training {
        setup,
        schedule: *schedule,
        prune: Some(&PruneConfig {
            score: pruning.score,
            rounds,
        }),
        classes: &classes,
        validation_batches: 0,
    };
    Ok(history.pruning.summary(speedup(&training, &history)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selection_has_numbers_that_mean_something() {
        let selection = |keep, rule| Selection {
            keep,
            rule,
            class_balance: false,
            scope: Scope::Rows,
        };
        for (keep, rule) in [
            (1e-9, Rule::Hardest),
            (1.0, Rule::Random),
            (0.5, Rule::Importance { floor: 1e-9 }),
            (0.5, Rule::Window { skip: 0.0 }),
        ] {
            assert!(check_selection(&selection(keep, rule)).is_ok());
        }
        for keep in [0.0, -0.1, 1.1, f64::NAN, f64::INFINITY] {
            assert!(check_selection(&selection(keep, Rule::Mixed)).is_err());
        }
        for floor in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(check_selection(&selection(0.5, Rule::Importance { floor })).is_err());
        }
        for skip in [-0.1, 1.0, f64::NAN] {
            assert!(check_selection(&selection(0.5, Rule::Window { skip })).is_err());
        }
    }
}

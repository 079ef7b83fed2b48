//! A training that prunes beside that on all rows.

use engine::circuits::{Budget, Costs};
use engine::prune::Score;

use super::counts::{MERGING, parts};
use super::course::{Course, Training};
use super::{memory, prediction};
use crate::job::calibrate::Calibration;
use crate::job::{
    JobError, MergeLevels, PartPrediction, PredictionReport, PruningPrediction, ScoreRefresh,
};

/// A training with all that is predicted of it.
pub(super) struct Predicted<'a> {
    training: &'a Training<'a>,
    course: Course,
    pub(super) report: PredictionReport,
}

impl<'a> Predicted<'a> {
    /// Counts and predicts.
    pub(super) fn new(
        training: &'a Training<'a>,
        calibration: &Calibration,
        first_bootstrap: Option<&Budget>,
    ) -> Result<Self, JobError> {
        let course = training.course()?;
        let mut report = prediction::predict(training, &course, calibration);
        report.peak_memory_bytes = memory::peak_bytes(training, first_bootstrap);
        Ok(Self {
            training,
            course,
            report,
        })
    }

    /// This training, which prunes, beside that on all rows.
    pub(super) fn beside(&self, full: &Self, costs: &Costs) -> PruningPrediction {
        let part = |part| PartPrediction {
            part,
            key_switches: self.course.counts.key_switches(part),
            seconds: self.course.counts.seconds(part, costs),
            full_key_switches: full.course.counts.key_switches(part),
            full_seconds: full.course.counts.seconds(part, costs),
        };
        let all = parts().map(part);
        let [steps_on_all_rows, steps_on_kept_rows] = self.course.steps;
        let took = self.course.seconds_steps(costs) + self.report.seconds_pruning;
        PruningPrediction {
            of: self.training.rows(),
            prune_rounds: self.course.rounds,
            scorings: self.course.scorings,
            steps_on_all_rows,
            steps_on_kept_rows,
            score: self.score().name().to_owned(),
            score_refreshes: self.score_refreshes(costs),
            merge: self.course.merge,
            merge_levels: self.merge_levels(),
            merge_refreshes: self.course.counts.refreshes(MERGING),
            parts: all
                .filter(|part| part.seconds + part.full_seconds > 0.0)
                .collect(),
            operations: self.course.counts.rows(costs),
            full_steps: full.report.steps,
            full_seconds_train: full.report.seconds_train,
            full_seconds_total: full.report.seconds_total,
            full_peak_memory_bytes: full.report.peak_memory_bytes,
            speedup_over_full: full.course.seconds_steps(costs) / took.max(f64::MIN_POSITIVE),
            speedup_in_all: full.report.seconds_total
                / self.report.seconds_total.max(f64::MIN_POSITIVE),
        }
    }

    /// What choices by scores are by, if there are any.
    fn score(&self) -> Score {
        let prune = self.training.prune.filter(|_| self.course.scorings > 0);
        prune.map_or(Score::Random, |prune| prune.score)
    }

    /// The refreshes on the way to the scores of one choice: that of the state, then those of each batch.
    fn score_refreshes(&self, costs: &Costs) -> Vec<ScoreRefresh> {
        let planned = self.training.setup.plan.pruning();
        let Some(planned) = planned.filter(|_| self.course.scorings > 0) else {
            return Vec::new();
        };
        let (refreshes, batches) = (planned.refreshes(), self.training.classes.len());
        let all = refreshes.of_state.iter().map(|refresh| (1, refresh));
        let all = all.chain(refreshes.of_batch.iter().map(|refresh| (batches, refresh)));
        all.map(|(times, refresh)| ScoreRefresh {
            times,
            refresh: prediction::refresh_cost(refresh, costs),
        })
        .collect()
    }

    /// The levels of the training set as it is sent, and of what is merged from it.
    fn merge_levels(&self) -> MergeLevels {
        let plan = &self.training.setup.plan;
        let (data, used) = (plan.data_levels(), plan.levels());
        MergeLevels {
            features_encrypted: data.features.0,
            features_used: used.features.0,
            labels_encrypted: data.labels.0,
            labels_used: used.labels.0,
        }
    }
}

//! A training that prunes beside that on all rows.

use engine::circuits::{Budget, Costs};

use super::course::{Course, Training, parts};
use super::{memory, prediction};
use crate::job::calibrate::Calibration;
use crate::job::{JobError, PartPrediction, PredictionReport, PruningPrediction};

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
            merge: self.course.merge,
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
}

//! The owner's side of early stopping: from decrypted logits to a verdict.

use engine::circuits::activation::{Activation, Approximation};
use engine::train::Stopping;

use super::ValidationReport;

/// The owner's validation labels, and what came of the epochs so far.
pub(super) struct Judge {
    labels: Vec<usize>,
    patience: usize,
    stopping: Stopping,
}

impl Judge {
    pub(super) fn new(labels: Vec<usize>, patience: usize) -> Self {
        Self {
            labels,
            patience,
            stopping: Stopping::new(patience),
        }
    }

    /// Knows these losses of epochs that were judged before, and no others.
    pub(super) fn recall(&mut self, losses: impl Iterator<Item = f64>) {
        self.stopping = Stopping::new(self.patience);
        for loss in losses {
            self.stopping.judge(loss);
        }
    }

    /// Validation samples.
    pub(super) fn samples(&self) -> usize {
        self.labels.len()
    }

    /// Decides by the logits after an epoch: as many for each sample as there are classes.
    pub(super) fn judge(
        &mut self,
        epoch: usize,
        activation: &Activation,
        logits: &[f64],
    ) -> ValidationReport {
        let samples = self.labels.len().max(1);
        let classes = (logits.len() / samples).max(1);
        let (mut loss, mut right) = (0.0, 0);
        for (logits, &label) in logits.chunks_exact(classes).zip(&self.labels) {
            loss += activation.loss(logits, label);
            let best = logits.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
            right += usize::from(best.is_some_and(|(class, _)| class == label));
        }
        let loss = loss / samples as f64;
        let verdict = self.stopping.judge(loss);
        ValidationReport {
            epoch,
            loss: Some(loss),
            accuracy: Some(right as f64 / samples as f64),
            best: verdict.best,
            stop: verdict.stop,
        }
    }
}

#[cfg(test)]
mod tests {
    use engine::circuits::activation::ActivationChoice;

    use super::*;

    #[test]
    fn the_smallest_loss_is_the_best() {
        let activation = ActivationChoice::Softmax { range: 8.0 }.build(2).unwrap();
        let mut judge = Judge::new(vec![0, 1], 1);
        let report = judge.judge(1, &activation, &[1.0, -1.0, -1.0, 1.0]);
        assert_eq!(
            (report.accuracy, report.best, report.stop),
            (Some(1.0), true, false)
        );
        let wanted = (-2f64).exp().ln_1p();
        assert!((report.loss.unwrap() - wanted).abs() < 1e-12);
        let report = judge.judge(2, &activation, &[1.0, -1.0, 1.0, -1.0]);
        assert_eq!(
            (report.accuracy, report.best, report.stop),
            (Some(0.5), false, true)
        );
    }
}

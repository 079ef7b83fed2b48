//! What comes of a run: the model, opened by its owner, beside that of the same training in the clear.

use engine::backend::Backend;
use engine::protocol::Owner;
use engine::train::{ExactTrainer, Model, Precision};

use super::Whole;
use crate::file::AtomicFile;
use crate::job::event::stage;
use crate::job::prune::summary;
use crate::job::samples::Samples;
use crate::job::steps::Trained;
use crate::job::{
    JobError, Observer, PruneSummary, RunReport, Stage, clear_model, peak_memory_bytes,
};
use crate::launch::Device;

/// Of what came before the training.
pub(super) struct Before<'a> {
    pub(super) device: &'a Device,
    pub(super) seconds_keys: f64,
    pub(super) seconds_encrypt: f64,
}

impl Whole {
    /// Decrypts the model, writes it where there is a file for it, and measures it.
    pub(super) fn finish<B: Backend>(
        &self,
        owner: &Owner<'_, B>,
        trained: Trained<B>,
        out: Option<AtomicFile>,
        before: &Before<'_>,
        observer: &mut dyn Observer,
    ) -> Result<RunReport, JobError> {
        let Self {
            prepared,
            schedule,
            setup,
            checkpoint,
            ..
        } = self;
        let (params, plan, set) = (&setup.params, &setup.plan, &prepared.set);
        let Trained {
            state,
            steps,
            best_epoch,
        } = trained;
        // What the model is compared with stops at the same epoch.
        let epochs = best_epoch.unwrap_or(schedule.epochs);
        let model = stage(observer, Stage::Decrypt, || owner.model(plan, &state))?;
        if let Some(file) = out {
            let about = clear_model::About {
                class_names: Some(set.class_names()),
                params: params.name(),
                activation: setup.origin.activation.name(),
                steps: schedule.steps_until(epochs),
                epochs,
            };
            clear_model::write(file, &model, &prepared.normalization, &about)?;
        }
        let (twin, accuracies) = stage(observer, Stage::Evaluate, || {
            let [validation, test] = [set.validation(), set.test()].map(Samples::of);
            let clear = self.trained_in_the_clear(Precision::Exact, epochs);
            let accuracies = [
                test.accuracy(&model),
                test.accuracy(&clear),
                validation.accuracy(&model),
            ];
            let twin = self.trained_in_the_clear(Precision::Approximate, epochs);
            Ok::<_, JobError>((twin, accuracies))
        })?;
        let [test_accuracy, clear_test_accuracy, validation_accuracy] = accuracies;
        let errors = model.values().iter().zip(twin.values());
        let phases = checkpoint.history().phases();
        Ok(RunReport {
            test_accuracy,
            clear_test_accuracy,
            validation_accuracy,
            steps,
            epochs: schedule.epochs_before(steps),
            best_epoch,
            seconds_total: self.begun.elapsed().as_secs_f64(),
            seconds_per_step: phases.total() / steps as f64,
            phases: phases.report(),
            seconds_keys: before.seconds_keys,
            seconds_encrypt: before.seconds_encrypt,
            peak_memory_bytes: peak_memory_bytes(),
            params: params.name().to_owned(),
            security_bits: params.security_bits(),
            device: before.device.name.clone(),
            threads: before.device.threads,
            refresh: plan.refresh_by().name().to_owned(),
            weight_error: errors.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max),
            pruning: self.pruning()?,
        })
    }

    /// The model of the same training on clear numbers.
    fn trained_in_the_clear(&self, precision: Precision, epochs: usize) -> Model {
        let activation = self.setup.plan.activation();
        let mut trainer = ExactTrainer::new(self.start(), activation, precision);
        self.train_in_the_clear(&mut trainer, epochs);
        trainer.weights().clone()
    }

    /// What a training that prunes says of its choices.
    fn pruning(&self) -> Result<Option<PruneSummary>, JobError> {
        let Some(prune) = self.train.prune else {
            return Ok(None);
        };
        let samples: Vec<usize> = self
            .batches
            .iter()
            .map(|batch| batch.labels.len())
            .collect();
        let (setup, schedule) = (&self.setup, &self.schedule);
        summary(setup, schedule, prune.rounds, &samples, &self.checkpoint).map(Some)
    }
}

//! How well a decrypted model does on a data set.

use super::event::stage;
use super::samples::{self, Samples};
use super::{EvaluateConfig, EvaluateReport, JobError, Observer, Stage, clear_model};

/// Measures the accuracy of a decrypted model.
///
/// # Errors
/// [`JobError`]: a damaged model, or one of other sizes than the data.
pub fn evaluate(
    config: &EvaluateConfig,
    observer: &mut dyn Observer,
) -> Result<EvaluateReport, JobError> {
    let set = stage(observer, Stage::Data, || {
        samples::open(&config.data, config.seed)
    })?;
    stage(observer, Stage::Evaluate, || {
        let model = clear_model::read(&config.model)?;
        for (what, found, expected) in [
            ("features", model.features(), set.features()),
            ("classes", model.classes(), set.classes()),
        ] {
            if found != expected {
                let expected = format!("{expected} as in the data");
                return Err(JobError::mismatch(&config.model, what, found, expected));
            }
        }
        let test = Samples::of(set.test());
        let class_accuracies =
            (0..model.classes()).map(|class| test.accuracy_of_class(&model, class));
        Ok(EvaluateReport {
            train_accuracy: Samples::of(set.train()).accuracy(&model),
            validation_accuracy: Samples::of(set.validation()).accuracy(&model),
            test_accuracy: test.accuracy(&model),
            class_accuracies: class_accuracies.collect(),
        })
    })
}

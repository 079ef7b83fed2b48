//! What the owner and the server are told when a job is done.

use host::job::{
    DecryptReport, EncryptReport, EvaluateReport, KeygenReport, RefreshReport, TrainReport,
};

use super::{list, phases};
use crate::prune;
use crate::units::{bytes, count, percent, seconds, things};

/// The result of `veilgrad keygen`.
pub(crate) fn keygen(report: &KeygenReport) -> String {
    list(&[
        (
            "Secret key",
            format!(
                "{}; keep it, and keep it private",
                report.secret_key.display()
            ),
        ),
        (
            "Evaluation keys",
            format!(
                "{}, for the server: {}, {}",
                report.evaluation_keys.display(),
                things(report.keys, "key"),
                bytes(report.bytes)
            ),
        ),
        ("Time", seconds(report.seconds)),
    ])
}

/// The result of `veilgrad encrypt`.
pub(crate) fn encrypt(report: &EncryptReport) -> String {
    list(&[
        (
            "Training set",
            format!(
                "{}, for the server: {}, {}",
                report.out.display(),
                things(report.ciphertexts, "ciphertext"),
                bytes(report.bytes)
            ),
        ),
        ("Time", seconds(report.seconds)),
    ])
}

/// The result of `veilgrad train`.
pub(crate) fn train(report: &TrainReport) -> String {
    let mut rows = vec![
        (
            "Model",
            match report.best_epoch {
                Some(epoch) => {
                    format!(
                        "{}, encrypted, for the owner; of epoch {epoch}",
                        report.out.display()
                    )
                }
                None => format!("{}, encrypted, for the owner", report.out.display()),
            },
        ),
        (
            "Time",
            format!(
                "{} for {}",
                seconds(report.seconds),
                things(report.steps, "step")
            ),
        ),
        ("Of the steps", phases(&report.phases)),
    ];
    if let Some(pruning) = &report.pruning {
        rows.extend(prune::summary(pruning));
    }
    list(&rows)
}

/// The result of `veilgrad refresh`.
pub(crate) fn refresh(report: &RefreshReport) -> String {
    list(&[
        ("Refreshes", count(report.refreshes as u64)),
        ("Choices of rows", count(report.masks as u64)),
        ("Time", seconds(report.seconds)),
    ])
}

/// The result of `veilgrad decrypt`.
pub(crate) fn decrypt(report: &DecryptReport) -> String {
    list(&[
        (
            "Model",
            format!("{}, not protected any more", report.out.display()),
        ),
        ("Time", seconds(report.seconds)),
    ])
}

/// The result of `veilgrad evaluate`.
pub(crate) fn evaluate(report: &EvaluateReport) -> String {
    let mut text = list(&[
        ("Training accuracy", percent(report.train_accuracy)),
        ("Validation accuracy", percent(report.validation_accuracy)),
        ("Test accuracy", percent(report.test_accuracy)),
    ]);
    for (class, accuracy) in report.class_accuracies.iter().enumerate() {
        // A share of no rows is not a number.
        let accuracy = if accuracy.is_nan() {
            "no test rows".to_owned()
        } else {
            percent(*accuracy)
        };
        text += &format!("  of class {class:<10}  {accuracy}\n");
    }
    text
}

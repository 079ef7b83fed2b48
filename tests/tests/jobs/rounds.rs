//! Jobs that succeed.

use super::*;

#[test]
fn owner_and_server_through_files_agree_with_one_process() {
    let place = Place::new();
    let keys = place.keygen("keys").unwrap();
    assert_eq!(keys.secret_key, place.path("keys/secret.vg"));
    assert_eq!(
        keys.bytes,
        fs::metadata(&keys.evaluation_keys).unwrap().len()
    );
    let encrypted = place.encrypt("keys", "train.vg").unwrap();
    assert!(encrypted.ciphertexts > 4 && encrypted.bytes > 0);

    let (trained, answered) = place.train(&place.train_config("keys"), "keys");
    let steps = trained.unwrap().steps;
    assert_eq!(steps, 4, "two batches, two epochs");
    assert_eq!(answered.unwrap().refreshes, steps - 1);
    assert!(
        fs::read_dir(place.path("exchange"))
            .unwrap()
            .next()
            .is_none(),
        "all was read"
    );

    place.decrypt("keys", "model.vg").unwrap();
    let apart = place.evaluate("model.safetensors").unwrap();
    let mut heard = Heard::default();
    let together = job::run(&place.run_config(), &mut heard).unwrap();
    assert_eq!(together.steps, steps);
    assert_eq!(
        heard.0.iter().filter(|event| *event == "Step").count(),
        steps
    );
    assert_eq!(heard.0.iter().filter(|event| *event == "Plan").count(), 1);
    let begun = heard
        .0
        .iter()
        .filter(|event| *event == "StageBegun")
        .count();
    assert_eq!(
        begun,
        heard
            .0
            .iter()
            .filter(|event| *event == "StageEnded")
            .count()
    );

    assert!(together.weight_error < 5e-3, "{}", together.weight_error);
    assert_eq!(together.test_accuracy, together.clear_test_accuracy);
    assert!(together.test_accuracy > 0.8, "{}", together.test_accuracy);
    assert_eq!(apart.test_accuracy, together.test_accuracy);
    assert_eq!(apart.validation_accuracy, together.validation_accuracy);
    assert_eq!(apart.class_accuracies.len(), 2);
    assert_eq!(place.evaluate("clear.safetensors").unwrap(), apart);
    let (ours, theirs) = (
        weights(&place.path("model.safetensors")),
        weights(&place.path("clear.safetensors")),
    );
    for (a, b) in ours.iter().zip(&theirs) {
        assert!((a - b).abs() < 1e-3, "{a} {b}");
    }
}

#[test]
fn softmax_is_refreshed_within_a_step() {
    let place = Place {
        activation: Some(ActivationChoice::Softmax { range: 8.0 }),
        ..Place::new()
    };
    place.keygen("keys").unwrap();
    place.encrypt("keys", "train.vg").unwrap();
    let (trained, answered) = place.train(&place.train_config("keys"), "keys");
    let steps = trained.unwrap().steps;
    let refreshes = answered.unwrap().refreshes;
    assert!(
        refreshes >= 2 * steps - 1,
        "{refreshes} refreshes of {steps} steps"
    );
    place.decrypt("keys", "model.vg").unwrap();
    let apart = place.evaluate("model.safetensors").unwrap();
    let together = job::run(&place.run_config(), &mut Heard::default()).unwrap();
    assert!(together.weight_error < 5e-3, "{}", together.weight_error);
    assert_eq!(together.test_accuracy, together.clear_test_accuracy);
    assert_eq!(apart.test_accuracy, together.test_accuracy);
    let (ours, theirs) = (
        weights(&place.path("model.safetensors")),
        weights(&place.path("clear.safetensors")),
    );
    for (a, b) in ours.iter().zip(&theirs) {
        assert!((a - b).abs() < 1e-3, "{a} {b}");
    }
}

#[test]
fn a_server_that_bootstraps_asks_nobody() {
    for refresh in [RefreshBy::Bootstrap, RefreshBy::BootstrapLean] {
        let place = Place {
            params: "insecure-11-boot",
            refresh: Some(refresh),
            ..Place::new()
        };
        place.keygen("keys").unwrap();
        place.encrypt("keys", "train.vg").unwrap();
        let config = TrainJobConfig {
            exchange: None,
            ..place.train_config("keys")
        };
        let trained = job::train(&config, &mut Heard::default()).unwrap();
        assert_eq!(trained.steps, 4);
        place.decrypt("keys", "model.vg").unwrap();
        let apart = place.evaluate("model.safetensors").unwrap();
        let together = job::run(&place.run_config(), &mut Heard::default()).unwrap();
        assert_eq!(together.refresh, refresh.name());
        assert!(together.weight_error < 5e-3, "{}", together.weight_error);
        assert_eq!(together.test_accuracy, together.clear_test_accuracy);
        assert_eq!(apart.test_accuracy, together.test_accuracy);
        let (ours, theirs) = (
            weights(&place.path("model.safetensors")),
            weights(&place.path("clear.safetensors")),
        );
        for (a, b) in ours.iter().zip(&theirs) {
            assert!((a - b).abs() < 1e-3, "{a} {b}");
        }
    }
}

#[test]
fn a_training_goes_on_from_a_model_to_the_same_bytes() {
    let place = Place {
        params: "insecure-11-boot",
        ..Place::new()
    };
    place.keygen("keys").unwrap();
    place.encrypt("keys", "train.vg").unwrap();
    let config = |epochs, start: Option<&str>, out: &str| TrainJobConfig {
        start: start.map(|start| place.path(start)),
        epochs: Some(epochs),
        exchange: None,
        out: place.path(out),
        ..place.train_config("keys")
    };
    let train = |epochs, start, out| {
        let config = config(epochs, start, out);
        job::train(&config, &mut Heard::default()).unwrap().steps
    };
    assert_eq!(train(2, None, "at-once.vg"), 4);
    assert_eq!(train(1, None, "first.vg"), 2);
    assert_eq!(train(1, Some("first.vg"), "second.vg"), 2);
    let read = |model: &str| fs::read(place.path(model)).unwrap();
    let at_once = read("at-once.vg");
    assert!(at_once == read("second.vg"), "another model");

    // So does one that was ended, from the same model only.
    end_after_a_step(&config(1, Some("first.vg"), "ended.vg"));
    let checkpoint = place.path("ended.vg.checkpoint");
    let first = read("first.vg");
    fs::copy(place.path("second.vg"), place.path("first.vg")).unwrap();
    let error = resume(&checkpoint).unwrap_err().to_string();
    for told in ["first.vg", "model", "another one"] {
        assert!(error.contains(told), "{error}");
    }
    fs::write(place.path("first.vg"), first).unwrap();
    resume(&checkpoint).unwrap();
    assert!(at_once == read("ended.vg"), "another model");
}

#[test]
fn the_owner_stops_a_training_that_gets_no_better() {
    let place = Place::new();
    write_noise(&place.path("data.csv"));
    place.keygen("keys").unwrap();
    place.encrypt("keys", "train.vg").unwrap();
    let config = TrainJobConfig {
        epochs: Some(12),
        early_stopping: true,
        ..place.train_config("keys")
    };
    let (trained, answered) = place.train(&config, "keys");
    let trained = trained.unwrap();
    let epochs = trained.steps / 2;
    assert!(epochs < 12, "nobody stopped it");
    assert_eq!(trained.best_epoch, Some(epochs - 2), "patience is 2");
    assert_eq!(answered.unwrap().refreshes, trained.steps);
    let left = fs::read_dir(place.path("exchange")).unwrap().count();
    assert_eq!(left, 0, "all was read");

    place.decrypt("keys", "model.vg").unwrap();
    let mut config = place.run_config();
    config.train.epochs = Some(12);
    config.train.patience = Some(2);
    let mut heard = Heard::default();
    let together = job::run(&config, &mut heard).unwrap();
    assert_eq!(
        (together.steps, together.best_epoch),
        (trained.steps, trained.best_epoch)
    );
    assert_eq!(
        (together.epochs, heard.count("Validation")),
        (epochs, epochs)
    );
    let (ours, theirs) = (
        weights(&place.path("model.safetensors")),
        weights(&place.path("clear.safetensors")),
    );
    for (a, b) in ours.iter().zip(&theirs) {
        assert!((a - b).abs() < 2e-2, "{a} {b}");
    }
    // The comparison in the clear stops where the model did.
    assert!(together.weight_error < 5e-2, "{}", together.weight_error);
}

#[test]
fn a_server_that_bootstraps_asks_only_whether_to_go_on() {
    let place = Place {
        params: "insecure-11-boot",
        ..Place::new()
    };
    place.keygen("keys").unwrap();
    place.encrypt("keys", "train.vg").unwrap();
    let config = TrainJobConfig {
        early_stopping: true,
        ..place.train_config("keys")
    };
    let nowhere = TrainJobConfig {
        exchange: None,
        ..config.clone()
    };
    let error = job::train(&nowhere, &mut Heard::default()).unwrap_err();
    assert!(matches!(error, JobError::NoExchange { .. }), "{error}");
    let (trained, answered) = place.train(&config, "keys");
    let trained = trained.unwrap();
    assert_eq!((trained.steps, trained.best_epoch), (4, Some(2)));
    assert_eq!(answered.unwrap().refreshes, 0);
    place.decrypt("keys", "model.vg").unwrap();
    let accuracy = place.evaluate("model.safetensors").unwrap().test_accuracy;
    assert!(accuracy > 0.8, "{accuracy}");
}

#[test]
fn labels_of_another_data_set_are_refused() {
    let place = Place::new();
    place.keygen("keys").unwrap();
    place.encrypt("keys", "train.vg").unwrap();
    write_data(&place.path("data.csv"), 90, 3);
    let config = TrainJobConfig {
        early_stopping: true,
        wait: Duration::from_secs(2),
        ..place.train_config("keys")
    };
    let (trained, answered) = place.train(&config, "keys");
    let error = answered.unwrap_err().to_string();
    assert!(error.contains("validation samples"), "{error}");
    let error = trained.unwrap_err().to_string();
    assert!(error.contains("the validation of epoch 1"), "{error}");
}

#[test]
fn files_of_the_owner_are_private_and_keys_are_not_replaced() {
    let place = Place::new();
    place.keygen("keys").unwrap();
    let before = fs::read(place.path("keys/secret.vg")).unwrap();
    let error = place.keygen("keys").unwrap_err();
    assert!(matches!(error, JobError::KeyExists { .. }), "{error}");
    assert_eq!(fs::read(place.path("keys/secret.vg")).unwrap(), before);
    // The server's file alone stands in the way too: its owner's key may be somewhere else.
    fs::create_dir(place.path("half")).unwrap();
    fs::copy(
        place.path("keys/evaluation.vg"),
        place.path("half/evaluation.vg"),
    )
    .unwrap();
    assert!(matches!(
        place.keygen("half"),
        Err(JobError::KeyExists { .. })
    ));
    place.encrypt("keys", "train.vg").unwrap();
    #[cfg(unix)]
    for name in ["keys/secret.vg", "normalization.json"] {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(place.path(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name}: {mode:o}");
    }
    // No seed of the user's decides an encryption: the same call gives other ciphertexts.
    let first = fs::read(place.path("train.vg")).unwrap();
    place.encrypt("keys", "train.vg").unwrap();
    assert_ne!(fs::read(place.path("train.vg")).unwrap(), first);
}

#[test]
fn one_step_needs_no_owner() {
    let place = Place::new();
    place.keygen("keys").unwrap();
    write_data(&place.path("data.csv"), 40, 3);
    place.encrypt("keys", "train.vg").unwrap();
    let config = TrainJobConfig {
        epochs: Some(1),
        ..place.train_config("keys")
    };
    let report = job::train(&config, &mut Heard::default()).unwrap();
    assert_eq!(report.steps, 1);
    // An owner who comes late is told that all is over.
    let answered = job::refresh(&place.refresh_config("keys"), &mut Heard::default()).unwrap();
    assert_eq!(answered.refreshes, 0);
    place.decrypt("keys", "model.vg").unwrap();
}

#[test]
fn the_defaults_train_the_whole_of_a_small_set() {
    let place = Place::new();
    let config = RunConfig {
        train: TrainConfig {
            epochs: None,
            batch: None,
            learning_rate: None,
            activation: Some(job::SIGMOID),
            patience: None,
            prune: None,
            seed: 0,
        },
        model_out: None,
        ..place.run_config()
    };
    let report = job::run(&config, &mut Heard::default()).unwrap();
    assert!(report.steps >= job::DEFAULT_STEPS && report.steps <= job::DEFAULT_STEPS + 2);
    assert!((report.test_accuracy - report.clear_test_accuracy).abs() < 0.1);
    assert!(report.seconds_total >= report.seconds_per_step * report.steps as f64);
}

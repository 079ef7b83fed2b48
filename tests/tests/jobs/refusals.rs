//! Jobs that refuse, and what they say.

use super::*;

/// Keys and a training set of one owner, keys of another.
fn two_owners() -> Place {
    let place = Place::new();
    place.keygen("keys").unwrap();
    place.keygen("others").unwrap();
    place.encrypt("keys", "train.vg").unwrap();
    place
}

fn refusal<T: std::fmt::Debug>(result: Result<T, JobError>, names: &[&str]) -> JobError {
    let error = result.unwrap_err();
    let text = error.to_string();
    for name in names {
        assert!(text.contains(name), "{name} is not in: {text}");
    }
    error
}

#[test]
fn files_that_do_not_belong_together() {
    let place = two_owners();
    let config = TrainJobConfig {
        epochs: Some(1),
        ..place.train_config("others")
    };
    let trained = job::train(&config, &mut Heard::default());
    let error = refusal(trained, &["train.vg", "others"]);
    assert!(matches!(error, JobError::OtherKeys { .. }));

    let config = TrainJobConfig {
        data: place.path("keys/evaluation.vg"),
        ..place.train_config("keys")
    };
    let trained = job::train(&config, &mut Heard::default());
    refusal(
        trained,
        &["evaluation.vg holds evaluation keys, not an encrypted data set"],
    );
    assert!(!place.path("model.vg").exists());

    // Requests of one owner's training are not answered by another, and the server gives up.
    let config = TrainJobConfig {
        wait: Duration::from_secs(1),
        ..place.train_config("keys")
    };
    let (trained, answered) = place.train(&config, "others");
    let error = refusal(answered, &["refresh-000001.request.vg", "others"]);
    assert!(matches!(error, JobError::OtherKeys { .. }));
    let error = refusal(trained, &["refresh 1", "veilgrad refresh", "exchange"]);
    assert!(matches!(error, JobError::NoAnswer { .. }));

    // What a training left that failed does not disturb the next one in the same directory.
    assert!(place.path("exchange/done").exists());
    let config = TrainJobConfig {
        epochs: Some(1),
        ..place.train_config("keys")
    };
    let (trained, answered) = place.train(&config, "keys");
    assert_eq!(
        (trained.unwrap().steps, answered.unwrap().refreshes),
        (2, 1)
    );

    let error = refusal(place.decrypt("others", "model.vg"), &["model.vg", "others"]);
    assert!(matches!(error, JobError::OtherKeys { .. }));
    refusal(
        place.decrypt("keys", "train.vg"),
        &["train.vg holds an encrypted data set"],
    );
    fs::write(
        place.path("normalization.json"),
        r#"{"mean": [1.0], "scale": [1.0]}"#,
    )
    .unwrap();
    refusal(
        place.decrypt("keys", "model.vg"),
        &["normalization.json", "features"],
    );
    fs::write(place.path("normalization.json"), r#"{"mean": [1.0]}"#).unwrap();
    refusal(place.decrypt("keys", "model.vg"), &["normalization.json"]);
    refusal(place.evaluate("model.vg"), &["model.vg"]);
}

#[test]
fn data_of_other_sizes_than_the_keys() {
    let place = Place::new();
    place.keygen("keys").unwrap();
    write_data(&place.path("data.csv"), 60, 4);
    refusal(
        place.encrypt("keys", "train.vg"),
        &["keys/secret.vg", "features", "3", "4"],
    );
    assert!(!place.path("train.vg").exists());
}

#[test]
fn damaged_files() {
    let place = two_owners();
    let config = TrainJobConfig {
        epochs: Some(1),
        ..place.train_config("keys")
    };
    for name in ["keys/evaluation.vg", "train.vg"] {
        let path = place.path(name);
        let sound = fs::read(&path).unwrap();
        // Prelude, first section, somewhere in the sections, header and table.
        let places = [
            20,
            200,
            sound.len() / 2,
            sound.len() - 2000,
            sound.len() - 5,
        ];
        for at in places {
            let mut bytes = sound.clone();
            bytes[at] ^= 4;
            fs::write(&path, &bytes).unwrap();
            let file = path.file_name().unwrap().to_str().unwrap();
            refusal(job::train(&config, &mut Heard::default()), &[file]);
        }
        fs::write(&path, &sound[..sound.len() - 1]).unwrap();
        refusal(
            job::train(&config, &mut Heard::default()),
            &["truncated or damaged"],
        );
        fs::write(&path, b"").unwrap();
        refusal(
            job::train(&config, &mut Heard::default()),
            &["not a veilgrad file"],
        );
        fs::write(&path, &sound).unwrap();
    }
    let path = place.path("keys/secret.vg");
    let mut bytes = fs::read(&path).unwrap();
    bytes[300] ^= 1;
    fs::write(&path, &bytes).unwrap();
    refusal(
        place.encrypt("keys", "train.vg"),
        &["secret.vg", "coefficients"],
    );
}

#[test]
fn weights_that_leave_their_range() {
    let place = two_owners();
    let config = TrainJobConfig {
        learning_rate: Some(900.0),
        ..place.train_config("keys")
    };
    let (trained, answered) = place.train(&config, "keys");
    let error = refusal(trained, &["refresh-000001.request.vg", "learning rate"]);
    assert!(matches!(error, JobError::Refused { .. }), "{error}");
    let error = refusal(answered, &["learning rate"]);
    assert!(matches!(error, JobError::Diverged { .. }), "{error}");
    assert!(!place.path("model.vg").exists());

    let mut config = place.run_config();
    config.train.learning_rate = Some(900.0);
    config.work = Some(place.path("work"));
    let error = refusal(job::run(&config, &mut Heard::default()), &["learning rate"]);
    assert!(matches!(error, JobError::Diverged { .. }), "{error}");
    // It leads nowhere, and its seed is a secret.
    assert_eq!(fs::read_dir(place.path("work")).unwrap().count(), 0);
}

#[test]
fn a_checkpoint_that_another_process_works_with() {
    let place = Place::new();
    let (checkpoint, work) = (place.path("model.vg.checkpoint"), place.path("work"));
    fs::create_dir(&work).unwrap();
    for file in [&checkpoint, &work.join("run.vg")] {
        fs::write(file, b"of somebody else").unwrap();
    }
    let locked = [
        place.path("model.vg.checkpoint.lock"),
        work.join("checkpoint.vg.lock"),
    ];
    let locked = locked.map(|path| {
        let file = fs::File::create(path).unwrap();
        file.try_lock().unwrap();
        file
    });
    for (from, name) in [
        (
            job::ResumeFrom::Checkpoint(checkpoint),
            "model.vg.checkpoint",
        ),
        (job::ResumeFrom::Work(work.clone()), "checkpoint.vg"),
    ] {
        let config = job::ResumeConfig {
            from,
            evaluation_keys: None,
            data: None,
            exchange: None,
            wait: None,
            out: None,
            device: DeviceChoice::Cpu,
            threads: Some(1),
        };
        let resumed = job::resume(&config, &mut Heard::default());
        refusal(resumed, &[name, "another process"]);
    }
    let config = RunConfig {
        work: Some(work),
        ..place.run_config()
    };
    let run = job::run(&config, &mut Heard::default());
    refusal(run, &["checkpoint.vg", "another process"]);
    drop(locked);
}

#[test]
fn choices_out_of_range() {
    let place = Place::new();
    let refused = |change: &dyn Fn(&mut RunConfig), names: &[&str]| {
        let mut config = place.run_config();
        change(&mut config);
        refusal(job::run(&config, &mut Heard::default()), names)
    };
    refused(&|config| config.train.epochs = Some(0), &["epochs", "0"]);
    refused(
        &|config| config.train.batch = Some(257),
        &["batch", "257", "256"],
    );
    refused(
        &|config| config.train.learning_rate = Some(f64::NAN),
        &["learning rate", "NaN"],
    );
    refused(
        &|config| config.allow_insecure = false,
        &["insecure-10", "128"],
    );
    let leveled = |config: &mut RunConfig| config.params = ParamsChoice::Named("leveled-13".into());
    let error = refused(&leveled, &["leveled-13", "levels"]);
    assert!(matches!(error, JobError::Plan(_)));
    let missing = |config: &mut RunConfig| config.data = DataChoice::File("none.csv".into());
    refused(&missing, &["none.csv"]);
    let file = |config: &mut RunConfig| config.params = ParamsChoice::File("none.json".into());
    refused(&file, &["none.json"]);
}

#[test]
fn nobody_at_the_other_end() {
    let place = Place::new();
    place.keygen("keys").unwrap();
    let wait = Duration::from_millis(100);
    let config = RefreshConfig {
        wait,
        ..place.refresh_config("keys")
    };
    let error = refusal(
        job::refresh(&config, &mut Heard::default()),
        &["exchange", "train"],
    );
    assert!(matches!(error, JobError::NoRequest { .. }));
}

#[test]
fn keys_for_the_owners_refreshes_need_a_place_to_ask() {
    let place = Place::new();
    place.keygen("keys").unwrap();
    place.encrypt("keys", "train.vg").unwrap();
    let config = TrainJobConfig {
        exchange: None,
        ..place.train_config("keys")
    };
    let error = job::train(&config, &mut Heard::default());
    refusal(error, &["evaluation.vg", "--exchange"]);
}

#[test]
fn a_set_without_levels_for_it_is_not_bootstrapped() {
    let place = Place {
        refresh: Some(RefreshBy::Bootstrap),
        ..Place::new()
    };
    refusal(place.keygen("keys"), &["insecure-10", "boot-39"]);
}

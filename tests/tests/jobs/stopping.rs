//! Trainings that stop early, on devices that fail.

use super::devices::{Notes, gpu, has_gpu};
use super::*;
use host::job::Fault;

/// What a training that stops early does on devices that are lost ever later, until one holds out for the last step: nothing
/// is done twice, and it ends as on the CPU.
fn stops_as_on_the_cpu(
    every: u64,
    mut training: impl FnMut(DeviceChoice, &mut Notes) -> (usize, Option<usize>),
) {
    let mut notes = Notes::default();
    let (steps, best_epoch) = training(DeviceChoice::Cpu, &mut notes);
    assert!(steps < 24, "nobody stopped it");
    let epochs: Vec<_> = (1..=steps / 2).collect();
    assert_eq!(notes.epochs, epochs);
    let mut lost_after = Vec::new();
    for submissions in (1..).map(|i| i * every) {
        let fault = Some(Fault::LostAfter(submissions));
        let mut notes = Notes::default();
        let stopped = training(gpu(fault), &mut notes);
        assert_eq!(stopped, (steps, best_epoch), "{submissions}");
        assert_eq!(notes.epochs, epochs, "{submissions}");
        let all: Vec<_> = (1..=steps).collect();
        assert_eq!(notes.steps, all, "{submissions}");
        match notes.of_devices().as_slice() {
            [(done, _)] => lost_after.push(*done),
            [] => break,
            other => panic!("{submissions}: {other:?}"),
        }
    }
    let between = |done: &usize| (1..steps).contains(done);
    assert!(lost_after.iter().any(between), "{lost_after:?}");
}

#[test]
fn a_lost_device_does_not_change_when_a_training_stops() {
    if !has_gpu("early stopping on devices") {
        return;
    }
    let place = Place::new();
    write_noise(&place.path("data.csv"));
    place.keygen("keys").unwrap();
    place.encrypt("keys", "train.vg").unwrap();
    let parties = |on: [DeviceChoice; 2], notes: [&mut Notes; 2]| {
        let config = TrainJobConfig {
            epochs: Some(12),
            early_stopping: true,
            device: on[0],
            ..place.train_config("keys")
        };
        let answering = RefreshConfig {
            device: on[1],
            ..place.refresh_config("keys")
        };
        let [server, owner] = notes;
        let (trained, answered) = thread::scope(|scope| {
            let owner = scope.spawn(|| job::refresh(&answering, owner));
            (job::train(&config, server), owner.join().unwrap())
        });
        let trained = trained.unwrap();
        // No question is answered twice.
        assert_eq!(answered.unwrap().refreshes, trained.steps);
        (trained.steps, trained.best_epoch)
    };
    stops_as_on_the_cpu(60, |device, notes| {
        parties([device, DeviceChoice::Cpu], [notes, &mut Notes::default()])
    });
    // The owner forgets no epoch either.
    stops_as_on_the_cpu(20, |device, notes| {
        let mut owner = Notes::default();
        let stopped = parties([DeviceChoice::Cpu, device], [notes, &mut owner]);
        assert_eq!(notes.epochs, owner.epochs);
        notes.notes.append(&mut owner.notes);
        stopped
    });
    place.decrypt("keys", "model.vg").unwrap();
    stops_as_on_the_cpu(100, |device, notes| {
        let mut config = RunConfig {
            device,
            ..place.run_config()
        };
        config.train.epochs = Some(12);
        config.train.patience = Some(2);
        let report = job::run(&config, notes).unwrap();
        assert!(report.weight_error < 5e-2, "{}", report.weight_error);
        (report.steps, report.best_epoch)
    });
}

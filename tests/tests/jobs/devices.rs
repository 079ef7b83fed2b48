//! Jobs on a GPU, and on one that fails: the CPU goes on to the same bits.

use super::*;
use host::gpu::adapters;
use host::job::{Fault, GpuChoice};
use tests::backends::is_gpu_required;

/// Keeps notes, and counts steps.
#[derive(Default)]
struct Notes {
    steps: Vec<usize>,
    plans: Vec<String>,
    notes: Vec<(usize, String)>,
}

impl Observer for Notes {
    fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Step(report) => self.steps.push(report.step),
            Event::Plan(report) => self.plans.push(report.device.clone()),
            Event::Note(note) => self.notes.push((self.steps.len(), note.clone())),
            _ => {}
        }
    }
}

impl Notes {
    /// The notes on devices, with the steps that were done before each.
    fn of_devices(&self) -> Vec<(usize, &str)> {
        let notes = self.notes.iter().filter(|(_, note)| note.contains("CPU"));
        notes.map(|(steps, note)| (*steps, note.as_str())).collect()
    }
}

fn gpu(fault: Option<Fault>) -> DeviceChoice {
    DeviceChoice::Gpu(GpuChoice {
        number: None,
        fault,
    })
}

/// Whether there is a GPU; says that `test` was skipped if not.
fn has_gpu(test: &str) -> bool {
    let is_there = adapters().iter().any(|adapter| adapter.usable);
    assert!(is_there || !is_gpu_required(), "{test}: no GPU");
    if !is_there {
        eprintln!("skipped, no GPU: {test}");
    }
    is_there
}

#[test]
fn a_model_has_the_same_bytes_whatever_device_fails_in_whatever_way() {
    if !has_gpu("model on devices") {
        return;
    }
    let faults = [
        (None, ""),
        (
            Some(Fault::WrongWords),
            "failed its self-test: the transform gives wrong words",
        ),
        (Some(Fault::Memory(2 << 20)), "cannot hold"),
        (Some(Fault::HiddenMemory(2 << 20)), "out of memory"),
        (Some(Fault::LostAfter(1)), "the device was lost"),
        (Some(Fault::LostAfter(40)), "the device was lost"),
    ];
    let place = Place::new();
    // One step, which needs no refresh: the model follows from the files.
    write_data(&place.path("data.csv"), 40, 3);
    place.keygen("keys").unwrap();
    place.encrypt("keys", "train.vg").unwrap();
    let train = |device: DeviceChoice| {
        let config = TrainJobConfig {
            epochs: Some(1),
            device,
            ..place.train_config("keys")
        };
        let mut notes = Notes::default();
        assert_eq!(job::train(&config, &mut notes).unwrap().steps, 1);
        (fs::read(place.path("model.vg")).unwrap(), notes)
    };
    let (right, _) = train(DeviceChoice::Cpu);
    for (fault, told) in faults {
        let (model, notes) = train(gpu(fault));
        assert!(model == right, "{fault:?}");
        match (fault, notes.of_devices().as_slice()) {
            (None, notes) => assert!(notes.is_empty(), "{notes:?}"),
            (Some(_), [(0, note)]) => assert!(note.contains(told), "{fault:?}: {note}"),
            (Some(_), notes) => panic!("{fault:?}: {notes:?}"),
        }
        let last = notes.plans.last().unwrap();
        assert_eq!(last.starts_with("gpu"), fault.is_none(), "{last}");
    }
}

#[test]
fn a_training_goes_on_from_its_last_step_when_the_device_is_lost() {
    if !has_gpu("lost in the middle") {
        return;
    }
    let place = Place::new();
    place.keygen("keys").unwrap();
    place.encrypt("keys", "train.vg").unwrap();
    for submissions in (100..).step_by(100) {
        let config = TrainJobConfig {
            device: gpu(Some(Fault::LostAfter(submissions))),
            ..place.train_config("keys")
        };
        let answering = place.refresh_config("keys");
        let mut notes = Notes::default();
        let (trained, answered) = thread::scope(|scope| {
            let owner = scope.spawn(|| job::refresh(&answering, &mut Heard::default()));
            (job::train(&config, &mut notes), owner.join().unwrap())
        });
        // No question is answered twice.
        assert_eq!(answered.unwrap().refreshes, trained.unwrap().steps - 1);
        assert_eq!(notes.steps, [1, 2, 3, 4], "no step is done twice");
        match notes.of_devices().as_slice() {
            [(0, _)] => {}
            [(steps, note)] => {
                assert!(*steps < 4 && note.contains("the device was lost"), "{note}");
                break;
            }
            other => panic!("{submissions}: {other:?}"),
        }
    }
    place.decrypt("keys", "model.vg").unwrap();
    assert!(place.evaluate("model.safetensors").unwrap().test_accuracy > 0.8);
}

#[test]
fn one_process_trains_on_a_gpu_and_goes_on_without_it() {
    if !has_gpu("run on devices") {
        return;
    }
    let place = Place::new();
    for (fault, name) in [(None, "gpu"), (Some(Fault::LostAfter(300)), "cpu")] {
        let config = RunConfig {
            device: gpu(fault),
            ..place.run_config()
        };
        let mut notes = Notes::default();
        let report = job::run(&config, &mut notes).unwrap();
        assert!(report.device.starts_with(name), "{}", report.device);
        assert_eq!(notes.steps, [1, 2, 3, 4]);
        assert_eq!(notes.of_devices().len(), usize::from(fault.is_some()));
        assert!(report.weight_error < 5e-3, "{}", report.weight_error);
    }
}

#[test]
fn a_gpu_that_is_not_there_is_an_error() {
    let place = Place::new();
    let config = RunConfig {
        device: DeviceChoice::Gpu(GpuChoice {
            number: Some(99),
            fault: None,
        }),
        ..place.run_config()
    };
    let error = job::run(&config, &mut Heard::default()).unwrap_err();
    assert!(matches!(error, JobError::Device(_)), "{error}");
    assert!(error.to_string().contains("veilgrad devices"), "{error}");
}

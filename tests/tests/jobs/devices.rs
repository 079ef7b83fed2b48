//! Jobs on a GPU, and on one that fails: the CPU goes on to the same bits.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::*;
use engine::bootstrap::{Bootstrapper, key_plan};
use engine::circuits::Rotations;
use host::gpu::{Options, adapters};
use host::job::{
    CalibrateConfig, Fault, GpuChoice, Operation, PlanConfig, ProfileConfig, PruneRounds,
    PruneSchedule, Pruning, Rule, Scope, Score, StepShape,
};
use tests::Fixture;
use tests::backends::is_gpu_required;

/// Keeps notes, and counts steps.
#[derive(Default)]
pub(super) struct Notes {
    pub(super) steps: Vec<usize>,
    /// The epochs that the owner was asked about.
    pub(super) epochs: Vec<usize>,
    /// The choices of samples.
    rounds: Vec<usize>,
    /// What each choice sent to the owner and to the server, as it was told last.
    sent: BTreeMap<usize, [u64; 2]>,
    plans: Vec<String>,
    pub(super) notes: Vec<(usize, String)>,
}

impl Observer for Notes {
    fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Step(report) => self.steps.push(report.step),
            Event::Validation(report) => self.epochs.push(report.epoch),
            Event::Prune(report) => {
                self.rounds.push(report.round);
                let sent = [report.bytes_to_owner, report.bytes_to_server];
                self.sent.insert(report.round, sent);
            }
            Event::Plan(report) => self.plans.push(report.device.clone()),
            Event::Note(note) => {
                let done = self.steps.len().max(self.epochs.len());
                self.notes.push((done, note.clone()));
            }
            _ => {}
        }
    }
}

impl Notes {
    /// The notes on devices, with the steps (or, for an owner, epochs) that were done before each.
    pub(super) fn of_devices(&self) -> Vec<(usize, &str)> {
        let notes = self.notes.iter().filter(|(_, note)| note.contains("CPU"));
        notes.map(|(steps, note)| (*steps, note.as_str())).collect()
    }
}

pub(super) fn gpu(fault: Option<Fault>) -> DeviceChoice {
    DeviceChoice::Gpu(GpuChoice {
        number: None,
        fault,
    })
}

/// Whether there is a GPU; says that `test` was skipped if not.
pub(super) fn has_gpu(test: &str) -> bool {
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
        (
            Some(Fault::WrongWeights),
            "failed its self-test: the key switch gives wrong words",
        ),
        (Some(Fault::Memory(2 << 20)), "cannot hold"),
        (Some(Fault::HiddenMemory(2 << 20)), "out of memory"),
        (Some(Fault::FullAfter(40)), "out of memory"),
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
fn a_training_that_bootstraps_ends_with_the_same_bytes_when_the_device_is_lost_or_full() {
    if !has_gpu("lost among bootstraps") {
        return;
    }
    let place = Place {
        params: "insecure-11-boot",
        ..Place::new()
    };
    place.keygen("keys").unwrap();
    place.encrypt("keys", "train.vg").unwrap();
    let train = |device: DeviceChoice| {
        let config = TrainJobConfig {
            epochs: Some(1),
            exchange: None,
            device,
            ..place.train_config("keys")
        };
        let mut notes = Notes::default();
        assert_eq!(job::train(&config, &mut notes).unwrap().steps, 2);
        assert_eq!(notes.steps, [1, 2], "no step is done twice");
        (fs::read(place.path("model.vg")).unwrap(), notes)
    };
    let (right, _) = train(DeviceChoice::Cpu);
    let submissions = lost_at(1024, |device| {
        let (model, notes) = train(device);
        assert!(model == right, "{:?}", notes.notes);
        match notes.of_devices().as_slice() {
            [] => Ordering::Greater,
            // In the second step, behind the bootstrap that ends the first.
            [(done, _)] => done.cmp(&1),
            other => panic!("{other:?}"),
        }
    });
    // A device whose memory ends there.
    let (model, notes) = train(gpu(Some(Fault::FullAfter(submissions))));
    assert!(model == right, "{:?}", notes.notes);
    match notes.of_devices().as_slice() {
        [(1, note)] => assert!(note.contains("out of memory"), "{note}"),
        other => panic!("{other:?}"),
    }
}

/// Trains on devices that are lost after ever another number of submissions, less than `all`, until one is lost where it is
/// to be: a training says whether that was earlier or later. The number of submissions.
fn lost_at(all: u64, mut training: impl FnMut(DeviceChoice) -> Ordering) -> u64 {
    let (mut early, mut late) = (1, all);
    while late - early > 1 {
        let submissions = u64::midpoint(early, late);
        match training(gpu(Some(Fault::LostAfter(submissions)))) {
            Ordering::Less => early = submissions,
            Ordering::Equal => return submissions,
            Ordering::Greater => late = submissions,
        }
    }
    panic!("never lost where it is to be: not after {early}, not after {late} submissions");
}

#[test]
fn a_pruned_training_ends_with_the_same_bytes_when_the_device_is_lost_among_scores() {
    if !has_gpu("lost among scores") {
        return;
    }
    let pruning = Pruning {
        score: Score::LogitMargin,
        scope: Scope::Rows,
    };
    let place = Place {
        params: "insecure-11-boot",
        pruning: Some(pruning),
        ..Place::new()
    };
    place.keygen("keys").unwrap();
    place.encrypt("keys", "train.vg").unwrap();
    // Two steps on all rows, then two choices for one epoch each.
    let schedule = PruneSchedule {
        warmup: 1,
        every: 1,
        trained: false,
    };
    let rounds = PruneRounds {
        schedule,
        ..prune::rounds(0.5, Rule::Hardest, Scope::Rows)
    };
    // An owner hears nothing during the steps of a warm-up, which a software device takes its time for.
    let wait = Duration::from_secs(600);
    let train = |device: DeviceChoice| {
        let config = TrainJobConfig {
            epochs: Some(3),
            prune: Some(rounds),
            device,
            wait,
            ..place.train_config("keys")
        };
        let answering = RefreshConfig {
            device: DeviceChoice::Cpu,
            wait,
            ..place.refresh_config("keys")
        };
        let mut notes = Notes::default();
        let (trained, answered) = thread::scope(|scope| {
            let owner = scope.spawn(|| job::refresh(&answering, &mut Heard::default()));
            (job::train(&config, &mut notes), owner.join().unwrap())
        });
        let pruning = trained.unwrap().pruning.unwrap();
        assert_eq!((pruning.prune_rounds, pruning.scorings), (2, 2));
        assert_eq!(answered.unwrap().masks, 2, "each mask is asked for once");
        assert_eq!(notes.steps, [1, 2, 3, 4], "no step is done twice");
        let all = |side: usize| notes.sent.values().map(|sent| sent[side]).sum::<u64>();
        let summary = [pruning.bytes_to_owner, pruning.bytes_to_server];
        assert_eq!([all(0), all(1)], summary, "{:?}", notes.notes);
        (fs::read(place.path("model.vg")).unwrap(), notes)
    };
    let (right, notes) = train(DeviceChoice::Cpu);
    assert_eq!(notes.rounds, [0, 1]);
    assert!(notes.sent.values().flatten().all(|&bytes| bytes > 0));
    let sent = notes.sent;
    lost_at(2048, |device| {
        let (model, notes) = train(device);
        assert!(model == right, "{:?}", notes.notes);
        // Whether the choice was made on this device or on the one before.
        assert_eq!(notes.sent, sent, "{:?}", notes.notes);
        match notes.of_devices().as_slice() {
            [] => Ordering::Greater,
            [(2, _)] if notes.rounds == [0, 1] => Ordering::Equal,
            // Behind the first choice, which was merged again on the CPU.
            [(2, _)] => Ordering::Greater,
            [(done, _)] => done.cmp(&2),
            other => panic!("{other:?}"),
        }
    });
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
    let refused = |error: JobError| {
        assert!(matches!(error, JobError::Device(_)), "{error}");
        assert!(error.to_string().contains("veilgrad devices"), "{error}");
    };
    refused(job::run(&config, &mut Heard::default()).unwrap_err());
    // What is known of the CPU is not known of it.
    let calibration = |device: DeviceChoice| CalibrateConfig {
        params: config.params.clone(),
        refresh: config.refresh,
        device,
        threads: config.threads,
        cache: place.path("calibrations"),
        again: false,
    };
    job::calibrate(&calibration(DeviceChoice::Cpu), &mut Heard::default()).unwrap();
    let calibrated = job::calibrate(&calibration(config.device), &mut Heard::default());
    refused(calibrated.unwrap_err());
    let plan = PlanConfig {
        run: config,
        cache: place.path("calibrations"),
    };
    refused(job::plan(&plan, &mut Heard::default()).unwrap_err());
}

#[test]
fn a_gpu_that_fails_among_the_maps_of_bootstraps_is_a_failure_of_the_device() {
    let params = tests::params("insecure-11-boot");
    let Some(gpu) = tests::backends::gpu("maps", &params, &Options::default()) else {
        return;
    };
    let plan = key_plan(&params, Rotations::Hoisted).unwrap();
    let f = Fixture::with_plan(params, gpu, &plan);
    f.backend.limit_memory(0);
    let error = Bootstrapper::new(f.evaluator(), Rotations::Hoisted).err();
    let error = JobError::from(error.unwrap());
    assert!(matches!(error, JobError::Backend(_)), "{error}");
}

#[test]
fn a_gpu_that_fails_is_not_profiled_as_something_else() {
    if !has_gpu("profile of a failing device") {
        return;
    }
    let name = adapters().into_iter().find(|adapter| adapter.usable);
    let name = name.unwrap().name;
    let config = ProfileConfig {
        operation: Operation::KeySwitch,
        params: ParamsChoice::Named("insecure-10".to_owned()),
        level: None,
        batch: 1,
        step: StepShape::default(),
        repetitions: 1,
        device: gpu(Some(Fault::HiddenMemory(2 << 20))),
        threads: None,
        trace: None,
    };
    let error = job::profile(&config, &mut Heard::default()).unwrap_err();
    assert!(matches!(error, JobError::Device(_)), "{error}");
    for told in [&name, "out of memory", "--device cpu"] {
        assert!(error.to_string().contains(told), "{error}");
    }
}

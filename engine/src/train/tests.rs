//! The training program in slots against the same training on `f64`.

use std::sync::Arc;

use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use super::*;
use crate::circuits::activation::{Approximation, Sigmoid, Softmax};
use crate::circuits::matmul::SampleMask;
use crate::circuits::packing::{Grouping, Layout, WeightSet};
use crate::circuits::{Clear, ClearVector, NoiseModel, Operation, Parts, Passage, Phase, Slots};
use crate::ckks::{EvalError, Level, presets};

/// Numbers in `[-1, 1]`.
fn numbers(count: usize, seed: u64) -> Vec<f64> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    (0..count)
        .map(|_| f64::from(random.next_u32()) / f64::from(u32::MAX / 2) - 1.0)
        .collect()
}

/// Samples around one centre for each class, features in `[-1, 1]`; every class in turn.
fn blobs(samples: usize, classes: usize, features: usize, seed: u64) -> (Vec<f64>, Vec<usize>) {
    let centres = numbers(classes * features, 1);
    let noise = numbers(samples * features, 2 + seed);
    let labels: Vec<usize> = (0..samples).map(|i| i % classes).collect();
    let x = (0..samples * features)
        .map(|at| 0.5 * centres[labels[at / features] * features + at % features] + 0.5 * noise[at])
        .collect();
    (x, labels)
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter()
        .zip(b)
        .map(|(x, y)| (x - y).abs())
        .fold(0.0, f64::max)
}

struct Job<A> {
    machine: Clear,
    step: Step<A, <Clear as Slots>::Plain>,
    state: ClearVector,
    levels: StepLevels,
    steps: usize,
}

impl<A: Approximation + Clone> Job<A> {
    /// With 22 levels at a time.
    fn new(machine: Clear, layout: &Layout, activation: &A, rate: f64, start: &Model) -> Self {
        Self::with_levels(machine, layout, activation, rate, start, Level(22))
    }

    fn with_levels(
        machine: Clear,
        layout: &Layout,
        activation: &A,
        rate: f64,
        start: &Model,
        top: Level,
    ) -> Self {
        let step = Step::new(&machine, layout, activation.clone(), rate, top).unwrap();
        let state = layout.pack_state(start.values(), start.values()).unwrap();
        let levels = step.levels();
        let state = machine.vector(&state, levels.state).unwrap();
        Self {
            machine,
            step,
            state,
            levels,
            steps: 0,
        }
    }

    fn batch(&self, x: &[f64], labels: &[usize]) -> Batch<ClearVector, <Clear as Slots>::Plain> {
        let layout = self.step.layout();
        let tiles = layout.pack_features(x).unwrap();
        let tile = |tile: &Vec<_>| self.machine.vector(tile, self.levels.features).unwrap();
        let columns = layout.pack_labels(labels).unwrap();
        Batch {
            features: tiles.iter().map(tile).collect(),
            labels: self.machine.vector(&[columns], self.levels.labels).unwrap(),
            counted: Arc::new(SampleMask::first(&self.machine, layout, labels.len()).unwrap()),
        }
    }

    fn run(&mut self, batch: &Batch<ClearVector, <Clear as Slots>::Plain>) {
        let state = self
            .step
            .run(&self.machine, &self.state, batch, self.steps)
            .unwrap();
        assert_eq!(self.machine.level(&state), self.levels.result);
        self.state = self
            .machine
            .refresh(&state, self.levels.state, 64.0, Parts::Complex)
            .unwrap();
        self.steps += 1;
    }

    fn model(&self, set: WeightSet) -> Model {
        let layout = self.step.layout();
        let values = layout
            .unpack_state(&self.machine.values(&self.state), set)
            .unwrap();
        Model::from_values(layout.classes(), layout.features(), values).unwrap()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn steps_are_those_of_plain_training(
        log_slots in 9u32..12, classes in 2usize..=64, features in 1usize..100,
        size in 0usize..1000, present in 0usize..1000,
        grouping in prop_oneof![Just(Grouping::Packed), Just(Grouping::Flat)],
    ) {
        let slots = 1 << log_slots;
        let batch = 1 + size * (slots / classes.next_power_of_two() - 1) / 999;
        let present = 1 + present * (batch - 1) / 999;
        let layout = Layout::plan(slots, classes, features, batch, grouping).unwrap();
        let sigmoid = Sigmoid::new(8.0, 7);
        // Small enough for logits in the interval.
        let rate = 2.0 / (features + 1) as f64;
        let start = numbers(classes * (features + 1), 3).iter().map(|w| rate * w).collect();
        let start = Model::from_values(classes, features, start).unwrap();
        let mut job = Job::new(Clear::exact(slots), &layout, &sigmoid, rate, &start);
        let mut plain = ExactTrainer::new(start, &sigmoid, Precision::Approximate);
        for samples in [batch, present, batch] {
            let (x, labels) = blobs(samples, classes, features, samples as u64);
            job.run(&job.batch(&x, &labels));
            plain.step(&x, &labels, rate);
        }
        prop_assert!(distance(job.model(WeightSet::Weights).values(), plain.weights().values()) < 1e-9);
        prop_assert!(distance(job.model(WeightSet::LookAhead).values(), plain.look_ahead().values()) < 1e-9);
        // Weights of classes that are padding stay zero.
        let everything = job.machine.values(&job.state).concat();
        let ours = layout.pack_state(plain.weights().values(), plain.look_ahead().values()).unwrap();
        for (slot, (found, want)) in everything.iter().zip(ours.concat()).enumerate() {
            prop_assert!((found - want).norm() < 1e-9, "slot {slot}");
        }
    }
}

/// A training of some epochs; the model and its accuracy on other samples.
fn train(mut job: Job<Sigmoid>, epochs: usize, data: &[(Vec<f64>, Vec<usize>)]) -> Model {
    let batches: Vec<_> = data
        .iter()
        .map(|(x, labels)| job.batch(x, labels))
        .collect();
    for batch in std::iter::repeat_n(&batches, epochs).flatten() {
        job.run(batch);
    }
    job.model(WeightSet::Weights)
}

#[test]
fn softmax_steps_are_those_of_plain_training_and_padding_stays_zero() {
    for (classes, top) in [(2, 22), (3, 13), (10, 16), (33, 13)] {
        let layout = Layout::plan(1 << 11, classes, 6, 30, Grouping::Packed).unwrap();
        let softmax = Softmax::new(16.0, classes);
        let start = numbers(classes * 7, 3).iter().map(|w| 0.3 * w).collect();
        let start = Model::from_values(classes, 6, start).unwrap();
        let machine = Clear::exact(1 << 11);
        let mut job = Job::with_levels(machine, &layout, &softmax, 1.0, &start, Level(top));
        let mut plain = ExactTrainer::new(start, &softmax, Precision::Approximate);
        for samples in [30, 17] {
            let (x, labels) = blobs(samples, classes, 6, samples as u64);
            job.run(&job.batch(&x, &labels));
            plain.step(&x, &labels, 1.0);
        }
        let found = job.machine.values(&job.state).concat();
        let wanted = layout.pack_state(plain.weights().values(), plain.look_ahead().values());
        for (found, want) in found.iter().zip(wanted.unwrap().concat()) {
            assert!(
                (found - want).norm() < 1e-9,
                "{classes} classes: {found} {want}"
            );
        }
    }
}

#[test]
fn training_reaches_the_accuracy_of_exact_training() {
    let (classes, features) = (5, 12);
    let layout = Layout::plan(1 << 10, classes, features, 128, Grouping::Packed).unwrap();
    let sigmoid = Sigmoid::new(12.0, 15);
    let start = Model::zeros(classes, features);
    let data = [
        blobs(128, classes, features, 0),
        blobs(100, classes, features, 1),
    ];
    let (x, labels) = blobs(500, classes, features, 9);
    let mut exact = ExactTrainer::new(start.clone(), &sigmoid, Precision::Exact);
    for (x, labels) in std::iter::repeat_n(&data, 12).flatten() {
        exact.step(x, labels, 2.0);
    }
    assert!(exact.largest_logit() < sigmoid.range());
    let wanted = exact.weights().accuracy(&x, &labels);
    assert!(
        wanted > 0.9,
        "exact training is the wrong example: {wanted}"
    );

    let quiet = Job::new(Clear::exact(1 << 10), &layout, &sigmoid, 2.0, &start);
    let quiet = train(quiet, 12, &data);
    assert!((quiet.accuracy(&x, &labels) - wanted).abs() <= 0.01);

    // A scale of 29.6 bits at degree 2^15: a rounding is 2^-17.2 of a slot.
    let params = presets::named("leveled-15").unwrap().unwrap();
    let noise = NoiseModel::of(&params);
    let rounding = noise.rescale(Level(1));
    let noisy = Job::new(
        Clear::noisy(1 << 10, noise, 5),
        &layout,
        &sigmoid,
        2.0,
        &start,
    );
    let noisy = train(noisy, 12, &data);
    assert!((noisy.accuracy(&x, &labels) - wanted).abs() <= 0.01);
    let error = distance(noisy.values(), quiet.values());
    println!(
        "noise of {:.1e} a rounding moves weights by {error:.1e} in 24 steps",
        rounding
    );
    assert!(error > rounding && error < 1e-2, "{error:e}");
}

#[test]
fn a_state_that_is_too_low_or_too_large_is_refused() {
    let layout = Layout::plan(512, 3, 4, 16, Grouping::Packed).unwrap();
    let start = Model::zeros(3, 4);
    let job = Job::new(
        Clear::exact(512),
        &layout,
        &Sigmoid::new(8.0, 7),
        1.0,
        &start,
    );
    let (x, labels) = blobs(16, 3, 4, 0);
    let low = job
        .machine
        .lower(&job.state, Level(job.levels.state.0 - 1))
        .unwrap();
    let error = job
        .step
        .run(&job.machine, &low, &job.batch(&x, &labels), 0)
        .unwrap_err();
    assert!(matches!(
        error,
        EvalError::LevelExhausted {
            op: "training step",
            ..
        }
    ));
    let large = job.machine.add_const(&job.state, 3.0).unwrap();
    let error = job
        .machine
        .refresh(&large, Level(9), 2.0, Parts::Complex)
        .unwrap_err();
    assert_eq!(
        error,
        EvalError::OutOfRange {
            op: "refresh",
            found: 3.0,
            bound: 2.0
        }
    );
}

/// What a step costs: key switches without activation, levels with it, rotation keys.
fn cost(layout: &Layout) -> (u64, usize, usize) {
    let sigmoid = Sigmoid::new(12.0, 13);
    let budget = step_budget(layout, sigmoid.clone(), Level(13)).unwrap();
    println!("{layout:?}: {budget}");
    let activation: usize = sigmoid.stages().iter().map(|stage| stage.work).sum();
    assert_eq!(
        budget.key_switches(),
        (layout.key_switches() + activation) as u64
    );
    assert_eq!(budget.count(Operation::RealRefresh), 0);
    (
        layout.key_switches() as u64,
        budget.depth(),
        budget.rotations().len(),
    )
}

#[test]
fn costs_of_known_jobs() {
    let digits = |grouping| Layout::plan(1 << 14, 10, 64, 1024, grouping).unwrap();
    assert_eq!(cost(&digits(Grouping::Packed)), (169, 12, 45));
    assert_eq!(cost(&digits(Grouping::Flat)), (266, 10, 37));
    let large = |grouping| Layout::plan(1 << 15, 16, 768, 2048, grouping).unwrap();
    assert_eq!(cost(&large(Grouping::Packed)), (508, 12, 53));
    assert_eq!(cost(&large(Grouping::Flat)), (816, 10, 59));
}

#[test]
fn a_large_step_with_softmax_keeps_its_budget() {
    // 2,048 samples of 768 features, 13 levels after a refresh; the refresh of the state behind the step is one more.
    for (classes, range, switches, refreshes) in [
        (10, 16.0, 568, 2),
        (10, 32.0, 579, 3),
        (16, 32.0, 581, 3),
        (16, 128.0, 603, 4),
    ] {
        let layout = Layout::plan(1 << 15, classes, 768, 2048, Grouping::Packed).unwrap();
        let budget = step_budget(&layout, Softmax::new(range, classes), Level(13)).unwrap();
        println!("{classes} classes, {range}: {budget}");
        assert_eq!(budget.key_switches(), switches);
        assert_eq!(budget.count(Operation::RealRefresh), refreshes);
    }
}

#[test]
fn every_operation_of_a_step_is_in_a_phase() {
    let layout = Layout::plan(1 << 15, 10, 768, 2048, Grouping::Packed).unwrap();
    let budget = step_budget(&layout, Softmax::new(32.0, 10), Level(13)).unwrap();
    let known: u64 = Phase::ALL
        .iter()
        .flat_map(|&phase| budget.counts_in(phase).into_values())
        .sum();
    assert_eq!(known, budget.counts().values().sum::<u64>());
    let switches = |phase| {
        let passages = budget.passages().iter();
        let of_phase = passages.filter(|passage| passage.phase == Some(phase));
        of_phase.map(Passage::key_switches).sum::<u64>()
    };
    // The refreshes apart, each phase takes key switches, and the products of matrices are not all of them.
    for phase in &Phase::ALL[..5] {
        assert!(switches(*phase) > 0, "{phase:?}");
    }
    assert_eq!(switches(Phase::Refresh), 0);
    let refreshed: u64 = budget.counts_in(Phase::Refresh).into_values().sum();
    assert_eq!(refreshed, budget.count(Operation::RealRefresh));
    let phases: Vec<_> = budget
        .passages()
        .iter()
        .map(|passage| passage.phase)
        .collect();
    let [first, last] = [phases.first(), phases.last()].map(|phase| phase.copied().flatten());
    assert_eq!([first, last], [Some(Phase::Spreading), Some(Phase::Update)]);
}

#[test]
fn key_switches_are_as_planned_for_odd_shapes() {
    for (slots, classes, features, batch) in [
        (512, 64, 100, 8),
        (512, 2, 1, 1),
        (1024, 3, 40, 256),
        (2048, 33, 300, 20),
    ] {
        for grouping in [Grouping::Packed, Grouping::Flat] {
            cost(&Layout::plan(slots, classes, features, batch, grouping).unwrap());
        }
    }
}

#[test]
fn cost_of_validation_logits() {
    let layout = Layout::plan(1 << 14, 10, 64, 1024, Grouping::Packed).unwrap();
    let budget = logits_budget(&layout, Sigmoid::new(12.0, 13), Level(4)).unwrap();
    assert_eq!((budget.key_switches(), budget.depth()), (95, 4));
}

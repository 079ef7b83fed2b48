//! Owner and server against training on `f64`.

use std::sync::Arc;

use super::*;
use crate::backend::Reference;
use crate::circuits::activation::ActivationChoice;
use crate::circuits::{Clear, Costs, NoiseModel, Parts, Refresh};
use crate::ckks::{
    Ciphertext, Encoder, EvalError, EvaluationKeys, Evaluator, Level, Params, SecretKey, presets,
};
use crate::ring::sampling::Seed;
use crate::train::{ExactTrainer, Model, Precision};

const SHAPE: Task = Task {
    features: 3,
    classes: 2,
    batch: 16,
};
const ACTIVATION: ActivationChoice = ActivationChoice::Sigmoid {
    range: 8.0,
    degree: 5,
};

fn params() -> Params {
    presets::named("insecure-10").unwrap().unwrap()
}

/// An owner in the same process.
struct AtHand<'a>(&'a Owner<'a, Reference>);

impl Refresh<Reference> for AtHand<'_> {
    fn refresh(
        &self,
        x: &Ciphertext<Reference>,
        to: Level,
        bound: f64,
        _: Parts,
    ) -> Result<Ciphertext<Reference>, EvalError> {
        let request = RefreshRequest {
            ciphertext: x.clone(),
            to,
            bound,
        };
        Ok(self.0.refresh(&request, &Seed([7; 32]))?.ciphertext)
    }
}

#[test]
fn steps_agree_with_training_in_the_clear() {
    let params = params();
    let backend = Reference::new(Arc::clone(params.ring()));
    let plan = Plan::new(&params, SHAPE, ACTIVATION, RefreshBy::Owner).unwrap();
    let encoder = Arc::new(Encoder::new(params.degree()));
    let secret = SecretKey::generate(&params, &Seed([1; 32]));
    let owner = Owner::new(&backend, &params, Arc::clone(&encoder), secret);
    let mut keys = EvaluationKeys::default();
    let mut made = 0;
    owner
        .evaluation_keys(plan.keys(), &Seed([2; 32]), |name, key| {
            made += 1;
            name.insert(&mut keys, params.degree(), key);
            Ok::<_, EvalError>(())
        })
        .unwrap();
    assert_eq!(made, plan.keys().len());

    let features: Vec<f64> = (0..48)
        .map(|i| f64::from(i * 37 % 20) / 10.0 - 1.0)
        .collect();
    let labels: Vec<usize> = features
        .chunks(3)
        .map(|x| usize::from(x[0] > x[1]))
        .collect();
    let at_hand = AtHand(&owner);
    let evaluator = Evaluator::new(&backend, &params, encoder, &keys);
    let server = Server::new(evaluator, &at_hand, &plan, 1.0).unwrap();
    let start = Model::zeros(2, 3);
    let mut clear = ExactTrainer::new(start.clone(), plan.activation(), Precision::Approximate);
    let mut state = owner
        .encrypt_start(&plan, &start, &Seed([3; 32]))
        .unwrap()
        .ciphertext;
    for (step, seed) in [4, 5].into_iter().enumerate() {
        let samples = 16 - 4 * step;
        let (x, y) = (&features[..3 * samples], &labels[..samples]);
        let batch = owner.encrypt_batch(&plan, x, y, &Seed([seed; 32])).unwrap();
        state = server
            .refresh(&server.step(&state, &batch.received(), step).unwrap())
            .unwrap();
        assert_eq!(state.level(), plan.levels().state);
        clear.step(x, y, 1.0);
    }
    // Validation logits, in two parts.
    let parts = [16, 5].map(|samples| {
        let fresh = owner.encrypt_validation(&plan, &features[..3 * samples], &Seed([8; 32]));
        fresh
            .unwrap()
            .into_iter()
            .map(|tile| tile.ciphertext)
            .collect::<Vec<_>>()
    });
    let logits = server.validation_logits(&state, &parts).unwrap();
    assert_eq!(logits.level(), Level(0));
    let logits = owner.validation_logits(&plan, &logits, &[16, 5]).unwrap();
    let samples = features.chunks(3).chain(features.chunks(3).take(5));
    for (found, sample) in logits.chunks(2).zip(samples) {
        for (found, want) in found.iter().zip(clear.weights().logits(sample)) {
            assert!((found - want).abs() < 5e-3, "{found} {want}");
        }
    }

    let model = owner.model(&plan, &state).unwrap();
    let error = model.values().iter().zip(clear.weights().values());
    let error = error.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(error < 1e-4, "{error:e}");

    // Weights beyond the bound are not encrypted again.
    let request = RefreshRequest {
        ciphertext: state,
        to: plan.levels().state,
        bound: 1e-3,
    };
    let refused = owner.refresh(&request, &Seed([9; 32])).err();
    assert!(matches!(
        refused,
        Some(EvalError::OutOfRange { op: "refresh", .. })
    ));
}

#[test]
fn a_simulation_is_the_training_in_the_clear() {
    let params = params();
    let softmax = ActivationChoice::Softmax { range: 8.0 };
    let features: Vec<f64> = (0..48)
        .map(|i| f64::from(i * 37 % 20) / 10.0 - 1.0)
        .collect();
    let labels: Vec<usize> = (0..16).map(|i| i % 2).collect();
    for activation in [ACTIVATION, softmax] {
        let plan = Plan::new(&params, SHAPE, activation, RefreshBy::Owner).unwrap();
        let start = Model::zeros(2, 3);
        let error = |machine: Clear| {
            let mut clear =
                ExactTrainer::new(start.clone(), plan.activation(), Precision::Approximate);
            let mut simulation = Simulation::new(machine, &plan, &start, 1.0).unwrap();
            for samples in [16, 9, 16] {
                let (x, y) = (&features[..3 * samples], &labels[..samples]);
                simulation.step(x, y).unwrap();
                clear.step(x, y, 1.0);
            }
            let model = simulation.model().unwrap();
            let pairs = model.values().iter().zip(clear.weights().values());
            pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
        };
        let slots = params.slots();
        assert!(error(Clear::exact(slots)) < 1e-9);
        let noisy = error(Clear::noisy(slots, NoiseModel::of(&params), 1));
        assert!(noisy > 1e-9 && noisy < 1e-3, "{noisy:e}");
    }
}

#[test]
fn tasks_that_do_not_fit_are_refused() {
    let params = params();
    let shape = Task {
        batch: 257,
        ..SHAPE
    };
    assert!(matches!(
        Plan::new(&params, shape, ACTIVATION, RefreshBy::Owner),
        Err(PlanError::Packing(_))
    ));
    let small = presets::named("leveled-13").unwrap().unwrap();
    let long = ActivationChoice::Sigmoid {
        range: 32.0,
        degree: 61,
    };
    let error = Plan::new(&small, SHAPE, long, RefreshBy::Owner)
        .err()
        .unwrap();
    assert!(
        matches!(
            error,
            PlanError::Levels {
                needed: 6,
                found: 4,
                ..
            }
        ),
        "{error}"
    );
    // Four levels at a time are enough for a shorter one.
    let plan = Plan::new(&small, SHAPE, ACTIVATION, RefreshBy::Owner).unwrap();
    assert_eq!(plan.refreshes().len(), 3);
    // Ten levels are too few for packed diagonals.
    let middle = presets::named("leveled-14").unwrap().unwrap();
    let activation = ActivationChoice::Sigmoid {
        range: 16.0,
        degree: 13,
    };
    let plan = Plan::new(&middle, SHAPE, activation, RefreshBy::Owner).unwrap();
    assert_eq!(
        (plan.levels().state, plan.layout().groups()),
        (Level(10), 1)
    );
    assert_eq!(plan.refreshes().len(), 1);
    assert_eq!(Task::largest_batch(512, 10), 32);
    assert_eq!(Task::largest_batch(512, usize::MAX), 0);
}

#[test]
fn a_large_step_with_softmax_keeps_its_budget() {
    // 2,048 samples of 768 features and 16 classes; the refresh of the state behind a step is one of the bootstraps.
    let params = presets::named("boot-39").unwrap().unwrap();
    let task = Task {
        features: 768,
        classes: 16,
        batch: 2048,
    };
    for (range, switches, bootstraps) in [(16.0, 570, 4), (32.0, 581, 4)] {
        let activation = ActivationChoice::Softmax { range };
        let plan = Plan::new(&params, task, activation, RefreshBy::Bootstrap).unwrap();
        println!("logits up to {range}: {}", plan.budget());
        println!("from {:?}: {:?}", plan.levels().state, plan.refreshes());
        let refreshed: usize = plan.refreshes().iter().map(|refresh| refresh.vectors).sum();
        assert_eq!(plan.budget().key_switches(), switches);
        assert_eq!(refreshed, bootstraps);
        assert!(switches <= 620 && bootstraps <= 5);
        // Within the step vectors are real, which spares a fifth of a bootstrap.
        let parts: Vec<Parts> = plan
            .refreshes()
            .iter()
            .map(|refresh| refresh.parts)
            .collect();
        let (state, within) = parts.split_last().unwrap();
        assert_eq!(*state, Parts::Complex);
        assert!(within.iter().all(|&parts| parts == Parts::Real));
        let bootstraps = RefreshBy::Bootstrap.bootstraps(&params).unwrap().unwrap();
        let costs = Costs::estimate(&params, Some(&bootstraps));
        let [real, complex] = [&bootstraps.real, &bootstraps.complex].map(|of| costs.seconds(of));
        assert!(real < 0.8 * complex, "{real} s and {complex} s");
    }
}

#[test]
fn a_choice_makes_the_same_plan_and_one_for_another_task_none() {
    let params = presets::named("leveled-13").unwrap().unwrap();
    let by = RefreshBy::Owner;
    let plan = Plan::new(&params, SHAPE, ACTIVATION, by).unwrap();
    let chosen = |choice| Plan::chosen(&params, SHAPE, ACTIVATION, by, choice);
    let again = chosen(plan.choice().clone()).unwrap();
    assert_eq!(again.choice(), plan.choice());
    assert_eq!(again.keys(), plan.keys());
    assert_eq!(again.refreshes(), plan.refreshes());
    let mut wrong = vec![plan.choice().clone(); 3];
    wrong[0].refreshes.start = Level(99);
    wrong[1].refreshes.refreshes.pop();
    wrong[2].refreshes.refreshes[0] = Some(Level(4));
    for wrong in wrong {
        assert!(matches!(chosen(wrong), Err(PlanError::Choice { .. })));
    }
}

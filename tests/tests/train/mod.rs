//! A training step on ciphertexts against the same step on clear vectors and on plain numbers.

mod counts;
mod prune;

use engine::circuits::Ciphertexts;
use engine::circuits::activation::Sigmoid;
use engine::circuits::matmul::SampleMask;
use engine::circuits::packing::{Grouping, Layout, WeightSet};
use engine::ckks::{KeyPlan, Level};
use engine::train::{Batch, ExactTrainer, Model, Precision, Step, step_budget};
use num_complex::Complex64;
use std::sync::Arc;
use tests::{Fixture, NoRefresh, cpu, params, slots};

fn vectors(parts: &[Vec<Complex64>]) -> Vec<&[Complex64]> {
    parts.iter().map(Vec::as_slice).collect()
}

/// Two steps with partly filled batches; the weights in the end.
fn check(set: &str, grouping: Grouping, tolerance: f64) {
    let params = params(set);
    let (classes, features, samples) = (3, 5, 40);
    let layout = Layout::plan(params.slots(), classes, features, samples, grouping).unwrap();
    let sigmoid = Sigmoid::new(8.0, 5);
    let rate = 0.5;
    let available = params.max_level();
    let budget = step_budget(&layout, sigmoid.clone(), available).unwrap();
    let plan = KeyPlan {
        relinearization: budget.relinearization(),
        conjugation: budget.conjugation(),
        encapsulation: false,
        rotations: budget.rotations().clone(),
    };
    let f = Fixture::with_plan(params.clone(), cpu(&params), &plan);
    let machine = Ciphertexts::new(f.evaluator(), &NoRefresh);
    let step = Step::new(&machine, &layout, sigmoid.clone(), rate, available).unwrap();
    let levels = step.levels();
    assert_eq!(levels.state, Level(budget.depth()));
    assert!(step.refreshes().is_empty());

    let random: Vec<f64> = slots(samples * features, 3).iter().map(|z| z.re).collect();
    let start: Vec<f64> = slots(classes * (features + 1), 4)
        .iter()
        .map(|z| 0.2 * z.re)
        .collect();
    let start = Model::from_values(classes, features, start).unwrap();
    let mut plain = ExactTrainer::new(start.clone(), &sigmoid, Precision::Approximate);
    let state = layout.pack_state(start.values(), start.values()).unwrap();
    let mut state = f.encrypt(&vectors(&state), levels.state, 20);
    for (number, present) in [samples, samples - 7].into_iter().enumerate() {
        let x = &random[..present * features];
        let labels: Vec<usize> = (0..present).map(|i| (i + number) % classes).collect();
        let tiles = layout.pack_features(x).unwrap();
        let encrypted = tiles.iter().zip(30..);
        let batch = Batch {
            features: encrypted
                .map(|(tile, seed)| f.encrypt(&vectors(tile), levels.features, seed))
                .collect(),
            labels: f.encrypt(&[&layout.pack_labels(&labels).unwrap()], levels.labels, 50),
            counted: Arc::new(SampleMask::first(&machine, &layout, present).unwrap()),
        };
        let done = step.run(&machine, &state, &batch, number).unwrap();
        assert_eq!(done.level(), levels.result);
        plain.step(x, &labels, rate);
        let clear = f.decrypt(&done);
        for (set, want) in [
            (WeightSet::Weights, plain.weights()),
            (WeightSet::LookAhead, plain.look_ahead()),
        ] {
            let have = layout.unpack_state(&clear, set).unwrap();
            let error = have
                .iter()
                .zip(want.values())
                .map(|(a, b)| (a - b).abs())
                .fold(0.0, f64::max);
            assert!(
                error < tolerance,
                "{grouping:?}, step {number}: weights are off by {error:.1e}"
            );
        }
        state = f.encrypt(&vectors(&clear), levels.state, 60 + number as u8);
    }
}

#[test]
fn an_encrypted_step_is_the_plain_step() {
    for grouping in [Grouping::Packed, Grouping::Flat] {
        check("insecure-10", grouping, 2e-3);
        check("insecure-11-boot", grouping, 1e-5);
    }
}

//! A whole training step and a whole bootstrap: the same ciphertext words on every backend.

use std::sync::Arc;

use engine::backend::Backend;
use engine::bootstrap::{Bootstrapper, key_plan};
use engine::circuits::activation::Sigmoid;
use engine::circuits::matmul::SampleMask;
use engine::circuits::packing::{Grouping, Layout};
use engine::circuits::{Ciphertexts, Parts, Rotations};
use engine::ckks::{KeyPlan, Level, Params};
use engine::train::{Batch, Model, Step, step_budget};
use host::gpu::Options;
use num_complex::Complex64;
use tests::backends::{forms, gpu};
use tests::{Fixture, NoRefresh, cpu, params, reference, slots};

const CLASSES: usize = 3;
const FEATURES: usize = 4;
const SAMPLES: usize = 30;

/// Both halves of the state after one step, with keys and encryptions from fixed seeds.
fn step_words<B: Backend>(params: &Params, backend: B) -> [Vec<u32>; 2] {
    let layout = Layout::plan(params.slots(), CLASSES, FEATURES, SAMPLES, Grouping::Packed);
    let layout = layout.unwrap();
    let sigmoid = Sigmoid::new(8.0, 5);
    let available = params.max_level();
    let budget = step_budget(&layout, sigmoid.clone(), available).unwrap();
    let plan = KeyPlan {
        relinearization: budget.relinearization(),
        conjugation: budget.conjugation(),
        encapsulation: false,
        rotations: budget.rotations().clone(),
    };
    let f = Fixture::with_plan(params.clone(), backend, &plan);
    let machine = Ciphertexts::new(f.evaluator(), &NoRefresh);
    let step = Step::new(&machine, &layout, sigmoid, 0.5, available).unwrap();
    let levels = step.levels();
    let encrypt = |parts: &[Vec<Complex64>], level, seed| {
        let parts: Vec<_> = parts.iter().map(Vec::as_slice).collect();
        f.encrypt(&parts, level, seed)
    };
    let reals = |count, seed| {
        slots(count, seed)
            .iter()
            .map(|z| 0.3 * z.re)
            .collect::<Vec<_>>()
    };
    let start = Model::from_values(CLASSES, FEATURES, reals(CLASSES * (FEATURES + 1), 4)).unwrap();
    let state = layout.pack_state(start.values(), start.values()).unwrap();
    let tiles = layout.pack_features(&reals(SAMPLES * FEATURES, 3)).unwrap();
    let labels: Vec<usize> = (0..SAMPLES).map(|i| i % CLASSES).collect();
    let labels = layout.pack_labels(&labels).unwrap();
    let batch = Batch {
        features: (30..)
            .zip(&tiles)
            .map(|(i, tile)| encrypt(tile, levels.features, i))
            .collect(),
        labels: encrypt(&[labels], levels.labels, 50),
        counted: Arc::new(SampleMask::first(&machine, &layout, SAMPLES).unwrap()),
    };
    let state = encrypt(&state, levels.state, 20);
    step.run(&machine, &state, &batch, 0)
        .unwrap()
        .download(&f.backend)
        .unwrap()
}

#[test]
fn a_training_step_gives_the_same_ciphertext_on_every_backend() {
    let params = params("insecure-10");
    let words = step_words(&params, reference(&params));
    assert!(words == step_words(&params, cpu(&params)), "cpu");
    for form in forms() {
        let options = Options {
            form: Some(form),
            ..Options::default()
        };
        let Some(gpu) = gpu("training step", &params, &options) else {
            return;
        };
        assert!(words == step_words(&params, gpu), "gpu, {form:?}");
    }
}

/// Both halves of fresh ciphertexts, of a complex and of a real vector, with keys and encryptions from fixed seeds.
fn bootstrap_words<B: Backend>(params: &Params, backend: B) -> [[Vec<u32>; 2]; 2] {
    let plan = key_plan(params, Rotations::Hoisted).unwrap();
    let f = Fixture::with_plan(params.clone(), backend, &plan);
    let bootstrapper = Bootstrapper::new(f.evaluator(), Rotations::Hoisted).unwrap();
    let x = slots(params.slots(), 3);
    let x = f.encrypt(&[&x], Level(params.stc_levels()), 4);
    [Parts::Complex, Parts::Real].map(|parts| {
        let fresh = bootstrapper.bootstrap(&x, 1.0, parts).unwrap();
        fresh.download(&f.backend).unwrap()
    })
}

#[test]
fn a_bootstrap_gives_the_same_ciphertext_on_every_backend() {
    let params = params("insecure-11-boot");
    let words = bootstrap_words(&params, reference(&params));
    assert!(words == bootstrap_words(&params, cpu(&params)), "cpu");
    for form in forms() {
        let options = Options {
            form: Some(form),
            ..Options::default()
        };
        let Some(gpu) = gpu("bootstrap", &params, &options) else {
            return;
        };
        assert!(words == bootstrap_words(&params, gpu), "gpu, {form:?}");
    }
}

//! A whole training step, a whole softmax and a whole bootstrap: the same ciphertext words on every backend.

use std::sync::Arc;

use engine::backend::Backend;
use engine::bootstrap::{Bootstrapper, key_plan};
use engine::circuits::activation::{ActivationChoice, Approximation, Classes, Sigmoid};
use engine::circuits::matmul::SampleMask;
use engine::circuits::packing::{Grouping, Layout};
use engine::circuits::{Ciphertexts, Clear, Course, Parts, Refresh, RefreshPlan, Rotations};
use engine::ckks::{Ciphertext, EvalError, KeyPlan, Level, Params};
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

/// The owner: decrypts, and encrypts anew from a fixed seed.
struct Anew<'a, B: Backend>(&'a Fixture<B>);

impl<B: Backend> Refresh<B> for Anew<'_, B> {
    fn refresh(
        &self,
        x: &Ciphertext<B>,
        to: Level,
        _: f64,
        _: Parts,
    ) -> Result<Ciphertext<B>, EvalError> {
        let values = self.0.decrypt(x);
        let vectors: Vec<&[Complex64]> = values.iter().map(Vec::as_slice).collect();
        Ok(self.0.encrypt(&vectors, to, 60))
    }
}

/// Both halves of the probabilities of a batch of two vectors of logits, with keys and encryptions from fixed seeds.
fn softmax_words<B: Backend>(params: &Params, backend: B) -> [Vec<u32>; 2] {
    let (slots, top) = (params.slots(), params.max_level());
    let samples = slots / CLASSES.next_power_of_two();
    let layout = Layout::plan(slots, CLASSES, FEATURES, samples, Grouping::Packed).unwrap();
    let softmax = ActivationChoice::Softmax { range: 8.0 };
    let softmax = softmax.build(CLASSES).unwrap();
    let stages = softmax.stages();
    let plan = RefreshPlan::fewest(&stages, Some(top), top).unwrap();
    let columns = [5, 6].map(|seed| {
        let logits = tests::slots(samples * CLASSES, seed);
        let logits: Vec<f64> = logits.iter().map(|z| 0.5 * z.re).collect();
        layout.pack_columns(&logits).unwrap()
    });
    // The clear run says which keys are needed.
    let clear = Clear::exact(slots);
    let x = clear.vector(&columns, top).unwrap();
    let classes = Classes::new(&clear, &layout, &softmax.masks()).unwrap();
    let mut course = Course::new(&stages, &plan.refreshes);
    softmax.apply(&clear, &classes, &mut course, &x).unwrap();
    let budget = clear.take_budget();
    let keys = KeyPlan {
        relinearization: budget.relinearization(),
        conjugation: budget.conjugation(),
        encapsulation: false,
        rotations: budget.rotations().clone(),
    };
    let f = Fixture::with_plan(params.clone(), backend, &keys);
    let owner = Anew(&f);
    let machine = Ciphertexts::new(f.evaluator(), &owner);
    let classes = Classes::new(&machine, &layout, &softmax.masks()).unwrap();
    let mut course = Course::new(&stages, &plan.refreshes);
    let x = f.encrypt(&columns.each_ref().map(Vec::as_slice), top, 9);
    softmax
        .apply(&machine, &classes, &mut course, &x)
        .unwrap()
        .download(&f.backend)
        .unwrap()
}

#[test]
fn a_softmax_gives_the_same_ciphertexts_on_every_backend() {
    let params = params("insecure-11-boot");
    let words = softmax_words(&params, reference(&params));
    assert!(words == softmax_words(&params, cpu(&params)), "cpu");
    for form in forms() {
        let options = Options {
            form: Some(form),
            ..Options::default()
        };
        let Some(gpu) = gpu("softmax", &params, &options) else {
            return;
        };
        assert!(words == softmax_words(&params, gpu), "gpu, {form:?}");
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

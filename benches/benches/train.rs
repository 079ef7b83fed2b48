//! One step of the default training job: the 8x8 digits on `leveled-15`.

use benches::devices::{Device, OnDevice, on_each_device};
use benches::{Keyed, training};
use criterion::{Criterion, criterion_group};
use engine::backend::Backend;
use engine::circuits::activation::Sigmoid;
use engine::circuits::matmul::SampleMask;
use engine::circuits::packing::{Grouping, Layout};
use engine::circuits::{Ciphertexts, Parts, Refresh};
use engine::ckks::{Ciphertext, EvalError, KeyPlan, Level, Params};
use engine::train::{Batch, Step, step_budget};
use num_complex::Complex64;
use std::sync::Arc;

struct NoRefresh;

impl<B: Backend> Refresh<B> for NoRefresh {
    fn refresh(
        &self,
        x: &Ciphertext<B>,
        _: Level,
        _: f64,
        _: Parts,
    ) -> Result<Ciphertext<B>, EvalError> {
        Ok(x.clone())
    }
}

fn step(c: &mut Criterion) {
    on_each_device(c, &training(), &OneStep);
}

struct OneStep;

impl OnDevice for OneStep {
    fn measure<D: Device>(&self, c: &mut Criterion, params: &Params, device: &D) {
        let (classes, features, samples) = (10, 64, params.slots() / 16);
        let layout =
            Layout::plan(params.slots(), classes, features, samples, Grouping::Packed).unwrap();
        let sigmoid = Sigmoid::new(16.0, 13);
        let top = params.max_level();
        let budget = step_budget(&layout, sigmoid.clone(), top).unwrap();
        let plan = KeyPlan {
            relinearization: budget.relinearization(),
            conjugation: budget.conjugation(),
            encapsulation: false,
            rotations: budget.rotations().clone(),
        };
        let keyed = Keyed::new(device, params, &plan);
        let encrypt = |vectors: &[Vec<Complex64>], level: Level| {
            let vectors: Vec<_> = vectors.iter().map(Vec::as_slice).collect();
            keyed.encrypt(&vectors, level)
        };
        let machine = Ciphertexts::new(keyed.evaluator(), &NoRefresh);
        let step = Step::new(&machine, &layout, sigmoid, 1.0, top).unwrap();
        let levels = step.levels();
        let labels: Vec<_> = (0..samples).map(|i| i % classes).collect();
        let tiles = layout
            .pack_features(&vec![0.25; samples * features])
            .unwrap();
        let batch = Batch {
            features: tiles
                .iter()
                .map(|tile| encrypt(tile, levels.features))
                .collect(),
            labels: encrypt(&[layout.pack_labels(&labels).unwrap()], levels.labels),
            counted: Arc::new(SampleMask::first(&machine, &layout, samples).unwrap()),
        };
        let weights = vec![0.01; classes * (features + 1)];
        let state = layout.pack_state(&weights, &weights).unwrap();
        let state = encrypt(&state, levels.state);
        let mut group = c.benchmark_group(format!("training step, {}", params.name()));
        group.bench_function(device.label(), |b| {
            b.iter(|| {
                drop(step.run(&machine, &state, &batch, 1).unwrap());
                device.wait().unwrap();
            });
        });
        group.finish();
    }
}

criterion_group! { name = benches; config = benches::config(); targets = step }

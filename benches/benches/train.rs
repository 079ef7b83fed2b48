//! One step of the default training job: the 8x8 digits on `leveled-15`.

use benches::{Keyed, pools, training};
use criterion::{Criterion, criterion_group};
use engine::backend::Backend;
use engine::circuits::activation::Sigmoid;
use engine::circuits::matmul::SampleMask;
use engine::circuits::packing::{Grouping, Layout};
use engine::circuits::{Ciphertexts, Refresh};
use engine::ckks::{Ciphertext, Encryptor, EvalError, Evaluator, KeyPlan, Level};
use engine::ring::sampling::Seed;
use engine::train::{Batch, Step, step_budget};
use num_complex::Complex64;
use std::sync::Arc;

struct NoRefresh;

impl<B: Backend> Refresh<B> for NoRefresh {
    fn refresh(&self, x: &Ciphertext<B>, _: Level, _: f64) -> Result<Ciphertext<B>, EvalError> {
        Ok(x.clone())
    }
}

fn step(c: &mut Criterion) {
    let params = training();
    let (classes, features, samples) = (10, 64, params.slots() / 16);
    let layout =
        Layout::plan(params.slots(), classes, features, samples, Grouping::Packed).unwrap();
    let sigmoid = Sigmoid::new(16.0, 13);
    let depth = step_budget(&layout, sigmoid.clone(), params.max_level())
        .unwrap()
        .depth();
    let top = Level(depth);
    let budget = step_budget(&layout, sigmoid.clone(), top).unwrap();
    let plan = KeyPlan {
        relinearization: budget.relinearization(),
        conjugation: budget.conjugation(),
        rotations: budget.rotations().clone(),
    };
    let keyed = Keyed::new(&params, &plan);
    let evaluator = Evaluator::new(&keyed.cpu, &params, Arc::clone(&keyed.encoder), &keyed.keys);
    let machine = Ciphertexts::new(evaluator, &NoRefresh);
    let step = Step::new(&machine, &layout, sigmoid, 1.0).unwrap();
    let levels = step.levels(top).unwrap();
    let encryptor = Encryptor::new(&keyed.cpu, &params, Arc::clone(&keyed.encoder));
    let encrypt = |vectors: &[Vec<Complex64>], level: Level| {
        let vectors: Vec<_> = vectors.iter().map(Vec::as_slice).collect();
        encryptor
            .with_secret(&keyed.secret, &vectors, level, &Seed([7; 32]))
            .unwrap()
            .0
    };
    let x = vec![0.25; samples * features];
    let labels: Vec<_> = (0..samples).map(|i| i % classes).collect();
    let weights = vec![0.01; classes * (features + 1)];
    let tiles = layout.pack_features(&x).unwrap();
    let batch = Batch {
        features: tiles
            .iter()
            .map(|tile| encrypt(tile, levels.features))
            .collect(),
        labels: encrypt(&[layout.pack_labels(&labels).unwrap()], levels.labels),
        counted: Arc::new(SampleMask::first(&machine, &layout, samples).unwrap()),
    };
    let state = encrypt(&layout.pack_state(&weights, &weights).unwrap(), top);
    let mut group = c.benchmark_group(format!("training step, {}", params.name()));
    for pool in pools() {
        group.bench_function(format!("{} threads", pool.current_num_threads()), |b| {
            b.iter(|| pool.install(|| step.run(&machine, &state, &batch, 1).unwrap()));
        });
    }
    group.finish();
}

criterion_group! { name = benches; config = benches::config(); targets = step }

//! One step of the default training job: the 8x8 digits on `leveled-15`.

use benches::{Keyed, threads, training};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, criterion_group};
use engine::backend::Backend;
use engine::circuits::activation::Sigmoid;
use engine::circuits::matmul::SampleMask;
use engine::circuits::packing::{Grouping, Layout};
use engine::circuits::{Ciphertexts, Refresh};
use engine::ckks::{Ciphertext, Encryptor, EvalError, Evaluator, KeyPlan, Level, Params};
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
    let top = params.max_level();
    let budget = step_budget(&layout, sigmoid.clone(), top).unwrap();
    let plan = KeyPlan {
        relinearization: budget.relinearization(),
        conjugation: budget.conjugation(),
        encapsulation: false,
        rotations: budget.rotations().clone(),
    };
    let mut group = c.benchmark_group(format!("training step, {}", params.name()));
    for threads in threads() {
        let keyed = Keyed::new(&params, &plan, threads);
        measure(&mut group, &params, &layout, &sigmoid, top, &keyed);
    }
    group.finish();
}

fn measure(
    group: &mut BenchmarkGroup<'_, WallTime>,
    params: &Params,
    layout: &Layout,
    sigmoid: &Sigmoid,
    top: Level,
    keyed: &Keyed,
) {
    let (cpu, encoder) = (&keyed.cpu, &keyed.encoder);
    let evaluator = Evaluator::new(cpu, params, Arc::clone(encoder), &keyed.keys);
    let machine = Ciphertexts::new(evaluator, &NoRefresh);
    let step = Step::new(&machine, layout, sigmoid.clone(), 1.0, top).unwrap();
    let levels = step.levels();
    let encryptor = Encryptor::new(cpu, params, Arc::clone(encoder));
    let encrypt = |vectors: &[Vec<Complex64>], level: Level| {
        let vectors: Vec<_> = vectors.iter().map(Vec::as_slice).collect();
        encryptor
            .with_secret(&keyed.secret, &vectors, level, &Seed([7; 32]))
            .unwrap()
            .0
    };
    let (samples, features, classes) = (layout.batch(), layout.features(), layout.classes());
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
        counted: Arc::new(SampleMask::first(&machine, layout, samples).unwrap()),
    };
    let weights = vec![0.01; classes * (features + 1)];
    let state = layout.pack_state(&weights, &weights).unwrap();
    let state = encrypt(&state, levels.state);
    group.bench_function(format!("{} threads", cpu.threads()), |b| {
        b.iter(|| step.run(&machine, &state, &batch, 1).unwrap());
    });
}

criterion_group! { name = benches; config = benches::config(); targets = step }

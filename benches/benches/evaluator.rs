//! Operations on ciphertexts of `boot-39` at a middle level.

use benches::{Keyed, bootstrappable, middle, pools};
use criterion::{Criterion, criterion_group};
use engine::ckks::{Encryptor, Evaluator, KeyPlan, Plaintext};
use engine::ring::Rotation;
use engine::ring::sampling::Seed;
use num_complex::Complex64;
use std::sync::Arc;

fn evaluator(c: &mut Criterion) {
    let params = bootstrappable();
    let level = middle(&params);
    let rotations: Vec<_> = (1..9).map(Rotation).collect();
    let plan = KeyPlan {
        relinearization: Some(level),
        rotations: rotations.iter().map(|r| (*r, level)).collect(),
        ..KeyPlan::default()
    };
    let keyed = Keyed::new(&params, &plan);
    let slots: Vec<_> = (0..params.slots())
        .map(|i| Complex64::new((i as f64).sin(), 0.5))
        .collect();
    let encryptor = Encryptor::new(&keyed.cpu, &params, Arc::clone(&keyed.encoder));
    let encrypt = || {
        let seed = Seed([3; 32]);
        encryptor
            .with_secret(&keyed.secret, &[&slots], level, &seed)
            .unwrap()
            .0
    };
    let x = encrypt();
    let ev = Evaluator::new(&keyed.cpu, &params, Arc::clone(&keyed.encoder), &keyed.keys);
    for pool in pools() {
        let mut group = c.benchmark_group(format!(
            "{}, {} limbs, {} threads",
            params.name(),
            params.limbs_at(level),
            pool.current_num_threads()
        ));
        group.bench_function("encode", |b| {
            let scale = params.scale(level);
            b.iter(|| {
                pool.install(|| {
                    Plaintext::encode(&keyed.cpu, &keyed.encoder, &params, &[&slots], level, scale)
                        .unwrap()
                })
            });
        });
        group.bench_function("encrypt", |b| b.iter(|| pool.install(encrypt)));
        group.bench_function("multiply, relinearise, rescale", |b| {
            b.iter(|| pool.install(|| ev.mul(&x, &x).unwrap()));
        });
        group.bench_function("rotate", |b| {
            b.iter(|| pool.install(|| ev.rotate(&x, Rotation(1)).unwrap()));
        });
        group.bench_function("rotate 8 times, hoisted", |b| {
            b.iter(|| pool.install(|| ev.rotate_many(&x, &rotations).unwrap()));
        });
        group.finish();
    }
}

criterion_group! { name = benches; config = benches::config(); targets = evaluator }

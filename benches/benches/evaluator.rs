//! Operations on ciphertexts of `boot-39` at a middle level.

use benches::{Keyed, bootstrappable, middle, threads};
use criterion::{Criterion, criterion_group};
use engine::ckks::{Encryptor, Evaluator, KeyPlan, Params, Plaintext};
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
        encapsulation: false,
        rotations: rotations.iter().map(|r| (*r, level)).collect(),
        ..KeyPlan::default()
    };
    for threads in threads() {
        measure(
            c,
            &params,
            &Keyed::new(&params, &plan, threads),
            threads,
            &rotations,
        );
    }
}

fn measure(c: &mut Criterion, params: &Params, keyed: &Keyed, threads: usize, by: &[Rotation]) {
    let (cpu, encoder, level) = (&keyed.cpu, &keyed.encoder, middle(params));
    let slots = (0..params.slots()).map(|i| Complex64::new((i as f64).sin(), 0.5));
    let slots: Vec<_> = slots.collect();
    let encryptor = Encryptor::new(cpu, params, Arc::clone(encoder));
    let seed = Seed([3; 32]);
    let encrypt = || {
        encryptor
            .with_secret(&keyed.secret, &[&slots], level, &seed)
            .unwrap()
            .0
    };
    let x = encrypt();
    let ev = Evaluator::new(cpu, params, Arc::clone(encoder), &keyed.keys);
    let (name, limbs) = (params.name(), params.limbs_at(level));
    let mut group = c.benchmark_group(format!("{name}, {limbs} limbs, {threads} threads"));
    group.bench_function("encode", |b| {
        let scale = params.scale(level);
        b.iter(|| Plaintext::encode(cpu, encoder, params, &[&slots], level, scale).unwrap());
    });
    group.bench_function("encrypt", |b| b.iter(encrypt));
    group.bench_function("multiply, relinearise, rescale", |b| {
        b.iter(|| ev.mul(&x, &x).unwrap());
    });
    group.bench_function("rotate", |b| b.iter(|| ev.rotate(&x, by[0]).unwrap()));
    group.bench_function("rotate 8 times, hoisted", |b| {
        b.iter(|| ev.rotate_many(&x, by).unwrap());
    });
    group.finish();
}

criterion_group! { name = benches; config = benches::config(); targets = evaluator }

//! A bootstrap of all slots of `boot-39`, on one and two threads; precision, keys and memory are printed beside the times.

use benches::{Keyed, bootstrappable, threads};
use criterion::{Criterion, criterion_group};
use engine::bootstrap::{Bootstrapper, Parts, key_plan};
use engine::circuits::Rotations;
use engine::ckks::{Ciphertext, Decryptor, Encryptor, Evaluator, Level, Params};
use engine::ring::sampling::Seed;
use host::cpu::Cpu;
use num_complex::Complex64;
use std::sync::Arc;

fn bootstrap(c: &mut Criterion) {
    let params = bootstrappable();
    let plan = key_plan(&params, Rotations::Hoisted).unwrap();
    for threads in threads() {
        let keyed = Keyed::new(&params, &plan, threads);
        let gib = plan.bytes(&params) as f64 / f64::from(1 << 30);
        println!("{}: {} keys, {gib:.2} GiB", params.name(), plan.len());
        let evaluator =
            Evaluator::new(&keyed.cpu, &params, Arc::clone(&keyed.encoder), &keyed.keys);
        let bootstrapper = Bootstrapper::new(evaluator, Rotations::Hoisted).unwrap();
        // A full period of the golden ratio: even over [-1, 1].
        let part = |i: usize| 2.0 * (i as f64 * 0.618_033_988_749_895).fract() - 1.0;
        let slots = (0..params.slots()).map(|i| Complex64::new(part(i), part(3 * i + 1)));
        let slots: Vec<_> = slots.collect();
        let encryptor = Encryptor::new(&keyed.cpu, &params, Arc::clone(&keyed.encoder));
        let level = Level(params.stc_levels());
        let x = encryptor
            .with_secret(&keyed.secret, &[&slots], level, &Seed([3; 32]))
            .unwrap()
            .0;
        let fresh = bootstrapper.bootstrap(&x, 1.0, Parts::Complex).unwrap();
        precision(&keyed, &params, &slots, &fresh);
        println!("{:?}", keyed.cpu.usage());
        let mut group = c.benchmark_group(format!("{}, {threads} threads", params.name()));
        for (name, parts) in [("complex", Parts::Complex), ("real", Parts::Real)] {
            group.bench_function(format!("bootstrap, {name}"), |b| {
                b.iter(|| bootstrapper.bootstrap(&x, 1.0, parts).unwrap());
            });
        }
        group.finish();
    }
}

fn precision(keyed: &Keyed, params: &Params, want: &[Complex64], x: &Ciphertext<Cpu>) {
    let encoder = Arc::clone(&keyed.encoder);
    let decryptor = Decryptor::new(&keyed.cpu, params, encoder, &keyed.secret);
    let have = decryptor.decrypt(x).unwrap().remove(0);
    let errors = want.iter().zip(&have).map(|(a, b)| a - b);
    let errors: Vec<f64> = errors.flat_map(|e| [e.re.abs(), e.im.abs()]).collect();
    let mean = errors
        .iter()
        .map(|e| -e.max(f64::MIN_POSITIVE).log2())
        .sum::<f64>()
        / errors.len() as f64;
    let worst = -errors.iter().copied().fold(0.0, f64::max).log2();
    println!("{mean:.1} bits on average over both parts of all slots, {worst:.1} in the worst");
}

criterion_group! { name = benches; config = benches::config(); targets = bootstrap }

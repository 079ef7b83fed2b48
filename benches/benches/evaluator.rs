//! Operations on ciphertexts of `boot-39` at a middle level.

use benches::devices::{Device, OnDevice, on_each_device};
use benches::{Keyed, bootstrappable, middle};
use criterion::{Criterion, criterion_group};
use engine::ckks::{KeyPlan, Params};
use engine::ring::Rotation;
use num_complex::Complex64;

fn evaluator(c: &mut Criterion) {
    on_each_device(c, &bootstrappable(), &Operations);
}

struct Operations;

impl OnDevice for Operations {
    fn measure<D: Device>(&self, c: &mut Criterion, params: &Params, device: &D) {
        let level = middle(params);
        let rotations: Vec<_> = (1..9).map(Rotation).collect();
        let plan = KeyPlan {
            relinearization: Some(level),
            rotations: rotations.iter().map(|r| (*r, level)).collect(),
            ..KeyPlan::default()
        };
        let keyed = Keyed::new(device, params, &plan);
        let slots = (0..params.slots()).map(|i| Complex64::new((i as f64).sin(), 0.5));
        let slots: Vec<_> = slots.collect();
        let x = keyed.encrypt(&[&slots], level);
        let ev = keyed.evaluator();
        let (name, limbs, label) = (params.name(), params.limbs_at(level), device.label());
        let mut group = c.benchmark_group(format!("{name}, {limbs} limbs, {label}"));
        let mut bench = |name: &str, operation: &dyn Fn()| {
            group.bench_function(name, |b| {
                b.iter(|| {
                    operation();
                    device.wait().unwrap();
                });
            });
        };
        bench("encode", &|| drop(keyed.encode(&slots, level)));
        bench("encrypt", &|| drop(keyed.encrypt(&[&slots], level)));
        bench("multiply, relinearize, rescale", &|| {
            ev.mul(&x, &x).unwrap();
        });
        bench("rotate", &|| {
            ev.rotate(&x, rotations[0]).unwrap();
        });
        bench("rotate 8 times, hoisted", &|| {
            ev.rotate_many(&x, &rotations).unwrap();
        });
        group.finish();
    }
}

criterion_group! { name = benches; config = benches::config(); targets = evaluator }

//! A key switch at all 47 limbs of `boot-39` (4 digits) and at 16 limbs, by device and by instruction set, and its parts.

use benches::devices::{Device, OnDevice, cpu, on_each_device};
use benches::{bootstrappable, random, threads};
use criterion::{Criterion, criterion_group};
use engine::backend::{Backend, BasisOps, GadgetKey, GadgetOps, RingOps};
use engine::ckks::Params;
use engine::ring::Basis;
use host::cpu::Cpu;
use host::cpu::simd::Isa;
use std::hint::black_box;
use std::sync::Arc;

fn random_key<B: Backend>(backend: &B) -> GadgetKey<B::Buffer> {
    let ring = backend.context();
    let basis = ring.ordinary().union(&ring.special());
    let digits = 0..ring.digits().len() as u8;
    let pairs = digits.map(|d| [2 * d, 2 * d + 1].map(|seed| random(backend, &basis, 1, seed)));
    GadgetKey {
        pairs: pairs.collect(),
    }
}

/// With the widest instructions, and on the GPU one polynomial and eight at once.
fn by_device(c: &mut Criterion) {
    on_each_device(c, &bootstrappable(), &KeySwitch { batches: &[1, 8] });
}

/// With each of the narrower instruction sets.
fn by_instructions(c: &mut Criterion) {
    let params = bootstrappable();
    for isa in Isa::available() {
        for threads in threads() {
            let cpu = Cpu::with(Arc::clone(params.ring()), isa, threads).unwrap();
            let (name, bench) = (isa.name(), KeySwitch { batches: &[1] });
            bench.group(c, &format!("{name}, {}", cpu.label()), &cpu);
        }
    }
}

struct KeySwitch<'a> {
    batches: &'a [usize],
}

impl OnDevice for KeySwitch<'_> {
    fn measure<D: Device>(&self, c: &mut Criterion, _: &Params, device: &D) {
        self.group(c, &device.label(), device);
    }
}

impl KeySwitch<'_> {
    fn group<D: Device>(&self, c: &mut Criterion, label: &str, device: &D) {
        let mut group = c.benchmark_group(format!("key switch, {label}"));
        let key = random_key(device);
        for limbs in [device.context().ordinary().len(), 16] {
            for &batch in self.batches {
                let basis = Basis::new(0..limbs);
                let x = random(device, &basis, batch, 100);
                group.bench_function(format!("{limbs} limbs, batch of {batch}"), |b| {
                    b.iter(|| {
                        let switched = device.key_switch(&x, &key, [None, None], &basis);
                        drop(switched.unwrap());
                        device.wait().unwrap();
                    });
                });
            }
        }
        group.finish();
    }
}

/// The parts of the switch at all limbs, each by itself; their sum is that of the unfused form.
fn parts(c: &mut Criterion) {
    let params = bootstrappable();
    let ring = params.ring();
    let (all, special) = (ring.ordinary(), ring.special());
    let extended = all.union(&special);
    let digits = ring.digits().at(&all);
    for threads in threads() {
        let cpu = cpu(&params, threads);
        let name = format!(
            "parts of a key switch at {} limbs, {threads} threads",
            all.len()
        );
        let mut group = c.benchmark_group(name);
        group.bench_function("transforms", |b| {
            // Those of x, those of each digit outside it, for both halves those of the special limbs and of the result.
            let (mut rows, mut down) = (random(&cpu, &all, 1, 1), random(&cpu, &special, 1, 2));
            let outside = digits.iter().map(|(_, digit)| extended.difference(digit));
            let mut outside: Vec<_> = outside.map(|limbs| random(&cpu, &limbs, 1, 3)).collect();
            b.iter(|| {
                cpu.intt(&mut rows).unwrap();
                outside.iter_mut().for_each(|rows| cpu.ntt(rows).unwrap());
                for _ in 0..2 {
                    cpu.intt(&mut down).unwrap();
                    cpu.ntt(&mut rows).unwrap();
                }
            });
        });
        group.bench_function("base conversions", |b| {
            let (x, half) = (random(&cpu, &all, 1, 4), random(&cpu, &special, 1, 5));
            b.iter(|| {
                for (_, digit) in &digits {
                    black_box(cpu.mod_up(&x, digit, &extended).unwrap());
                }
                for _ in 0..2 {
                    black_box(cpu.mod_up(&half, &special, &all).unwrap());
                }
            });
        });
        group.bench_function("key product", |b| {
            let key = random_key(&cpu);
            let raised: Vec<_> = digits
                .iter()
                .map(|_| random(&cpu, &extended, 1, 6))
                .collect();
            b.iter(|| cpu.gadget_product(&raised, &key).unwrap());
        });
        group.finish();
    }
}

criterion_group! { name = benches; config = benches::config(); targets = by_device, by_instructions, parts }

//! A key switch at all 47 limbs of `boot-39` (4 digits) and at 16 limbs, on one and two threads, and its parts.

use benches::{bootstrappable, random, threads};
use criterion::{Criterion, criterion_group};
use engine::backend::{BasisOps, GadgetKey, GadgetOps, RingOps};
use engine::ring::{Basis, RingContext};
use host::cpu::simd::Isa;
use host::cpu::{Cpu, CpuBuffer};
use std::hint::black_box;
use std::sync::Arc;

fn random_key(cpu: &Cpu, ring: &RingContext) -> GadgetKey<CpuBuffer> {
    let basis = ring.ordinary().union(&ring.special());
    let digits = 0..ring.digits().len() as u8;
    let pairs = digits.map(|d| [2 * d, 2 * d + 1].map(|seed| random(cpu, &basis, seed)));
    GadgetKey {
        pairs: pairs.collect(),
    }
}

fn key_switch(c: &mut Criterion) {
    let params = bootstrappable();
    let ring = params.ring();
    for isa in Isa::available() {
        for threads in threads() {
            let cpu = Cpu::with(Arc::clone(ring), isa, threads).unwrap();
            let key = random_key(&cpu, ring);
            let name = format!("key switch, {}, {threads} threads", isa.name());
            let mut group = c.benchmark_group(name);
            for limbs in [ring.ordinary().len(), 16] {
                let basis = Basis::new(0..limbs);
                let x = random(&cpu, &basis, 100);
                group.bench_function(format!("{limbs} limbs"), |b| {
                    b.iter(|| cpu.key_switch(&x, &key, [None, None], &basis).unwrap());
                });
            }
            group.finish();
        }
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
        let cpu = Cpu::with(Arc::clone(ring), Isa::detect(), threads).unwrap();
        let name = format!(
            "parts of a key switch at {} limbs, {threads} threads",
            all.len()
        );
        let mut group = c.benchmark_group(name);
        group.bench_function("transforms", |b| {
            // Those of x, those of each digit outside it, for both halves those of the special limbs and of the result.
            let (mut rows, mut down) = (random(&cpu, &all, 1), random(&cpu, &special, 2));
            let outside = digits.iter().map(|(_, digit)| extended.difference(digit));
            let mut outside: Vec<_> = outside.map(|limbs| random(&cpu, &limbs, 3)).collect();
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
            let (x, half) = (random(&cpu, &all, 4), random(&cpu, &special, 5));
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
            let key = random_key(&cpu, ring);
            let raised: Vec<_> = digits.iter().map(|_| random(&cpu, &extended, 6)).collect();
            b.iter(|| cpu.gadget_product(&raised, &key).unwrap());
        });
        group.finish();
    }
}

criterion_group! { name = benches; config = benches::config(); targets = key_switch, parts }

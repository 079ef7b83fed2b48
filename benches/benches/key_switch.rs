//! A key switch at all 47 limbs of `boot-39` (4 digits) and at 16 limbs, on one and two threads, and its parts.

use benches::{bootstrappable, pools, random};
use criterion::{Criterion, criterion_group};
use engine::backend::{BasisOps, GadgetKey, GadgetOps, RingOps};
use engine::ring::Basis;
use host::cpu::Cpu;
use host::cpu::simd::Isa;
use std::hint::black_box;
use std::sync::Arc;

fn key_switch(c: &mut Criterion) {
    let params = bootstrappable();
    let ring = params.ring();
    let all = ring.ordinary();
    let extended = all.union(&ring.special());
    for isa in Isa::available() {
        let cpu = Cpu::with_isa(Arc::clone(ring), isa).unwrap();
        let pairs = 0..ring.digits().len() as u8;
        let pairs = pairs.map(|d| {
            [
                random(&cpu, &extended, 2 * d),
                random(&cpu, &extended, 2 * d + 1),
            ]
        });
        let key = GadgetKey {
            pairs: pairs.collect(),
        };
        for pool in pools() {
            let mut group = c.benchmark_group(format!(
                "key switch, {}, {} threads",
                isa.name(),
                pool.current_num_threads()
            ));
            for limbs in [all.len(), 16] {
                let basis = Basis::new(0..limbs);
                let x = random(&cpu, &basis, 100);
                group.bench_function(format!("{limbs} limbs"), |b| {
                    b.iter(|| {
                        pool.install(|| cpu.key_switch(&x, &key, [None, None], &basis).unwrap())
                    });
                });
            }
            if isa != Isa::detect() {
                continue;
            }
            // The parts of the switch at all limbs, each by itself: their sum is that of the unfused form.
            let x = random(&cpu, &all, 100);
            let digits = ring.digits().at(&all);
            let raised = digits
                .iter()
                .map(|_| random(&cpu, &extended, 101))
                .collect::<Vec<_>>();
            let pair = [random(&cpu, &extended, 102), random(&cpu, &extended, 103)];
            let special = ring.special();
            group.bench_function("47 limbs: transforms", |b| {
                // Those of x, those of each digit outside it, those of the special limbs of both halves, those of the result.
                let mut rows = random(&cpu, &all, 104);
                let mut special = random(&cpu, &special, 105);
                let mut outside: Vec<_> = digits
                    .iter()
                    .map(|(_, digit)| random(&cpu, &extended.difference(digit), 106))
                    .collect();
                b.iter(|| {
                    pool.install(|| {
                        cpu.intt(&mut rows).unwrap();
                        outside.iter_mut().for_each(|rows| cpu.ntt(rows).unwrap());
                        for _ in 0..2 {
                            cpu.intt(&mut special).unwrap();
                            cpu.ntt(&mut rows).unwrap();
                        }
                    });
                });
            });
            group.bench_function("47 limbs: base conversions", |b| {
                b.iter(|| {
                    pool.install(|| {
                        for (_, digit) in &digits {
                            black_box(cpu.mod_up(&x, digit, &extended).unwrap());
                        }
                        for half in &pair {
                            black_box(cpu.mod_up(half, &special, &extended).unwrap());
                        }
                    });
                });
            });
            group.bench_function("47 limbs: key product", |b| {
                b.iter(|| pool.install(|| cpu.gadget_product(&raised, &key).unwrap()));
            });
            group.finish();
        }
    }
}

criterion_group! { name = benches; config = benches::config(); targets = key_switch }

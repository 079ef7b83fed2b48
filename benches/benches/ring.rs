//! Transforms and base conversions of single rows, on each instruction set, beside `tfhe-ntt`; transforms of batches, by
//! device.

use benches::devices::{Device, OnDevice, on_each_device};
use benches::{bootstrappable, random};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group};
use engine::ckks::Params;
use engine::ring::Basis;
use engine::ring::sampling::{Seed, uniform};
use host::cpu::memory::Pool;
use host::cpu::simd::{self, Isa, NttTable};

/// Forward and inverse transform of 48 limbs, each with its own prime; one thread.
fn ntt(c: &mut Criterion) {
    let params = bootstrappable();
    let ring = params.ring();
    let (n, limbs) = (ring.degree(), Basis::new(0..48));
    let words = uniform(ring, &limbs, &Seed([1; 32]));
    let mut store = Pool::new().alloc_zeroed(limbs.len(), n).unwrap();
    let mut rows: Vec<_> = store.iter_mut().collect();
    for (row, random) in rows.iter_mut().zip(words.chunks_exact(n)) {
        row.copy_from_slice(random);
    }
    let mut group = c.benchmark_group(format!("transform of 48 limbs, N = {n}"));
    group.throughput(Throughput::Elements((48 * n) as u64));
    for isa in Isa::available() {
        let tables: Vec<_> = limbs
            .iter()
            .map(|limb| NttTable::new(n, ring.modulus(limb), ring.root(limb)).unwrap())
            .collect();
        group.bench_function(BenchmarkId::new("forward", isa.name()), |b| {
            b.iter(|| {
                for (row, table) in rows.iter_mut().zip(&tables) {
                    simd::ntt_forward(isa, table, row).unwrap();
                }
            });
        });
        group.bench_function(BenchmarkId::new("inverse", isa.name()), |b| {
            b.iter(|| {
                for (row, table) in rows.iter_mut().zip(&tables) {
                    simd::ntt_inverse(isa, table, row).unwrap();
                }
            });
        });
    }
    let plans: Vec<_> = limbs
        .iter()
        .map(|limb| tfhe_ntt::prime32::Plan::try_new(n, ring.modulus(limb).value()).unwrap())
        .collect();
    group.bench_function(BenchmarkId::new("forward", "tfhe-ntt prime32"), |b| {
        b.iter(|| {
            rows.iter_mut()
                .zip(&plans)
                .for_each(|(row, plan)| plan.fwd(row))
        });
    });
    // Without the factor 1/N, which ours includes.
    group.bench_function(BenchmarkId::new("inverse", "tfhe-ntt prime32"), |b| {
        b.iter(|| {
            rows.iter_mut()
                .zip(&plans)
                .for_each(|(row, plan)| plan.inv(row))
        });
    });
    group.finish();
}

/// Forward and inverse transform of all limbs of polynomials, one and eight at once.
fn batches(c: &mut Criterion) {
    on_each_device(c, &bootstrappable(), &Transforms);
}

struct Transforms;

impl OnDevice for Transforms {
    fn measure<D: Device>(&self, c: &mut Criterion, params: &Params, device: &D) {
        let basis = params.ring().ordinary();
        let (limbs, label) = (basis.len(), device.label());
        let mut group = c.benchmark_group(format!("transforms of {limbs} limbs, {label}"));
        for batch in [1, 8] {
            let mut x = random(device, &basis, batch, 1);
            group.throughput(Throughput::Elements(
                (batch * limbs * params.degree()) as u64,
            ));
            group.bench_function(BenchmarkId::new("forward", batch), |b| {
                b.iter(|| {
                    device.ntt(&mut x).unwrap();
                    device.wait().unwrap();
                });
            });
            group.bench_function(BenchmarkId::new("inverse", batch), |b| {
                b.iter(|| {
                    device.intt(&mut x).unwrap();
                    device.wait().unwrap();
                });
            });
        }
        group.finish();
    }
}

/// From 12 limbs to 36, in groups as a key switch converts them; one thread.
fn base_conversion(c: &mut Criterion) {
    let params = bootstrappable();
    let ring = params.ring();
    let (sources, targets) = (Basis::new(0..12), Basis::new(12..48));
    let table = ring.mod_up(&sources, &targets);
    let moduli = |basis: &Basis| {
        basis
            .iter()
            .map(|limb| ring.modulus(limb))
            .collect::<Vec<_>>()
    };
    let table = simd::BaseConversion::new(
        &moduli(&sources),
        &moduli(&targets),
        table.weights(),
        table.overflow(),
    )
    .unwrap();
    // Rows as the backend stores them: those of vectors that begin one power of two apart share cache sets.
    let (pool, n) = (Pool::new(), ring.degree());
    let mut words = pool.alloc_zeroed(sources.len(), n).unwrap();
    let random = uniform(ring, &sources, &Seed([2; 32]));
    for (row, random) in words.iter_mut().zip(random.chunks_exact(n)) {
        row.copy_from_slice(random);
    }
    let rows: Vec<_> = words.iter().collect();
    let mut estimate = pool.alloc_zeroed(1, n).unwrap();
    let estimate = estimate.row_mut(0);
    let mut results = pool.alloc_zeroed(targets.len(), n).unwrap();
    let mut group = c.benchmark_group(format!(
        "base conversion 12 to 36 limbs, N = {}",
        ring.degree()
    ));
    // Multiply-accumulates.
    group.throughput(Throughput::Elements((12 * 36 * ring.degree()) as u64));
    for isa in Isa::available() {
        let mut results: Vec<_> = results.iter_mut().collect();
        group.bench_function(isa.name(), |b| {
            b.iter(|| {
                table.estimate(isa, &rows, estimate).unwrap();
                for (i, group) in results.chunks_mut(simd::GROUP).enumerate() {
                    let first = i * simd::GROUP;
                    let converted = table.convert_group(isa, first, &rows, estimate, group);
                    converted.unwrap();
                }
            });
        });
    }
    group.finish();
}

criterion_group! { name = benches; config = benches::config(); targets = ntt, batches, base_conversion }

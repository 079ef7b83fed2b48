//! Transforms of a batch of rows with a prime each, beside those of `tfhe-ntt`.

use benches::{Sizes, fill};
use criterion::{Criterion, Throughput};
use engine::arith::primitive_root_2n;
use host::cpu::{
    memory::Pool,
    simd::{Isa, NttTable, ntt_forward, ntt_inverse},
};

pub(crate) fn bench(criterion: &mut Criterion) {
    let sizes = Sizes::from_env();
    let (n, primes) = (sizes.degree, sizes.primes());
    let mut rows = Pool::new().alloc(primes.len(), n).unwrap();
    for (i, (row, q)) in rows.iter_mut().zip(&primes).enumerate() {
        fill(row, *q, i);
    }
    let tables: Vec<_> = primes
        .iter()
        .map(|q| NttTable::new(n, *q, primitive_root_2n(n, *q)).unwrap())
        .collect();
    let plans: Vec<_> = primes
        .iter()
        .map(|q| tfhe_ntt::prime32::Plan::try_new(n, q.value()).unwrap())
        .collect();

    let mut group = super::group(criterion, "ntt");
    group.throughput(Throughput::Elements((n * primes.len()) as u64));
    group.bench_function("forward/tfhe-ntt", |b| {
        b.iter(|| {
            plans
                .iter()
                .zip(rows.iter_mut())
                .for_each(|(plan, row)| plan.fwd(row))
        });
    });
    // Leaves out the factor 1/N, which ours include.
    group.bench_function("inverse/tfhe-ntt", |b| {
        b.iter(|| {
            plans
                .iter()
                .zip(rows.iter_mut())
                .for_each(|(plan, row)| plan.inv(row))
        });
    });
    for isa in Isa::available() {
        group.bench_function(format!("forward/{isa}"), |b| {
            b.iter(|| {
                for (table, row) in tables.iter().zip(rows.iter_mut()) {
                    ntt_forward(isa, table, row).unwrap();
                }
            });
        });
        group.bench_function(format!("inverse/{isa}"), |b| {
            b.iter(|| {
                for (table, row) in tables.iter().zip(rows.iter_mut()) {
                    ntt_inverse(isa, table, row).unwrap();
                }
            });
        });
    }
    group.finish();
}

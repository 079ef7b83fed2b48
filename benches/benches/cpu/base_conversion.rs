//! Conversion of one digit to all other limbs; elements are products, so the inverse of the rate is the time of one.

use benches::{Sizes, fill};
use criterion::{Criterion, Throughput};
use engine::arith::Word;
use host::cpu::{
    memory::Pool,
    simd::{BaseConversion, Isa},
};

pub(crate) fn bench(criterion: &mut Criterion) {
    let sizes = Sizes::from_env();
    let (n, primes) = (sizes.degree, sizes.primes());
    let (sources, targets) = primes.split_at(sizes.digit);
    // The time does not depend on the weights.
    let weights: Vec<Vec<Word>> = targets
        .iter()
        .map(|p| vec![p.value() / 2; sources.len()])
        .collect();
    let overflow: Vec<Word> = targets.iter().map(|p| p.value() / 3).collect();
    let table = BaseConversion::new(sources, targets, &weights, &overflow).unwrap();

    let pool = Pool::new();
    let mut from = pool.alloc(sources.len(), n).unwrap();
    for (i, (row, q)) in from.iter_mut().zip(sources).enumerate() {
        fill(row, *q, i);
    }
    let from: Vec<&[Word]> = from.iter().collect();
    let mut to = pool.alloc(targets.len(), n).unwrap();
    let mut to: Vec<&mut [Word]> = to.iter_mut().collect();

    let mut group = super::group(criterion, "base_conversion");
    group.throughput(Throughput::Elements(
        (n * sources.len() * targets.len()) as u64,
    ));
    for isa in Isa::available() {
        group.bench_function(isa.name(), |b| {
            b.iter(|| table.convert(isa, &from, &mut to).unwrap());
        });
    }
    group.finish();
}

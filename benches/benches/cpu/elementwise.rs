//! Point by point kernels on one row (in the second-level cache) and on a batch.

use benches::{Sizes, fill};
use criterion::{Criterion, Throughput};
use engine::arith::{Modulus, ShoupFactor, Word};
use host::cpu::{
    memory::{Buffer, Pool},
    simd::{self, AutomorphismTable, Isa, KernelError},
};

/// `dst = f(a, b)` on one row.
type Op<'a> = (
    &'static str,
    &'a dyn Fn(Isa, Modulus, &mut [Word], &[Word], &[Word]) -> Result<(), KernelError>,
);

pub(crate) fn bench(criterion: &mut Criterion) {
    let sizes = Sizes::from_env();
    let (n, primes) = (sizes.degree, sizes.primes());
    let pool = Pool::new();
    let mut buffers = [(); 3].map(|()| pool.alloc(primes.len(), n).unwrap());
    for buffer in &mut buffers {
        for (i, (row, q)) in buffer.iter_mut().zip(&primes).enumerate() {
            fill(row, *q, i);
        }
    }
    let [mut dst, a, b] = buffers;
    let automorphism = AutomorphismTable::new(n, 5).unwrap();
    let factor = |q: Modulus| ShoupFactor::new(q.value() / 3, q);
    let ops: [Op<'_>; 5] = [
        ("add", &simd::add),
        ("mul", &simd::mul),
        ("mul_add", &simd::mul_add_assign),
        ("sub_scale", &|isa, q, dst, a, b| {
            simd::sub_scale(isa, q, dst, a, b, factor(q))
        }),
        ("automorphism", &|isa, _, dst, a, _| {
            automorphism.apply(isa, dst, a)
        }),
    ];
    let mut group = super::group(criterion, "elementwise");
    for isa in Isa::available() {
        for (name, op) in ops {
            group.throughput(Throughput::Elements(n as u64));
            group.bench_function(format!("{name}/row/{isa}"), |bencher| {
                bencher.iter(|| op(isa, primes[0], dst.row_mut(0), a.row(0), b.row(0)).unwrap());
            });
            group.throughput(Throughput::Elements((n * primes.len()) as u64));
            group.bench_function(format!("{name}/batch/{isa}"), |bencher| {
                bencher.iter(|| {
                    for (((dst, a), b), q) in
                        dst.iter_mut().zip(a.iter()).zip(b.iter()).zip(&primes)
                    {
                        op(isa, *q, dst, a, b).unwrap();
                    }
                });
            });
        }
        gadget(&mut group, isa, &primes, [&a, &b], &mut dst);
    }
    group.finish();
}

/// Three digits and a key of three pairs; elements are words of the result.
fn gadget(
    group: &mut criterion::BenchmarkGroup<'_, criterion::measurement::WallTime>,
    isa: Isa,
    primes: &[Modulus],
    [a, b]: [&Buffer; 2],
    dst: &mut Buffer,
) {
    let digits: Vec<&[Word]> = a.iter().take(3).collect();
    let key: Vec<[&[Word]; 2]> = (0..3)
        .map(|i| [b.row(i), b.row((i + 3) % b.rows())])
        .collect();
    group.throughput(Throughput::Elements(2 * dst.words() as u64));
    let mut rows = dst.iter_mut();
    let (Some(first), Some(second)) = (rows.next(), rows.next()) else {
        return;
    };
    group.bench_function(format!("inner_product/row/{isa}"), |bencher| {
        bencher.iter(|| {
            let dst = [&mut *first, &mut *second];
            simd::inner_product(isa, primes[0], dst, &digits, &key).unwrap();
        });
    });
}

//! Point by point kernels and the automorphism on single rows, on each instruction set; one thread.

use benches::bootstrappable;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group};
use engine::arith::ShoupFactor;
use engine::ring::Basis;
use engine::ring::sampling::{Seed, uniform};
use host::cpu::simd::{self, AutomorphismTable, Isa};

/// Digits of the key product.
const DIGITS: usize = 4;

fn kernels(c: &mut Criterion) {
    let params = bootstrappable();
    let ring = params.ring();
    let (n, q) = (ring.degree(), ring.modulus(0));
    // Rows of the same modulus.
    let words =
        (0..3 * DIGITS as u8).flat_map(|i| uniform(ring, &Basis::new(0..1), &Seed([i; 32])));
    let words: Vec<_> = words.collect();
    let rows: Vec<_> = words.chunks_exact(n).collect();
    let (mut x, mut y, mut z) = (rows[0].to_vec(), rows[1].to_vec(), rows[2].to_vec());
    let w = ShoupFactor::new(q.value() / 3, q);
    let rotation = AutomorphismTable::new(n, 5).unwrap();
    let digits = &rows[..DIGITS];
    let keys: Vec<_> = (0..DIGITS)
        .map(|i| [rows[DIGITS + i], rows[2 * DIGITS + i]])
        .collect();
    let pair = [[rows[0], rows[1]]];
    let mut group = c.benchmark_group(format!("rows, N = {n}"));
    group.throughput(Throughput::Elements(n as u64));
    for isa in Isa::available() {
        let mut bench = |name: &str, kernel: &mut dyn FnMut()| {
            group.bench_function(BenchmarkId::new(name, isa.name()), |b| b.iter(&mut *kernel));
        };
        bench("sum", &mut || {
            simd::add(isa, q, &mut x, rows[0], rows[1]).unwrap();
        });
        bench("product", &mut || {
            simd::mul(isa, q, &mut x, rows[0], rows[1]).unwrap();
        });
        bench("multiple", &mut || {
            simd::scale(isa, q, &mut x, rows[0], w).unwrap();
        });
        bench("difference times a constant", &mut || {
            simd::sub_scale_assign(isa, q, &mut x, rows[0], w).unwrap();
        });
        bench("key product of 4 digits", &mut || {
            simd::inner_product(isa, q, [&mut x, &mut y], digits, &keys).unwrap();
        });
        bench("tensor product", &mut || {
            simd::tensor(isa, q, [&mut x, &mut y, &mut z], &pair, &pair).unwrap();
        });
        bench("automorphism", &mut || {
            rotation.apply(isa, &mut x, rows[0]).unwrap();
        });
    }
    group.finish();
}

criterion_group! { name = benches; config = benches::config(); targets = kernels }

//! Every backend gives the words of `Reference` in rings that no parameter set has.

use std::cell::Cell;
use std::sync::Arc;

use engine::backend::{Backend, GadgetKey, Reference, Shape};
use engine::ring::sampling::{Seed, uniform};
use engine::ring::{Basis, GaloisElement, RingContext, Rotation};
use host::cpu::Cpu;
use host::gpu::Options;
use proptest::prelude::*;
use tests::backends::gpu_for;
use tests::params;

/// Primes of the largest ring, which serve every smaller one.
fn known_primes() -> Vec<u64> {
    let literal = params("boot-39").literal().clone();
    [
        literal.terminal_primes,
        literal.main_primes,
        literal.special_primes,
    ]
    .concat()
}

/// The words of everything that depends on the degree, the primes and the digits, on random polynomials over `basis`.
fn words<B: Backend>(backend: &B, basis: &Basis, batch: usize) -> Vec<Vec<u32>> {
    let context = Arc::clone(backend.context());
    let made = Cell::new(0);
    let random = |batch: usize, basis: &Basis| {
        let polys = (0..batch).flat_map(|_| {
            made.set(made.get() + 1);
            uniform(&context, basis, &Seed([4; 32]).derive(made.get()))
        });
        let shape = Shape {
            batch,
            basis: basis.clone(),
        };
        backend.upload(&shape, &polys.collect::<Vec<_>>()).unwrap()
    };
    let extended = basis.union(&context.special());
    let below = Basis::new(basis.iter().take(basis.len().div_ceil(2)));
    let pairs = (0..context.digits().len()).map(|_| [random(1, &extended), random(1, &extended)]);
    let key = GadgetKey {
        pairs: pairs.collect(),
    };
    let (x, one) = (random(batch, basis), random(1, basis));
    let mut transformed = backend.copy(&x, 0..batch, basis).unwrap();
    backend.ntt(&mut transformed).unwrap();
    let mut back = backend.copy(&x, 0..batch, basis).unwrap();
    backend.intt(&mut back).unwrap();
    let mut results = vec![transformed, back];
    let rotation = GaloisElement::of(Rotation(3), context.degree());
    results.push(backend.automorphism(&x, rotation).unwrap());
    results.push(backend.mul_sum(&[(&x, &one), (&x, &x)]).unwrap());
    for to in [basis, &below] {
        let up = random(batch, &extended);
        results.push(backend.mod_down(&up, to).unwrap());
        let halves = backend.key_switch(&x, &key, [Some(&x), Some(&one)], to);
        results.extend(halves.unwrap());
    }
    results.extend(backend.decompose(&x).unwrap());
    let words = results.iter().map(|result| backend.download(result));
    words.collect::<Result<_, _>>().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]

    #[test]
    fn random_rings_give_the_same_words_on_every_backend(
        bits in 10usize..=14,
        primes in prop::sample::subsequence(known_primes(), 4..=14),
        special in 1usize..=3,
        digit in 1usize..=4,
        limbs: u16,
        batch in 1usize..=3,
    ) {
        let (special, ordinary) = primes.split_at(special);
        let ring = Arc::new(RingContext::new(1 << bits, ordinary, special, digit).unwrap());
        // The last limb, and any others.
        let last = ordinary.len() - 1;
        let basis = Basis::new((0..=last).filter(|limb| *limb == last || (limbs >> limb) & 1 == 1));
        let right = words(&Reference::new(Arc::clone(&ring)), &basis, batch);
        let cpu = Cpu::new(Arc::clone(&ring)).unwrap();
        prop_assert!(words(&cpu, &basis, batch) == right, "cpu");
        if let Some(gpu) = gpu_for("random rings", &ring, &Options::default()) {
            prop_assert!(words(&gpu, &basis, batch) == right, "gpu");
        }
    }
}

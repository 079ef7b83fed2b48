//! Conversions between bases, against big integers.

use engine::backend::{Backend, Reference, Shape, Transfer};
use engine::ring::{Basis, RingContext};
use num_bigint::{BigInt, Sign};
use proptest::prelude::*;
use std::sync::Arc;
use tests::{big, params};

/// The chain of a parameter set on a small ring: its primes are `= 1 mod 2N` for every smaller `N` too.
fn ring(name: &str) -> Arc<RingContext> {
    let literal = params(name).literal().clone();
    let ordinary: Vec<_> = literal
        .terminal_primes
        .iter()
        .chain(&literal.main_primes)
        .copied()
        .collect();
    let special = &literal.special_primes;
    Arc::new(RingContext::new(16, &ordinary, special, special.len()).unwrap())
}

fn random_words<B: Backend>(backend: &B, shape: &Shape, seed: u64) -> Vec<u32> {
    let ring = backend.context();
    let mut state = seed | 1;
    let rows = (0..shape.batch).flat_map(|_| shape.basis.iter());
    rows.flat_map(|limb| std::iter::repeat_n(ring.modulus(limb), ring.degree()))
        .map(|q| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            q.reduce_wide(state >> 24)
        })
        .collect()
}

/// `round(x r / d)`, the nearest integer; ties cannot occur for odd `d`.
fn divided(x: &BigInt, r: &BigInt, d: &BigInt) -> BigInt {
    let numerator: BigInt = x * r + d / 2;
    let (quotient, remainder) = (&numerator / d, &numerator % d);
    // Division truncates; floor is wanted.
    if remainder.sign() == Sign::Minus {
        quotient - 1
    } else {
        quotient
    }
}

fn check_mod_up<B: Backend>(backend: &B, seed: u64, at: &Basis) {
    let ring = backend.context();
    let to = at.union(&ring.special());
    let shape = Shape {
        batch: 2,
        basis: at.clone(),
    };
    let words = random_words(backend, &shape, seed);
    let x = backend.upload(&shape, &words).unwrap();
    for (_, digit) in ring.digits().at(at) {
        let have = backend
            .download(&backend.mod_up(&x, &digit, &to).unwrap())
            .unwrap();
        for poly in 0..2 {
            for i in 0..ring.degree() {
                let word = |limb: usize| {
                    words[(poly * at.len() + at.row(limb).unwrap()) * ring.degree() + i]
                };
                let value = big::centred(ring, &digit, word);
                for (row, limb) in to.iter().enumerate() {
                    let found = have[(poly * to.len() + row) * ring.degree() + i];
                    assert_eq!(
                        found,
                        big::residue(&value, ring.modulus(limb)),
                        "limb {limb}"
                    );
                }
            }
        }
    }
}

fn check_mod_down<B: Backend>(backend: &B, seed: u64, from: &Basis, to: &Basis) {
    let ring = backend.context();
    let shape = Shape {
        batch: 2,
        basis: from.clone(),
    };
    let words = random_words(backend, &shape, seed);
    let mut x = backend.upload(&shape, &words).unwrap();
    backend.ntt(&mut x).unwrap();
    let mut y = backend.mod_down(&x, to).unwrap();
    backend.intt(&mut y).unwrap();
    let have = backend.download(&y).unwrap();
    let (r, d) = (
        big::product(ring, &to.difference(from)),
        big::product(ring, &from.difference(to)),
    );
    for poly in 0..2 {
        for i in 0..ring.degree() {
            let word = |limb: usize| {
                words[(poly * from.len() + from.row(limb).unwrap()) * ring.degree() + i]
            };
            let want = divided(&big::centred(ring, from, word), &r, &d);
            for (row, limb) in to.iter().enumerate() {
                let found = have[(poly * to.len() + row) * ring.degree() + i];
                assert_eq!(
                    found,
                    big::residue(&want, ring.modulus(limb)),
                    "limb {limb}"
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn conversions_are_those_of_integers(seed: u64, pick in 0usize..1000) {
        for name in ["insecure-10", "insecure-11-boot", "leveled-13", "leveled-15"] {
            let set = params(name);
            let backend = Reference::new(ring(name));
            let level = engine::ckks::Level(1 + pick % set.max_level().0);
            let below = engine::ckks::Level(level.0 - 1);
            let special = backend.context().special();
            let basis = set.basis(level);
            check_mod_up(&backend, seed, basis);
            check_mod_down(&backend, seed, &basis.union(&special), basis);
            check_mod_down(&backend, seed, basis, set.basis(below));
            check_mod_down(&backend, seed, &basis.union(&special), set.basis(below));
        }
    }
}

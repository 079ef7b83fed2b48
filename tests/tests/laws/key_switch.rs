//! Key switching, against big integers: what is left after the switch is small.

use engine::backend::{Backend, Reference};
use engine::ckks::{KeyGenerator, KeyPlan, Level, Params, Source};
use engine::ring::sampling::{Seed, residues, uniform};
use engine::ring::{GaloisElement, Rotation};
use num_bigint::BigInt;
use std::sync::Arc;
use tests::{big, params};

/// `b + a t - x s` over a level, coefficient by coefficient, as integers of least magnitude.
fn check<B: Backend>(backend: &B, params: &Params, level: Level) {
    let ring = params.ring();
    let basis = params.basis(level).clone();
    let secret = engine::ckks::SecretKey::generate(params, &Seed([4; 32]));
    let rotation = Rotation(3);
    let plan = KeyPlan {
        encapsulation: false,
        rotations: [(rotation, level)].into(),
        ..KeyPlan::default()
    };
    let generator = KeyGenerator::new(backend, params, &secret);
    let keys = generator.evaluation_keys(&plan, &Seed([5; 32])).unwrap();
    let g = GaloisElement::of(rotation, params.degree());
    let key = &keys.galois[&g];

    let shape = engine::backend::Shape {
        batch: 1,
        basis: basis.clone(),
    };
    let x = backend
        .upload(&shape, &uniform(ring, &basis, &Seed([6; 32])))
        .unwrap();
    let mut s = backend
        .upload(&shape, &residues(ring, &basis, secret.coefficients()))
        .unwrap();
    backend.ntt(&mut s).unwrap();
    let t = backend
        .automorphism(&s, g.inverse(params.degree()))
        .unwrap();
    let [b, a] = backend
        .key_switch(&x, key.gadget(), [None, None], &basis)
        .unwrap();
    let mut difference = backend.mul_sum(&[(&a, &t)]).unwrap();
    backend.add_assign(&mut difference, &b).unwrap();
    backend
        .sub_assign(&mut difference, &backend.mul_sum(&[(&x, &s)]).unwrap())
        .unwrap();
    backend.intt(&mut difference).unwrap();
    let words = backend.download(&difference).unwrap();

    // Standard deviation of a coefficient, from that of a slot in units of the message.
    let n = params.degree() as f64;
    let deviation = params.noise(Source::KeySwitch, level) * params.scale(level) / (n / 2.0).sqrt();
    let mut squares = 0.0;
    for i in 0..params.degree() {
        let word = |limb: usize| words[basis.row(limb).unwrap() * params.degree() + i];
        let error = big::to_f64(&big::centred(ring, &basis, word));
        assert!(
            error.abs() < 7.0 * deviation,
            "coefficient {i}: {error}, deviation {deviation}"
        );
        squares += error * error;
    }
    let measured = (squares / n).sqrt();
    assert!(
        measured < 1.15 * deviation && measured > 0.8 * deviation,
        "{measured} {deviation}"
    );
    assert_ne!(
        words.iter().map(|w| BigInt::from(*w)).sum::<BigInt>(),
        BigInt::ZERO
    );
}

#[test]
fn what_is_left_is_the_promised_noise() {
    for name in ["insecure-10", "insecure-11-boot"] {
        let params = params(name);
        let backend = Reference::new(Arc::clone(params.ring()));
        for level in [0, 1, 2, params.max_level().0] {
            check(&backend, &params, Level(level));
        }
    }
}

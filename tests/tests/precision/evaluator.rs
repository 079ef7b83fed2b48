//! Every operation on random slots, against the bits its noise promises.

use engine::backend::Backend;
use engine::ckks::{Encryptor, KeyGenerator, Level, Params, Source, presets};
use engine::ring::Rotation;
use engine::ring::sampling::Seed;
use num_complex::Complex64;
use std::sync::Arc;
use tests::{Fixture, bits, cpu, params, reference, slots};

/// The bits promised for independent errors of these sources.
fn promised(params: &Params, level: Level, sources: &[(Source, f64)]) -> f64 {
    let variance = sources
        .iter()
        .map(|(s, weight)| weight * params.noise(*s, level).powi(2));
    Params::promised_bits(variance.sum::<f64>().sqrt())
}

#[track_caller]
fn assert_bits(op: &str, want: &[Complex64], have: &[Complex64], promise: f64) {
    let found = bits(want, have);
    assert!(
        found >= promise,
        "{op}: {found:.2} bits, {promise:.2} promised"
    );
}

fn zip(
    a: &[Complex64],
    b: &[Complex64],
    f: impl Fn(Complex64, Complex64) -> Complex64,
) -> Vec<Complex64> {
    a.iter().zip(b).map(|(a, b)| f(*a, *b)).collect()
}

fn check<B: Backend>(backend: B, params: Params) {
    use Source::{Encode, EncryptPublic, EncryptSecret, KeySwitch, Rescale};
    let (n, top) = (params.slots(), params.max_level());
    let f = Fixture::new(params, backend, top, &[1, -3]);
    let (params, ev) = (&f.params, f.evaluator());
    let (x, y, z) = (slots(n, 1), slots(n, 2), slots(n, 3));
    let fresh = (EncryptSecret, 1.0);

    let a = f.encrypt(&[&x, &z], top, 3);
    let b = f.encrypt(&[&y], top, 4);
    let clear = f.decrypt(&a);
    assert_bits("encrypt", &x, &clear[0], promised(params, top, &[fresh]));
    assert_bits(
        "encrypt, second of a batch",
        &z,
        &clear[1],
        promised(params, top, &[fresh]),
    );

    let generator = KeyGenerator::new(&f.backend, params, &f.secret);
    let public = generator.public_key(&Seed([7; 32])).unwrap();
    let encryptor = Encryptor::new(&f.backend, params, Arc::clone(&f.encoder));
    let c = encryptor
        .with_public(&public, &[&x], top, &Seed([8; 32]))
        .unwrap();
    let promise = promised(params, top, &[(EncryptPublic, 1.0)]);
    assert_bits(
        "encrypt with the public key",
        &x,
        &f.decrypt(&c)[0],
        promise,
    );

    let two = promised(params, top, &[(EncryptSecret, 2.0)]);
    let sum = f.decrypt(&ev.add(&a, &b).unwrap());
    assert_bits("add", &zip(&x, &y, |a, b| a + b), &sum[0], two);
    assert_bits("add, broadcast", &zip(&z, &y, |a, b| a + b), &sum[1], two);
    let difference = f.decrypt(&ev.sub(&b, &a).unwrap());
    assert_bits(
        "sub, broadcast",
        &zip(&y, &z, |a, b| a - b),
        &difference[1],
        two,
    );
    let total = f.decrypt(&ev.sum(&a).unwrap());
    assert_bits("sum of a batch", &zip(&x, &z, |a, b| a + b), &total[0], two);

    // |x| is at most sqrt 2, so a product carries at most twice the variance of each operand.
    let below = Level(top.0 - 1);
    let product = ev.mul(&a, &b).unwrap();
    assert_eq!(product.level(), below);
    let promise = promised(params, below, &[(EncryptSecret, 4.5), (KeySwitch, 1.1)]);
    let have = f.decrypt(&product);
    assert_bits("mul", &zip(&x, &y, |a, b| a * b), &have[0], promise);
    assert_bits(
        "mul, broadcast",
        &zip(&z, &y, |a, b| a * b),
        &have[1],
        promise,
    );
    let promise = promised(params, below, &[(EncryptSecret, 9.0), (KeySwitch, 1.1)]);
    let dot = f.decrypt(&ev.dot(&[(&a, &b), (&b, &b)]).unwrap());
    let want = zip(&zip(&x, &y, |a, b| a * b), &y, |p, y| p + y * y);
    assert_bits("dot", &want, &dot[0], promise);

    let once = [(EncryptSecret, 1.1), (KeySwitch, 1.0)];
    let left: Vec<_> = (0..n).map(|i| x[(i + 1) % n]).collect();
    let right: Vec<_> = (0..n).map(|i| x[(i + n - 3) % n]).collect();
    let rotated = f.decrypt(&ev.rotate(&a, Rotation(1)).unwrap());
    assert_bits("rotate", &left, &rotated[0], promised(params, top, &once));
    let many = ev
        .rotate_many(&a, &[Rotation(-3), Rotation(0), Rotation(1)])
        .unwrap();
    assert_bits(
        "hoisted rotation",
        &right,
        &f.decrypt(&many[0])[0],
        promised(params, top, &once),
    );
    assert_bits(
        "rotation by zero",
        &x,
        &f.decrypt(&many[1])[0],
        promised(params, top, &[fresh]),
    );
    assert_bits(
        "hoisted rotation",
        &left,
        &f.decrypt(&many[2])[0],
        promised(params, top, &once),
    );
    let conjugate: Vec<_> = x.iter().map(Complex64::conj).collect();
    let have = f.decrypt(&ev.conjugate(&a).unwrap());
    assert_bits(
        "conjugate",
        &conjugate,
        &have[0],
        promised(params, top, &once),
    );
    let turned: Vec<_> = x.iter().map(|x| x * Complex64::I).collect();
    let have = f.decrypt(&ev.mul_i(&a).unwrap());
    assert_bits(
        "mul by i",
        &turned,
        &have[0],
        promised(params, top, &[fresh]),
    );

    for level in (0..top.0).map(Level) {
        let promise = promised(params, level, &[(EncryptSecret, 1.5), (Rescale, 1.0)]);
        let low = f.decrypt(&ev.lower(&a, level).unwrap());
        assert_bits(&format!("lower to {level}"), &x, &low[0], promise);
    }
    let mixed = ev.mul(&a, &ev.lower(&b, Level(2)).unwrap()).unwrap();
    assert_eq!(mixed.level(), Level(1));
    let promise = promised(
        params,
        Level(1),
        &[(EncryptSecret, 6.0), (Rescale, 4.5), (KeySwitch, 1.1)],
    );
    assert_bits(
        "mul of unlike levels",
        &zip(&x, &y, |a, b| a * b),
        &f.decrypt(&mixed)[0],
        promise,
    );

    let combined = ev
        .linear_combination(&[(&a, 0.5), (&b, -0.25)], 0.125)
        .unwrap();
    let want = zip(&x, &y, |a, b| 0.5 * a - 0.25 * b + 0.125);
    // The constants are rounded to a multiple of 2^-28 of the plaintext scale.
    let promise = promised(params, below, &[(EncryptSecret, 1.0), (Rescale, 1.1)]);
    assert_bits(
        "linear combination",
        &want,
        &f.decrypt(&combined)[0],
        promise,
    );

    let scale = ev.plaintext_scale(top);
    let plain =
        engine::ckks::Plaintext::encode(&f.backend, &f.encoder, params, &[&y], top, scale).unwrap();
    let promise = promised(
        params,
        below,
        &[(EncryptSecret, 2.2), (Rescale, 1.1), (Encode, 4.5)],
    );
    let have = f.decrypt(&ev.dot_plain(&[(&a, &plain)]).unwrap());
    assert_bits(
        "plaintext product",
        &zip(&x, &y, |a, b| a * b),
        &have[0],
        promise,
    );
}

#[test]
fn every_set_keeps_its_promises() {
    for name in presets::NAMES {
        let params = params(name);
        check(cpu(&params), params);
    }
}

#[test]
fn leveled_chain_keeps_its_promises() {
    let params = params("insecure-10");
    check(reference(&params), params);
}

#[test]
fn rational_chain_keeps_its_promises() {
    let params = params("insecure-11-boot");
    check(reference(&params), params);
}

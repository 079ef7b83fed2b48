//! Encrypt two vectors, add and multiply them without opening them, decrypt.
//!
//! A ciphertext holds `N/2` complex numbers, its *slots*. A product uses up a *level*; a sum does not.
//!
//! `cargo run --release -p engine --example 1_encrypt_add`

use std::error::Error;
use std::sync::Arc;

use engine::backend::Reference;
use engine::ckks::{
    Decryptor, Encoder, Encryptor, Evaluator, KeyGenerator, KeyPlan, SecretKey, presets,
};
use engine::ring::sampling::Seed;
use num_complex::Complex64;

fn main() -> Result<(), Box<dyn Error>> {
    // For trying out: it has 1,024 coefficients and no security. A job takes one that is secure, see `veilgrad params`.
    let params = presets::named("insecure-10").ok_or("no such set")??;
    let backend = Reference::new(Arc::clone(params.ring()));
    let encoder = Arc::new(Encoder::new(params.degree()));

    // The owner's part. Seeds come from the operating system and are used once; these are for repeating the example only.
    let secret = SecretKey::generate(&params, &Seed([1; 32]));
    let plan = KeyPlan {
        relinearization: Some(params.max_level()),
        ..KeyPlan::default()
    };
    let generator = KeyGenerator::new(&backend, &params, &secret);
    let keys = generator.evaluation_keys(&plan, &Seed([2; 32]))?;
    let real = |f: fn(f64) -> f64| -> Vec<Complex64> {
        (0..params.slots()).map(|i| f(i as f64).into()).collect()
    };
    let (a, b) = (real(f64::sin), real(f64::cos));
    let encryptor = Encryptor::new(&backend, &params, Arc::clone(&encoder));
    let encrypt = |slots: &[Complex64], seed: u8| {
        encryptor.with_secret(&secret, &[slots], params.max_level(), &Seed([seed; 32]))
    };
    let (x, _) = encrypt(&a, 3)?;
    let (y, _) = encrypt(&b, 4)?;

    // The server's part: it has the evaluation keys, not the secret one.
    let evaluator = Evaluator::new(&backend, &params, Arc::clone(&encoder), &keys);
    let sum = evaluator.add(&x, &y)?;
    let product = evaluator.mul(&x, &y)?;
    println!(
        "levels: {} of the sum, {} of the product",
        sum.level().0,
        product.level().0
    );

    // The owner again.
    let decryptor = Decryptor::new(&backend, &params, encoder, &secret);
    for (name, encrypted, exact) in [
        (
            "sum",
            &sum,
            (|a, b| a + b) as fn(Complex64, Complex64) -> Complex64,
        ),
        ("product", &product, |a, b| a * b),
    ] {
        let found = decryptor.decrypt(encrypted)?.remove(0);
        let errors = found.iter().zip(a.iter().zip(&b));
        let error = errors.map(|(found, (a, b))| (found - exact(*a, *b)).norm());
        let error = error.fold(0.0, f64::max);
        println!("{name}: largest error {error:.1e}");
        assert!(error < 1e-4);
    }
    Ok(())
}

//! Move slots, and add all of them up with `log2` rotations.
//!
//! A rotation is a key switch: it needs a key of its own, which is made for the rotations that a program lists.
//!
//! `cargo run --release -p engine --example 2_rotate`

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;

use engine::backend::Reference;
use engine::ckks::{
    Decryptor, Encoder, Encryptor, Evaluator, KeyGenerator, KeyPlan, SecretKey, presets,
};
use engine::ring::Rotation;
use engine::ring::sampling::Seed;
use num_complex::Complex64;

fn main() -> Result<(), Box<dyn Error>> {
    let params = presets::named("insecure-10").ok_or("no such set")??;
    let backend = Reference::new(Arc::clone(params.ring()));
    let encoder = Arc::new(Encoder::new(params.degree()));
    let level = params.max_level();

    // By 1, 2, 4, ... slots to the left.
    let steps = (0..params.slots().ilog2()).map(|i| Rotation(1 << i));
    let rotations: BTreeMap<_, _> = steps.map(|rotation| (rotation, level)).collect();
    let secret = SecretKey::generate(&params, &Seed([1; 32]));
    let generator = KeyGenerator::new(&backend, &params, &secret);
    let plan = KeyPlan {
        rotations: rotations.clone(),
        ..KeyPlan::default()
    };
    let keys = generator.evaluation_keys(&plan, &Seed([2; 32]))?;
    println!("{} keys, {} bytes", plan.len(), plan.bytes(&params));

    let slots: Vec<Complex64> = (0..params.slots())
        .map(|i| (i as f64).sin().into())
        .collect();
    let encryptor = Encryptor::new(&backend, &params, Arc::clone(&encoder));
    let (x, _) = encryptor.with_secret(&secret, &[&slots], level, &Seed([3; 32]))?;

    let evaluator = Evaluator::new(&backend, &params, Arc::clone(&encoder), &keys);
    let moved = evaluator.rotate(&x, Rotation(1))?;
    let mut sum = x;
    for rotation in rotations.keys() {
        sum = evaluator.add(&sum, &evaluator.rotate(&sum, *rotation)?)?;
    }

    let decryptor = Decryptor::new(&backend, &params, encoder, &secret);
    let moved = decryptor.decrypt(&moved)?.remove(0);
    println!(
        "slot 0 is now what slot 1 was: {:.4}, {:.4}",
        moved[0].re, slots[1].re
    );
    assert!((moved[0] - slots[1]).norm() < 1e-4);
    let exact: Complex64 = slots.iter().sum();
    let sum = decryptor.decrypt(&sum)?.remove(0);
    println!("every slot has the sum: {:.4}, {:.4}", sum[7].re, exact.re);
    assert!((sum[7] - exact).norm() < 1e-2);
    Ok(())
}

//! One step of training between an owner and a server that cannot open anything.
//!
//! `cargo run --release -p engine --example 4_train_step`

use std::error::Error;
use std::sync::Arc;

use engine::backend::Reference;
use engine::circuits::activation::ActivationChoice;
use engine::circuits::{Parts, Refresh};
use engine::ckks::{
    Ciphertext, Encoder, EvalError, EvaluationKeys, Evaluator, Level, SecretKey, presets,
};
use engine::protocol::{Owner, Plan, RefreshBy, RefreshRequest, Server, Task};
use engine::ring::sampling::Seed;
use engine::train::{ExactTrainer, Model, Precision};

/// The owner at the other end of a wire: decrypts the weights and encrypts them anew.
struct Wire<'a>(&'a Owner<'a, Reference>);

impl Refresh<Reference> for Wire<'_> {
    fn refresh(
        &self,
        x: &Ciphertext<Reference>,
        to: Level,
        bound: f64,
        _: Parts,
    ) -> Result<Ciphertext<Reference>, EvalError> {
        let request = RefreshRequest {
            ciphertext: x.clone(),
            to,
            bound,
        };
        // Each answer has a seed of its own; there is one in this example.
        Ok(self.0.refresh(&request, &Seed([7; 32]))?.ciphertext)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let params = presets::named("insecure-10").ok_or("no such set")??;
    let backend = Reference::new(Arc::clone(params.ring()));
    let encoder = Arc::new(Encoder::new(params.degree()));

    // Both know the sizes, and with them levels and keys.
    let task = Task {
        features: 3,
        classes: 2,
        batch: 16,
    };
    let sigmoid = ActivationChoice::Sigmoid {
        range: 8.0,
        degree: 5,
    };
    let plan = Plan::new(&params, task, sigmoid, RefreshBy::Owner)?;
    println!("a step: {}", plan.budget());

    // The owner: keys, samples, a first model.
    let secret = SecretKey::generate(&params, &Seed([1; 32]));
    let owner = Owner::new(&backend, &params, Arc::clone(&encoder), secret);
    let mut keys = EvaluationKeys::default();
    owner.evaluation_keys(plan.keys(), &Seed([2; 32]), |name, key| {
        name.insert(&mut keys, params.degree(), key);
        Ok::<_, EvalError>(())
    })?;
    let features: Vec<f64> = (0..48)
        .map(|i| f64::from(i * 37 % 20) / 10.0 - 1.0)
        .collect();
    let labels: Vec<usize> = features
        .chunks(3)
        .map(|x| usize::from(x[0] > x[1]))
        .collect();
    let batch = owner.encrypt_batch(&plan, &features, &labels, &Seed([3; 32]))?;
    let start = Model::zeros(task.classes, task.features);
    let state = owner
        .encrypt_start(&plan, &start, &Seed([4; 32]))?
        .ciphertext;

    // The server: one step, then a refresh over the wire.
    let wire = Wire(&owner);
    let server = Server::new(
        Evaluator::new(&backend, &params, encoder, &keys),
        &wire,
        &plan,
        1.0,
    )?;
    let state = server.step(&state, &batch.received(), 0)?;
    println!("after the step: level {}", state.level().0);
    let state = server.refresh(&state)?;
    println!("after the refresh: level {}", state.level().0);

    // The owner opens the model, and compares it with the same step in the clear.
    let model = owner.model(&plan, &state)?;
    let mut clear = ExactTrainer::new(start, plan.activation(), Precision::Approximate);
    clear.step(&features, &labels, 1.0);
    let errors = model.values().iter().zip(clear.weights().values());
    let error = errors.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    println!("largest difference of a weight to the same step in the clear: {error:.1e}");
    assert!(error < 1e-3);
    Ok(())
}

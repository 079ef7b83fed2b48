//! The softmax, as a program that is written once and runs on clear numbers with the noise of ciphertexts.
//!
//! A program uses [`Slots`](engine::circuits::Slots) and nothing else. On `Clear` it says what it needs (levels, keys, products)
//! and how wrong it gets; on `Ciphertexts` it is the real thing. Where levels run out it is refreshed, by a plan.
//!
//! `cargo run --release -p engine --example 3_softmax`

use std::error::Error;

use engine::circuits::activation::{ActivationChoice, Approximation, Classes};
use engine::circuits::packing::{Grouping, Layout};
use engine::circuits::{Clear, Course, NoiseModel, Operation, RefreshPlan};
use engine::ckks::presets;

fn main() -> Result<(), Box<dyn Error>> {
    let params = presets::named("boot-39").ok_or("no such set")??;
    let (classes, samples, range) = (10, 2048, 32.0);
    let softmax = ActivationChoice::Softmax { range }.build(classes)?;

    // One column of logits for each class; slots hold samples by class.
    let layout = Layout::plan(params.slots(), classes, 64, samples, Grouping::Packed)?;
    let logits: Vec<f64> = (0..samples * classes)
        .map(|i| range / 2.0 * (i as f64 * 0.7).sin())
        .collect();
    let scaled: Vec<f64> = logits.iter().map(|z| z * softmax.input_scale()).collect();

    let top = params.max_level();
    let stages = softmax.stages();
    let plan = RefreshPlan::fewest(&stages, Some(top), top).ok_or("too deep for the levels")?;
    let machine = Clear::noisy(
        params.slots(),
        NoiseModel::of(&params).with_bootstrap(&params),
        1,
    );
    let prepared = Classes::new(&machine, &layout, &softmax.masks())?;
    let x = machine.vector(&[layout.pack_columns(&scaled)?], top)?;
    let y = softmax.apply(
        &machine,
        &prepared,
        &mut Course::new(&stages, &plan.refreshes),
        &x,
    )?;

    let depth: usize = stages.iter().map(|stage| stage.depth).sum();
    let budget = machine.take_budget();
    println!(
        "{depth} levels, {} key switches, {} refreshes",
        budget.key_switches(),
        budget.count(Operation::RealRefresh)
    );
    let found = layout.unpack_columns(&machine.values(&y)[0], samples)?;
    let mut largest = 0.0f64;
    for (logits, found) in logits.chunks(classes).zip(found.chunks(classes)) {
        let mut exact = logits.to_vec();
        softmax.exact(&mut exact);
        let errors = exact.iter().zip(found).map(|(a, b)| (a - b).abs());
        largest = errors.fold(largest, f64::max);
    }
    println!("largest error of a probability: {largest:.1e}");
    assert!(largest < 1e-3);
    Ok(())
}

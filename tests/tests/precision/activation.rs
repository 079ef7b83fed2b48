//! Activations on ciphertexts against their polynomials and against the functions, refreshed by the owner on the way.

use std::cell::Cell;

use engine::circuits::activation::{ActivationChoice, Approximation, Classes};
use engine::circuits::packing::{Grouping, Layout};
use engine::circuits::{Ciphertexts, Clear, Course, Operation, Parts, Refresh, RefreshPlan};
use engine::ckks::{Ciphertext, EvalError, KeyPlan, Level};
use host::cpu::Cpu;
use num_complex::Complex64;
use tests::{Fixture, cpu, params};

/// The owner: decrypts, and encrypts anew.
struct Owner<'a> {
    fixture: &'a Fixture<Cpu>,
    refreshed: Cell<u8>,
}

impl Refresh<Cpu> for Owner<'_> {
    fn refresh(
        &self,
        x: &Ciphertext<Cpu>,
        to: Level,
        bound: f64,
        _: Parts,
    ) -> Result<Ciphertext<Cpu>, EvalError> {
        let values = self.fixture.decrypt(x);
        for value in values.iter().flatten() {
            assert!(
                value.re.abs().max(value.im.abs()) <= bound,
                "{value} beyond {bound}"
            );
        }
        let number = self.refreshed.get() + values.len() as u8;
        self.refreshed.set(number);
        let vectors: Vec<&[Complex64]> = values.iter().map(Vec::as_slice).collect();
        Ok(self.fixture.encrypt(&vectors, to, 100 + number))
    }
}

/// Logits that sum to zero, as those of a model that was trained from zero do: of half the range at most.
fn logits(samples: usize, classes: usize, range: f64) -> Vec<f64> {
    let random: Vec<f64> = tests::slots(samples * classes, 11)
        .iter()
        .map(|z| z.re)
        .collect();
    let centred = random
        .chunks(classes)
        .enumerate()
        .flat_map(|(sample, row)| {
            let mean = row.iter().sum::<f64>() / classes as f64;
            let size = range / 2.0 / (1 << (sample % 5)) as f64;
            row.iter().map(move |x| size * (x - mean))
        });
    centred.collect()
}

/// The largest distance to the polynomials, and to the function.
fn errors(set: &str, choice: ActivationChoice, classes: usize, start: usize) -> [f64; 2] {
    let params = params(set);
    let (slots, top) = (params.slots(), params.max_level());
    let samples = slots / classes.next_power_of_two();
    let layout = Layout::plan(slots, classes, 4, samples, Grouping::Packed).unwrap();
    let activation = choice.build(classes).unwrap();
    let stages = activation.stages();
    let plan = RefreshPlan::fewest(&stages, Some(Level(start)), top).unwrap();
    assert!(plan.vectors(&stages) > 0);
    let logits = logits(samples, classes, activation.range());
    let scale = activation.input_scale();
    let scaled: Vec<f64> = logits.iter().map(|z| scale * z).collect();
    let columns = layout.pack_columns(&scaled).unwrap();

    // The clear run says which keys are needed.
    let clear = Clear::exact(slots);
    let x = clear
        .vector(std::slice::from_ref(&columns), Level(start))
        .unwrap();
    let prepared = Classes::new(&clear, &layout, &activation.masks()).unwrap();
    let mut course = Course::new(&stages, &plan.refreshes);
    activation
        .apply(&clear, &prepared, &mut course, &x)
        .unwrap();
    let budget = clear.take_budget();
    let keys = KeyPlan {
        relinearization: budget.relinearization(),
        conjugation: budget.conjugation(),
        encapsulation: false,
        rotations: budget.rotations().clone(),
    };
    let fixture = Fixture::with_plan(params.clone(), cpu(&params), &keys);
    let owner = Owner {
        fixture: &fixture,
        refreshed: Cell::new(0),
    };
    let machine = Ciphertexts::new(fixture.evaluator(), &owner);
    let prepared = Classes::new(&machine, &layout, &activation.masks()).unwrap();
    let mut course = Course::new(&stages, &plan.refreshes);
    let x = fixture.encrypt(&[&columns], Level(start), 9);
    let y = activation
        .apply(&machine, &prepared, &mut course, &x)
        .unwrap();
    assert_eq!(y.level(), plan.end);
    assert_eq!(
        u64::from(owner.refreshed.get()),
        budget.count(Operation::RealRefresh)
    );

    let found = layout
        .unpack_columns(&fixture.decrypt(&y)[0], samples)
        .unwrap();
    let mut errors = [0.0f64; 2];
    for (logits, found) in logits.chunks(classes).zip(found.chunks(classes)) {
        let (mut polynomial, mut function) = (logits.to_vec(), logits.to_vec());
        activation.approximate(&mut polynomial);
        activation.exact(&mut function);
        for (index, want) in [polynomial, function].into_iter().enumerate() {
            for (found, want) in found.iter().zip(want) {
                errors[index] = errors[index].max((found - want).abs());
            }
        }
    }
    errors
}

#[test]
fn activations_on_ciphertexts_are_the_functions() {
    let sigmoid = ActivationChoice::Sigmoid {
        range: 16.0,
        degree: 29,
    };
    let softmax = |range| ActivationChoice::Softmax { range };
    let max = ActivationChoice::SoftmaxMax;
    for (set, choice, classes, start, noise, error) in [
        ("insecure-11-boot", sigmoid, 3, 2, 2e-6, 2e-3),
        ("insecure-11-boot", softmax(8.0), 2, 0, 1e-5, 3e-4),
        ("insecure-11-boot", softmax(32.0), 7, 3, 2e-5, 3e-4),
        ("insecure-11-boot", softmax(128.0), 10, 5, 1e-4, 4e-4),
        ("insecure-11-boot", max, 3, 10, 5e-5, 5e-3),
    ] {
        let [of_noise, of_all] = errors(set, choice, classes, start);
        println!("{set}, {choice:?}, {classes} classes: noise {of_noise:.1e}, in all {of_all:.1e}");
        assert!(of_noise < noise, "{choice:?}: noise of {of_noise:e}");
        assert!(of_all < error, "{choice:?}: error of {of_all:e}");
    }
}

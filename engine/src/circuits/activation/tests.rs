//! Each activation twice: its polynomials against the function, and slots against its polynomials.

use num_complex::Complex64;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use super::*;
use crate::circuits::packing::{Grouping, Layout};
use crate::circuits::{Clear, NoiseModel, Operation, RefreshPlan};
use crate::ckks::{Level, presets};

const CLASSES: [usize; 8] = [2, 3, 5, 7, 10, 16, 33, 64];

/// Logits of samples in `[-range, range]`: uniform ones on several parts of it, ties, and one class against the rest.
fn logits(range: f64, classes: usize, samples: usize) -> Vec<Vec<f64>> {
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let mut uniform = move || f64::from(random.next_u32()) / f64::from(u32::MAX / 2) - 1.0;
    let mut all = vec![
        vec![0.0; classes],
        vec![range; classes],
        vec![-range; classes],
    ];
    for top in 1..classes {
        let tie = |class: usize| if class < top { range } else { -range };
        all.push((0..classes).map(tie).collect());
    }
    for i in 0..samples.saturating_sub(all.len()) {
        let part = range * [1.0, 0.5, 0.1, 0.02][i % 4];
        all.push((0..classes).map(|_| part * uniform()).collect());
    }
    all
}

/// The largest error of the polynomials.
fn error_of(activation: &impl Approximation, range: f64, classes: usize, samples: usize) -> f64 {
    let mut largest = 0.0f64;
    for sample in logits(range, classes, samples) {
        let (mut found, mut wanted) = (sample.clone(), sample);
        activation.approximate(&mut found);
        activation.exact(&mut wanted);
        for (found, wanted) in found.into_iter().zip(wanted) {
            assert!(found.is_finite());
            largest = largest.max((found - wanted).abs());
        }
    }
    largest
}

#[test]
fn softmax_keeps_its_promise_for_every_range_and_number_of_classes() {
    for classes in CLASSES {
        for range in [0.5, 2.0, 4.0, 8.0, 20.0, 32.0, 128.0] {
            let softmax = Softmax::new(range, classes);
            let error = error_of(&softmax, range, classes, 3000);
            assert!(softmax.max_error() < 3e-4);
            assert!(
                error <= softmax.max_error(),
                "{classes} classes, {range}: {error:e}, degrees {:?}",
                softmax.inverse_degrees()
            );
        }
    }
}

#[test]
fn softmax_max_is_as_good_as_published() {
    for classes in [2, 3, 5, 7, 10, 16] {
        let softmax = SoftmaxMax::new(classes);
        // Not quite to the end: where all logits are -128, padding looks like a class.
        for range in [4.0, 8.0, 32.0, 110.0] {
            let error = error_of(&softmax, range, classes, 3000);
            println!("{classes} classes, {range}: {error:e}");
            assert!(
                error <= softmax.max_error(),
                "{classes} classes, {range}: {error:e}"
            );
        }
    }
}

#[test]
fn levels_are_the_documented_ones() {
    let depth = |range, classes| Softmax::new(range, classes).depth();
    let table = [3, 5, 7, 10].map(|classes| [4.0, 8.0, 32.0, 128.0].map(|r| depth(r, classes)));
    println!("{table:?}");
    for row in table {
        assert!(row.is_sorted());
    }
    // Not more than with degree 7 and a last one of 15, squares from the start.
    assert!(depth(128.0, 10) <= 39 && depth(32.0, 10) <= 29);
    assert_eq!(
        [4, 8, 16].map(|classes| SoftmaxMax::new(classes).depth()),
        [50, 60, 70]
    );
}

/// Runs an activation on slots with refreshes up to `top`, from level `start`; the largest distance to its polynomials.
fn run(machine: &Clear, activation: &impl Approximation, classes: usize, top: usize) -> f64 {
    let slots = 1 << 10;
    let batch = slots / classes.next_power_of_two();
    let layout = Layout::plan(slots, classes, 4, batch, Grouping::Packed).unwrap();
    let mut samples = logits(activation.range(), classes, batch);
    samples.truncate(batch);
    let scaled: Vec<f64> = samples
        .concat()
        .iter()
        .map(|z| z * activation.input_scale())
        .collect();
    let start = 5;
    let x = machine
        .vector(&[layout.pack_columns(&scaled).unwrap()], Level(start))
        .unwrap();
    let prepared = Classes::new(machine, &layout, &activation.masks()).unwrap();
    let stages = activation.stages();
    let plan = RefreshPlan::fewest(&stages, Some(Level(start)), Level(top)).unwrap();
    let mut course = Course::new(&stages, &plan.refreshes);
    let _ = machine.take_budget();
    let y = activation
        .apply(machine, &prepared, &mut course, &x)
        .unwrap();
    let budget = machine.take_budget();
    assert_eq!(
        machine.level(&y),
        plan.end,
        "levels are not those of the stages"
    );
    let refreshed = budget.count(Operation::RealRefresh);
    assert_eq!(refreshed, plan.vectors(&stages) as u64);
    let values = machine.values(&y).remove(0);
    let found = layout.unpack_columns(&values, samples.len()).unwrap();
    let mut error = 0.0f64;
    for (mut wanted, found) in samples.into_iter().zip(found.chunks(classes)) {
        activation.approximate(&mut wanted);
        for (found, wanted) in found.iter().zip(wanted) {
            error = error.max((found - wanted).abs());
        }
    }
    // Padding does not count.
    let first_padding = classes * (slots / classes.next_power_of_two());
    for value in &values[first_padding..] {
        error = error.max(value.norm());
    }
    let imaginary = values.iter().map(|value: &Complex64| value.im.abs());
    imaginary.fold(error, f64::max)
}

#[test]
fn slots_agree_with_the_polynomials() {
    for classes in [2, 3, 7, 10, 16] {
        for top in [13, 22] {
            let machine = Clear::exact(1 << 10);
            for range in [4.0, 32.0, 128.0] {
                assert!(run(&machine, &Softmax::new(range, classes), classes, top) < 1e-9);
            }
            assert!(run(&machine, &SoftmaxMax::new(classes), classes, top) < 1e-9);
            assert!(run(&machine, &Sigmoid::new(32.0, 61), classes, top) < 1e-9);
        }
    }
    let machine = Clear::exact(1 << 10);
    assert!(run(&machine, &Softmax::new(128.0, 64), 64, 13) < 1e-9);
}

#[test]
fn noise_moves_probabilities_little() {
    // Per set: what noise adds to a softmax of ten classes at range 32, at range 128, and to HETAL's.
    for (set, top, promises) in [
        ("leveled-15", 22, [8e-3, 3e-2, 1e-2]),
        ("boot-39", 13, [1e-5, 4e-5, 3e-5]),
    ] {
        let noise = NoiseModel::of(&presets::named(set).unwrap().unwrap());
        let machine = Clear::noisy(1 << 10, noise, 3);
        let errors = [
            run(&machine, &Softmax::new(32.0, 10), 10, top),
            run(&machine, &Softmax::new(128.0, 10), 10, top),
            run(&machine, &SoftmaxMax::new(10), 10, top),
        ];
        println!("{set}: {errors:?}");
        for (error, promise) in errors.into_iter().zip(promises) {
            assert!(error > 0.0 && error < promise, "{set}: {error:e}");
        }
    }
}

#[test]
fn the_gradient_of_the_loss_is_what_training_uses() {
    let choices = [
        ActivationChoice::Softmax { range: 8.0 },
        ActivationChoice::SoftmaxMax,
        ActivationChoice::Sigmoid {
            range: 8.0,
            degree: 13,
        },
    ];
    let logits = [1.0, -2.5, 0.25, 4.0];
    for activation in choices.map(|choice| choice.build(4).unwrap()) {
        let mut wanted = logits;
        activation.exact(&mut wanted);
        wanted[2] -= 1.0;
        for (class, wanted) in wanted.into_iter().enumerate() {
            let loss = |step: f64| {
                let mut moved = logits;
                moved[class] += step;
                activation.loss(&moved, 2)
            };
            let slope = (loss(1e-5) - loss(-1e-5)) / 2e-5;
            assert!((slope - wanted).abs() < 1e-8, "{slope} {wanted}");
        }
        assert!(activation.loss(&[900.0, -900.0], 1).is_finite());
    }
}

#[test]
fn choices_that_cannot_be_made_are_refused() {
    let sigmoid = |range, degree| ActivationChoice::Sigmoid { range, degree }.build(10);
    assert!(matches!(
        sigmoid(8.0, 6),
        Err(ActivationError::Degree { .. })
    ));
    assert!(matches!(
        sigmoid(f64::NAN, 5),
        Err(ActivationError::Range { .. })
    ));
    let softmax = |range, classes| ActivationChoice::Softmax { range }.build(classes);
    assert!(matches!(
        softmax(129.0, 10),
        Err(ActivationError::Range { .. })
    ));
    assert!(matches!(
        softmax(0.0, 10),
        Err(ActivationError::Range { .. })
    ));
    assert!(matches!(
        softmax(32.0, 65),
        Err(ActivationError::Classes { .. })
    ));
    let refused = ActivationChoice::SoftmaxMax.build(17);
    assert!(matches!(
        refused,
        Err(ActivationError::Classes { largest: 16, .. })
    ));
}

//! Bootstraps lose only what they promise, whatever the pattern of the values.

use engine::bootstrap::{Bootstrapper, key_plan};
use engine::circuits::{Parts, Refresh, Rotations};
use engine::ckks::{EvalError, KeyPlan, Level, Params, Source};
use host::cpu::Cpu;
use num_complex::Complex64;
use tests::{Fixture, bits, cpu, params, slots};

const SETS: [&str; 3] = [
    "insecure-11-boot",
    "insecure-11-boot-36",
    "insecure-11-boot-30",
];

fn fixture(set: &str) -> Fixture<Cpu> {
    with_rotations(set, Rotations::Hoisted)
}

fn with_rotations(set: &str, rotations: Rotations) -> Fixture<Cpu> {
    let params = params(set);
    let plan = key_plan(&params, rotations).unwrap();
    Fixture::with_plan(params.clone(), cpu(&params), &plan)
}

fn promise(params: &Params) -> f64 {
    Params::promised_bits(params.noise(Source::Bootstrap, params.max_level()))
}

fn patterns(n: usize) -> Vec<(&'static str, Vec<Complex64>)> {
    let pattern = |g: &dyn Fn(usize) -> Complex64| (0..n).map(g).collect::<Vec<_>>();
    let random = slots(n, 3);
    let sign = |x: f64| if x > 0.0 { 1.0 } else { -1.0 };
    vec![
        ("constant", pattern(&|_| Complex64::ONE)),
        ("period 8", pattern(&|i| random[i % 8])),
        (
            "one slot",
            pattern(&|i| Complex64::from(f64::from(u8::from(i == 5)))),
        ),
        (
            "extreme",
            pattern(&|i| Complex64::new(sign(random[i].re), sign(random[i].im))),
        ),
        ("zero", pattern(&|_| Complex64::ZERO)),
        ("random", random.clone()),
    ]
}

#[test]
fn every_pattern_keeps_the_promised_bits() {
    for set in SETS {
        let f = fixture(set);
        let bootstrapper = Bootstrapper::new(f.evaluator(), Rotations::Hoisted).unwrap();
        for (name, x) in patterns(f.params.slots()) {
            let ct = f.encrypt(&[&x], Level(f.params.stc_levels()), 4);
            let fresh = bootstrapper.bootstrap(&ct, 1.0, Parts::Complex).unwrap();
            assert_eq!(fresh.level(), f.params.max_level());
            let (found, promise) = (bits(&x, &f.decrypt(&fresh)[0]), promise(&f.params));
            assert!(
                found > promise,
                "{set}, {name}: {found:.1} bits of {promise:.1}"
            );
        }
    }
}

#[test]
fn the_promise_is_not_far_from_the_truth() {
    for set in SETS {
        let f = fixture(set);
        let (n, bootstrapper) = (
            f.params.slots(),
            Bootstrapper::new(f.evaluator(), Rotations::Hoisted).unwrap(),
        );
        let x = slots(n, 8);
        let ct = f.encrypt(&[&x], Level(f.params.stc_levels()), 4);
        let fresh = bootstrapper.bootstrap(&ct, 1.0, Parts::Complex).unwrap();
        let have = f.decrypt(&fresh).remove(0);
        let squares = x.iter().zip(&have).map(|(a, b)| (a - b).norm_sqr());
        let deviation = (squares.sum::<f64>() / (2 * n) as f64).sqrt();
        let ratio = deviation / f.params.noise(Source::Bootstrap, f.params.max_level());
        assert!(
            (0.25..1.5).contains(&ratio),
            "{set}: {ratio:.2} of the predicted deviation"
        );
    }
}

#[test]
fn batches_bounds_levels_and_parts() {
    let f = fixture(SETS[0]);
    let (n, top) = (f.params.slots(), f.params.max_level());
    let bootstrapper = Bootstrapper::new(f.evaluator(), Rotations::Hoisted).unwrap();
    let promise = promise(&f.params);
    let vectors: Vec<Vec<Complex64>> = (0..3)
        .map(|seed| slots(n, seed).iter().map(|z| z * 50.0).collect())
        .collect();
    let vectors: Vec<&[Complex64]> = vectors.iter().map(Vec::as_slice).collect();
    let ct = f.encrypt(&vectors, top, 4);
    // 50 is below 2^6: six bits less.
    let fresh = bootstrapper
        .refresh(&ct, Level(5), 50.0, Parts::Complex)
        .unwrap();
    assert_eq!(fresh.level(), Level(5));
    for (want, have) in vectors.iter().zip(&f.decrypt(&fresh)) {
        let found = bits(want, have);
        assert!(found > promise - 6.0, "{found:.1} bits of {promise:.1} - 6");
    }
    let real = bootstrapper.bootstrap(&ct, 50.0, Parts::Real).unwrap();
    for (want, have) in vectors.iter().zip(&f.decrypt(&real)) {
        let want: Vec<_> = want.iter().map(|z| Complex64::from(z.re)).collect();
        let found = bits(&want, have);
        assert!(
            found > promise - 6.0,
            "real parts: {found:.1} bits of {promise:.1} - 6"
        );
    }
    for bound in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e12] {
        let refused = bootstrapper.bootstrap(&ct, bound, Parts::Real).err();
        assert!(
            matches!(refused, Some(EvalError::OutOfRange { .. })),
            "{bound}"
        );
    }
    let low = f.encrypt(&vectors, Level(f.params.stc_levels() - 1), 5);
    let refused = bootstrapper.bootstrap(&low, 1.0, Parts::Real).err();
    assert!(matches!(refused, Some(EvalError::LevelExhausted { .. })));
}

#[test]
fn a_value_beyond_the_bound_shows_and_does_not_touch_its_neighbours() {
    let f = fixture(SETS[0]);
    let bootstrapper = Bootstrapper::new(f.evaluator(), Rotations::Hoisted).unwrap();
    let mut x = slots(f.params.slots(), 7);
    // A quarter of the modulus turns the sine back.
    x[3] = Complex64::from(0.3 / f.params.message_ratio());
    let ct = f.encrypt(&[&x], Level(f.params.stc_levels()), 4);
    let fresh = bootstrapper.bootstrap(&ct, 1.0, Parts::Complex).unwrap();
    let have = f.decrypt(&fresh).remove(0);
    assert!((have[3] - x[3]).norm() > 0.05 * x[3].norm());
    let others = |z: &[Complex64]| {
        z.iter()
            .copied()
            .enumerate()
            .filter(|(i, _)| *i != 3)
            .map(|(_, z)| z)
            .collect::<Vec<_>>()
    };
    // The large value makes the roundings of the transforms larger, by its share of the norm.
    let found = bits(&others(&x), &others(&have));
    assert!(found > promise(&f.params) - 2.0, "{found:.1} bits");
}

#[test]
fn fifty_refreshes_do_not_drift() {
    let f = fixture(SETS[0]);
    let bootstrapper = Bootstrapper::new(f.evaluator(), Rotations::Hoisted).unwrap();
    let x = patterns(f.params.slots()).remove(3).1;
    let mut ct = f.encrypt(&[&x], Level(f.params.stc_levels()), 4);
    let one = promise(&f.params);
    for round in 1..=50u32 {
        ct = bootstrapper.bootstrap(&ct, 1.0, Parts::Complex).unwrap();
        // As a random walk, not in proportion: half a bit for each doubling.
        let promise = one - f64::from(round).log2() / 2.0;
        if round.is_power_of_two() || round == 50 {
            let found = bits(&x, &f.decrypt(&ct)[0]);
            assert!(
                found > promise,
                "round {round}: {found:.1} bits of {promise:.1}"
            );
        }
    }
}

#[test]
fn keys_are_those_of_the_plan_each_at_its_level() {
    let params = params(SETS[0]);
    let plan = key_plan(&params, Rotations::Hoisted).unwrap();
    assert!(plan.encapsulation);
    let top = params.top_level();
    assert!(plan.rotations.values().all(|level| *level <= top));
    assert!(
        plan.rotations
            .values()
            .any(|level| *level <= Level(params.stc_levels()))
    );
    // One key less and the bootstrap names what is missing.
    let missing = *plan.rotations.keys().next().unwrap();
    let mut fewer: KeyPlan = plan.clone();
    fewer.rotations.remove(&missing);
    let f: Fixture<Cpu> = Fixture::with_plan(params.clone(), cpu(&params), &fewer);
    let bootstrapper = Bootstrapper::new(f.evaluator(), Rotations::Hoisted).unwrap();
    let ct = f.encrypt(&[&slots(params.slots(), 1)], Level(3), 4);
    let refused = bootstrapper.bootstrap(&ct, 1.0, Parts::Real).err();
    assert!(matches!(refused, Some(EvalError::MissingRotation { .. })));
}

#[test]
fn few_keys_do_as_well() {
    let (many, few) = (
        fixture(SETS[0]),
        with_rotations(SETS[0], Rotations::Chained),
    );
    assert!(3 * few.keys.galois.len() < 2 * many.keys.galois.len());
    let bootstrapper = Bootstrapper::new(few.evaluator(), Rotations::Chained).unwrap();
    let x = slots(few.params.slots(), 11);
    let ct = few.encrypt(&[&x], Level(few.params.stc_levels()), 4);
    let fresh = bootstrapper.bootstrap(&ct, 1.0, Parts::Complex).unwrap();
    let (found, promise) = (bits(&x, &few.decrypt(&fresh)[0]), promise(&few.params));
    assert!(found > promise, "{found:.1} bits of {promise:.1}");
}

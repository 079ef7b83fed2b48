//! `Gpu` gives the words of `Reference`.

use std::cell::Cell;
use std::sync::Arc;

use engine::backend::{Backend, GadgetKey, Shape, Transfer};
use engine::ckks::{Level, Params};
use engine::ring::Basis;
use engine::ring::sampling::{Seed, uniform};
use host::gpu::{Gpu, Options, ProductForm};
use proptest::prelude::*;
use tests::backends::{forms, gpu};
use tests::{cpu, params, reference};

use super::{Pair, check};

#[test]
fn gpu_gives_the_words_of_the_reference_in_both_forms() {
    for form in forms() {
        for name in ["insecure-10", "insecure-11-boot", "leveled-13"] {
            let params = params(name);
            let options = Options {
                form: Some(form),
                ..Options::default()
            };
            let Some(subject) = gpu("parity", &params, &options) else {
                return;
            };
            let levels = [0, 1, params.max_level().0];
            check(&params, &reference(&params), &subject, &levels, &[1, 3]);
        }
    }
}

#[test]
fn gpu_gives_the_words_of_the_reference_at_every_degree() {
    // The forms take turns, so that each has the smallest and the largest of these degrees.
    let [halves, wide] = [ProductForm::Halves, ProductForm::Wide];
    for (name, form, batch) in [
        ("leveled-14", halves, 3),
        ("leveled-15", wide, 1),
        ("boot-39", halves, 1),
        ("boot-39", wide, 1),
    ] {
        if !forms().contains(&form) {
            continue;
        }
        let params = params(name);
        let options = Options {
            form: Some(form),
            ..Options::default()
        };
        let Some(subject) = gpu("parity at every degree", &params, &options) else {
            return;
        };
        check(&params, &reference(&params), &subject, &[1], &[batch]);
    }
}

#[test]
fn gpu_gives_the_words_of_the_reference_with_what_every_adapter_offers() {
    let options = Options {
        portable: true,
        ..Options::default()
    };
    for (name, level, batch) in [("insecure-10", 3, 3), ("leveled-14", 1, 1)] {
        let params = params(name);
        let Some(subject) = gpu("portable limits", &params, &options) else {
            return;
        };
        assert_eq!(subject.form(), ProductForm::Halves);
        check(&params, &reference(&params), &subject, &[level], &[batch]);
    }
    let wide = Options {
        form: Some(ProductForm::Wide),
        ..options
    };
    let error = Gpu::open(Arc::clone(params("insecure-10").ring()), &wide).unwrap_err();
    assert!(error.to_string().contains("no 64-bit integers"), "{error}");
}

/// Of a polynomial over all limbs of the largest level: its transform, that and back, and both halves of a key switch.
fn words_at_the_top<B: Backend>(params: &Params, backend: &B) -> Vec<Vec<u32>> {
    let level = params.top_level();
    let basis = params.basis(level);
    let made = Cell::new(0);
    let random = |basis: &Basis| {
        made.set(made.get() + 1);
        let words = uniform(params.ring(), basis, &Seed([3; 32]).derive(made.get()));
        let shape = Shape {
            batch: 1,
            basis: basis.clone(),
        };
        backend.upload(&shape, &words).unwrap()
    };
    let mut x = random(basis);
    let key_basis = params.key_basis(level);
    let digits = params.ring().digits().at(basis).len();
    let pairs = (0..digits).map(|_| [random(&key_basis), random(&key_basis)]);
    let key = GadgetKey {
        pairs: pairs.collect(),
    };
    let halves = backend.key_switch(&x, &key, [Some(&x), None], basis);
    let halves = halves.unwrap();
    let mut words = vec![
        backend.download(&halves[0]).unwrap(),
        backend.download(&halves[1]).unwrap(),
    ];
    backend.ntt(&mut x).unwrap();
    words.push(backend.download(&x).unwrap());
    backend.intt(&mut x).unwrap();
    words.push(backend.download(&x).unwrap());
    words
}

#[test]
fn gpu_gives_the_words_of_the_cpu_on_all_limbs_of_the_largest_ring() {
    let params = params("boot-39");
    let Some(subject) = gpu("all limbs", &params, &Options::default()) else {
        return;
    };
    let right = words_at_the_top(&params, &cpu(&params));
    let words = words_at_the_top(&params, &subject);
    for (what, (words, right)) in ["b", "a", "ntt", "intt"]
        .iter()
        .zip(words.iter().zip(&right))
    {
        assert!(words == right, "{what}");
    }
    assert_eq!(words.len(), right.len());
}

#[test]
fn batches_larger_than_a_binding_give_the_same_words() {
    let params = params("insecure-10");
    let poly_bytes = (params.ring().moduli().len() * params.degree() * size_of::<u32>()) as u64;
    for polys in [1, 2, 3] {
        let options = Options {
            binding_bytes: Some(polys * poly_bytes),
            ..Options::default()
        };
        let Some(subject) = gpu("small bindings", &params, &options) else {
            return;
        };
        let oracle = reference(&params);
        check(&params, &oracle, &subject, &[params.max_level().0], &[1, 5]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    /// Any level and batch, in bindings of any size, with either form of products.
    #[test]
    fn random_shapes_give_the_same_words(
        set in prop::sample::select(vec!["insecure-10", "insecure-11-boot"]),
        level in any::<prop::sample::Index>(),
        batch in 1usize..7,
        polys in 1u64..9,
        halves: bool,
    ) {
        let params = params(set);
        let poly_bytes = (params.ring().moduli().len() * params.degree() * size_of::<u32>()) as u64;
        let options = Options {
            form: halves.then_some(ProductForm::Halves),
            binding_bytes: Some(polys * poly_bytes),
            ..Options::default()
        };
        if let Some(subject) = gpu("random shapes", &params, &options) {
            let level = level.index(params.max_level().0 + 1);
            check(&params, &reference(&params), &subject, &[level], &[batch]);
        }
    }
}

#[test]
fn operands_in_the_memory_of_the_result_are_read_before_it_is_written() {
    let params = params("insecure-10");
    let Some(subject) = gpu("shared memory", &params, &Options::default()) else {
        return;
    };
    let oracle = reference(&params);
    let p = Pair::new(&params, &oracle, &subject);
    p.shared_memory(&params.key_basis(Level(1)));
}

#[test]
fn gpu_passes_its_self_test_and_one_with_wrong_tables_does_not() {
    let params = params("insecure-10");
    let judge = cpu(&params);
    let Some(sound) = gpu("self-test", &params, &Options::default()) else {
        return;
    };
    sound.self_test(&judge).unwrap();
    for (wrong_powers, wrong_weights, what) in [
        (true, false, "the transform"),
        (false, true, "the key switch"),
    ] {
        let options = Options {
            wrong_powers,
            wrong_weights,
            ..Options::default()
        };
        let broken = gpu("self-test", &params, &options).unwrap();
        let error = broken.self_test(&judge).unwrap_err().to_string();
        assert!(
            error.contains(&format!("{what} gives wrong words")),
            "{error}"
        );
    }
}

#[test]
fn buffers_are_given_back_and_zeroed() {
    let params = params("insecure-10");
    let Some(gpu) = gpu("buffers", &params, &Options::default()) else {
        return;
    };
    let shape = Shape {
        batch: 2,
        basis: Basis::new(0..3),
    };
    let words = vec![1; shape.rows() * params.degree()];
    for _ in 0..3 {
        let buffer = gpu.upload(&shape, &words).unwrap();
        assert_eq!(gpu.download(&buffer).unwrap(), words);
        drop(buffer);
        let zeros = gpu.alloc(&shape).unwrap();
        assert!(gpu.download(&zeros).unwrap().iter().all(|word| *word == 0));
    }
    let usage = gpu.usage();
    assert_eq!(usage.used, 0);
    assert_eq!(usage.held, usage.peak);
}

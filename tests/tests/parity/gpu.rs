//! `Gpu` gives the words of `Reference`.

use engine::backend::{Shape, Transfer};
use engine::ckks::Level;
use engine::ring::Basis;
use host::gpu::{Options, ProductForm};
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
    for name in ["leveled-14", "leveled-15", "boot-39"] {
        let params = params(name);
        let Some(subject) = gpu("parity at every degree", &params, &Options::default()) else {
            return;
        };
        check(&params, &reference(&params), &subject, &[1], &[1]);
    }
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
fn gpu_passes_its_self_test_and_wrong_powers_do_not() {
    let params = params("insecure-10");
    let judge = cpu(&params);
    let Some(sound) = gpu("self-test", &params, &Options::default()) else {
        return;
    };
    sound.self_test(&judge).unwrap();
    let options = Options {
        wrong_powers: true,
        ..Options::default()
    };
    let broken = gpu("self-test", &params, &options).unwrap();
    let error = broken.self_test(&judge).unwrap_err().to_string();
    assert!(error.contains("the transform gives wrong words"), "{error}");
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

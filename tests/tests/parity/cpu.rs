//! `Cpu` with every instruction set of this processor gives the words of `Reference`.

use std::sync::Arc;

use host::cpu::Cpu;
use host::cpu::simd::Isa;
use proptest::prelude::*;
use tests::{params, reference};

use super::check;

#[test]
fn cpu_gives_the_words_of_the_reference() {
    for name in ["insecure-10", "insecure-11-boot", "leveled-13"] {
        let params = params(name);
        let oracle = reference(&params);
        let levels = [0, 1, 2, params.max_level().0 - 1, params.max_level().0];
        for isa in Isa::available() {
            let subject = Cpu::with(Arc::clone(params.ring()), isa, 2).unwrap();
            check(&params, &oracle, &subject, &levels, &[1, 3]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    /// Any level and batch, on any number of threads, of which there may be more than limbs.
    #[test]
    fn random_shapes_give_the_words_of_the_reference_on_the_cpu(
        set in prop::sample::select(vec!["insecure-10", "insecure-11-boot"]),
        isa in prop::sample::select(Isa::available()),
        level in any::<prop::sample::Index>(),
        batch in 1usize..7,
        threads in 1usize..20,
    ) {
        let params = params(set);
        let level = level.index(params.max_level().0 + 1);
        let subject = Cpu::with(Arc::clone(params.ring()), isa, threads).unwrap();
        check(&params, &reference(&params), &subject, &[level], &[batch]);
    }
}

#[test]
fn cpu_gives_the_words_of_the_reference_at_full_size() {
    let params = params("boot-39");
    let subject = Cpu::new(Arc::clone(params.ring())).unwrap();
    check(&params, &reference(&params), &subject, &[2], &[1]);
}

//! Bootstraps lose only what they promise, whatever the pattern of the values.

use engine::bootstrap::{Bootstrapper, Parts, key_plan};
use engine::ckks::Level;
use host::cpu::Cpu;
use num_complex::Complex64;
use tests::{Fixture, bits, cpu, params, slots};

fn fixture(set: &str) -> Fixture<Cpu> {
    let params = params(set);
    let plan = key_plan(&params).unwrap();
    Fixture::with_plan(params.clone(), cpu(&params), &plan)
}

#[test]
fn every_pattern_keeps_the_promised_bits() {
    let f = fixture("insecure-11-boot");
    let n = f.params.slots();
    let bootstrapper = Bootstrapper::new(f.evaluator()).unwrap();
    let pattern = |g: &dyn Fn(usize) -> Complex64| (0..n).map(g).collect::<Vec<_>>();
    let random = slots(n, 3);
    let patterns = [
        ("random", random.clone()),
        ("constant", pattern(&|_| Complex64::ONE)),
        ("period 8", pattern(&|i| random[i % 8])),
        (
            "one slot",
            pattern(&|i| Complex64::from(f64::from(u8::from(i == 5)))),
        ),
        (
            "extreme",
            pattern(&|i| Complex64::new(if random[i].re > 0.0 { 1.0 } else { -1.0 }, -1.0)),
        ),
        ("zero", pattern(&|_| Complex64::ZERO)),
    ];
    for (name, x) in patterns {
        let ct = f.encrypt(&[&x], Level(f.params.stc_levels()), 4);
        let fresh = bootstrapper.bootstrap(&ct, 1.0, Parts::Complex).unwrap();
        assert_eq!(fresh.level(), f.params.max_level());
        let found = bits(&x, &f.decrypt(&fresh)[0]);
        let have = f.decrypt(&fresh).remove(0);
        let errors = x.iter().zip(&have).map(|(a, b)| a - b);
        let errors: Vec<f64> = errors.flat_map(|e| [e.re, e.im]).collect();
        let count = errors.len() as f64;
        let bias = errors.iter().sum::<f64>() / count;
        let deviation = (errors.iter().map(|e| e * e).sum::<f64>() / count).sqrt();
        println!(
            "{name}: {found:.1} bits, deviation 2^{:.2}, bias {:.2}",
            deviation.log2(),
            bias.abs().log2()
        );
        assert!(found > 20.0, "{name}: {found:.1} bits");
    }
}

//! Circuits on ciphertexts against the same circuits on clear vectors: what is lost is noise.

use engine::circuits::{Chebyshev, Ciphertexts, Clear, Comb, LinearMap, Polynomial, Slots};
use engine::ckks::{Ciphertext, EvalError, Level};
use host::cpu::Cpu;
use num_complex::Complex64;
use std::collections::BTreeMap;
use tests::{Fixture, NoRefresh, bits, cpu, params, slots};

/// Runs one circuit on both machines, with keys for the rotations that the clear run used.
struct Runs {
    have: Vec<Complex64>,
    want: Vec<Complex64>,
}

/// A circuit, for either machine.
trait Circuit {
    fn run<S: Slots>(&self, machine: &S, x: &S::Vector) -> Result<S::Vector, EvalError>;
}

fn both(set: &str, circuit: &impl Circuit, x: &[Complex64], depth: usize) -> Runs {
    let params = params(set);
    let level = Level(depth + 1);
    let clear = Clear::exact(params.slots());
    let input = clear.vector(&[x.to_vec()], level).unwrap();
    let result = circuit.run(&clear, &input).unwrap();
    assert_eq!(clear.level(&result), Level(1), "depth");
    let want = clear.values(&result).remove(0);
    let rotations: Vec<_> = clear
        .take_budget()
        .rotations()
        .keys()
        .map(|r| r.0)
        .collect();

    let f: Fixture<Cpu> = Fixture::new(params.clone(), cpu(&params), level, &rotations);
    let machine = Ciphertexts::new(f.evaluator(), &NoRefresh);
    let input: Ciphertext<Cpu> = f.encrypt(&[x], level, 9);
    let result = circuit.run(&machine, &input).unwrap();
    assert_eq!(result.level(), Level(1));
    Runs {
        have: f.decrypt(&result).remove(0),
        want,
    }
}

struct OfPolynomial(Polynomial);
impl Circuit for OfPolynomial {
    fn run<S: Slots>(&self, machine: &S, x: &S::Vector) -> Result<S::Vector, EvalError> {
        self.0.evaluate(machine, x)
    }
}

struct OfMap(BTreeMap<i32, Vec<Complex64>>);
impl Circuit for OfMap {
    fn run<S: Slots>(&self, machine: &S, x: &S::Vector) -> Result<S::Vector, EvalError> {
        LinearMap::new(machine, &self.0)?.apply(machine, x)
    }
}

struct OfSum;
impl Circuit for OfSum {
    fn run<S: Slots>(&self, machine: &S, x: &S::Vector) -> Result<S::Vector, EvalError> {
        let comb = Comb {
            stride: 4,
            count: 16,
        };
        comb.sum_into(machine, x, 3)
    }
}

fn real(n: usize) -> Vec<Complex64> {
    slots(n, 5)
        .into_iter()
        .map(|z| Complex64::new(z.re, 0.0))
        .collect()
}

#[test]
fn polynomials_lose_only_noise() {
    for (set, promise) in [("insecure-10", 14.0), ("insecure-11-boot", 22.0)] {
        let n = params(set).slots();
        for degree in [1, 3, 7, 15, 31] {
            let series = Chebyshev::interpolate(|x: f64| (3.0 * x).sin(), -1.0, 1.0, degree);
            let circuit = OfPolynomial(Polynomial::from(&series));
            let depth = circuit.0.depth();
            let x = real(n);
            let runs = both(set, &circuit, &x, depth);
            let found = bits(&runs.want, &runs.have);
            assert!(found > promise, "{set}, degree {degree}: {found:.1} bits");
            for (x, y) in x.iter().zip(&runs.want) {
                assert!((series.evaluate(x.re) - y.re).abs() < 1e-9);
            }
        }
    }
}

#[test]
fn linear_maps_and_sums_lose_only_noise() {
    let set = "insecure-10";
    let n = params(set).slots();
    let diagonals =
        [-7, -1, 0, 1, 2, 3, 17, 100].map(|k: i32| (k, slots(n, 40 + u64::from(k.unsigned_abs()))));
    let x = slots(n, 6);
    let runs = both(set, &OfMap(diagonals.clone().into()), &x, 1);
    let found = bits(&runs.want, &runs.have);
    assert!(found > 15.0, "linear map: {found:.1} bits");
    let direct = |i: usize| -> Complex64 {
        let terms = diagonals
            .iter()
            .map(|(k, d)| d[i] * x[(i as i64 + i64::from(*k)).rem_euclid(n as i64) as usize]);
        terms.sum()
    };
    for (i, y) in runs.want.iter().enumerate() {
        assert!((direct(i) - y).norm() < 1e-9, "slot {i}");
    }
    let runs = both(set, &OfSum, &x, 0);
    let found = bits(&runs.want, &runs.have);
    assert!(found > 14.0, "sum: {found:.1} bits");
}

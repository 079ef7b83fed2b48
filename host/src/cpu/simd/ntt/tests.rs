use engine::arith::{Modulus, Word, bit_reverse, ntt_primes, primitive_root_2n};

use super::{super::isa::Isa, NttTable, ntt_forward, ntt_inverse, ntt_inverse_scaled};

/// Primes of all sizes that are used, the largest and the smallest among them.
fn primes(n: usize) -> Vec<Modulus> {
    [1 << 30, 1 << 29, 1 << 28, 25_500_000]
        .into_iter()
        .flat_map(|high| ntt_primes(n, 1 << 24, high).take(2))
        .collect()
}

fn table(n: usize, q: Modulus) -> NttTable {
    NttTable::new(n, q, primitive_root_2n(n, q)).unwrap()
}

/// Rows that drive lazy words to their bounds, and one that looks random.
fn rows(n: usize, q: Modulus) -> Vec<Vec<Word>> {
    let top = q.value() - 1;
    let mut state = u64::from(top);
    let random = (0..n)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            q.reduce_wide(state >> 32)
        })
        .collect();
    let of = |f: &dyn Fn(usize) -> bool| (0..n).map(|i| if f(i) { top } else { 0 }).collect();
    vec![
        random,
        of(&|_| true),
        of(&|i| i % 2 == 0),
        of(&|i| i.count_ones() % 2 == 0),
        of(&|i| i == 0),
        of(&|i| i == n - 1),
        vec![0; n],
    ]
}

#[test]
fn forward_is_the_evaluation_at_odd_powers() {
    let n = 1 << 10;
    for q in primes(n) {
        let root = primitive_root_2n(n, q);
        for row in rows(n, q) {
            let expected: Vec<_> = (0..n)
                .map(|i| {
                    let x = q.pow(root, 2 * bit_reverse(i, 10) as u64 + 1);
                    row.iter().rev().fold(0, |sum, a| q.add(q.mul(sum, x), *a))
                })
                .collect();
            for isa in Isa::available() {
                let mut values = row.clone();
                ntt_forward(isa, &table(n, q), &mut values).unwrap();
                assert!(values == expected, "{isa}, q = {}", q.value());
            }
        }
    }
}

#[test]
fn large_degrees_evaluate_too() {
    for log_n in 11..=16 {
        let n = 1 << log_n;
        for q in primes(n).into_iter().step_by(3) {
            let root = primitive_root_2n(n, q);
            let row = rows(n, q).swap_remove(0);
            for isa in Isa::available() {
                let mut values = row.clone();
                ntt_forward(isa, &table(n, q), &mut values).unwrap();
                for i in [0, 1, 7, 15, 16, 100, 255, 256, n / 2 + 3, n - 1] {
                    let x = q.pow(root, 2 * bit_reverse(i, log_n) as u64 + 1);
                    let expected = row.iter().rev().fold(0, |sum, a| q.add(q.mul(sum, x), *a));
                    assert_eq!(
                        values[i],
                        expected,
                        "{isa}, N = {n}, q = {}, {i}",
                        q.value()
                    );
                }
            }
        }
    }
}

#[test]
fn all_sets_agree_and_invert() {
    for log_n in 10..=16 {
        let n = 1 << log_n;
        for q in primes(n).into_iter().step_by(2) {
            let table = table(n, q);
            for row in rows(n, q) {
                let mut results = Vec::new();
                for isa in Isa::available() {
                    let mut values = row.clone();
                    ntt_forward(isa, &table, &mut values).unwrap();
                    let mut back = values.clone();
                    ntt_inverse(isa, &table, &mut back).unwrap();
                    assert!(back == row, "{isa}, N = {n}, q = {}", q.value());
                    // The row itself as values: the inverse meets extreme inputs.
                    let mut inverse = vec![1; n];
                    ntt_inverse_scaled(isa, &table, &mut inverse, &row, q.value() - 2).unwrap();
                    results.push((values, inverse));
                }
                assert!(results.windows(2).all(|pair| pair[0] == pair[1]), "N = {n}");
            }
        }
    }
}

#[test]
fn scaled_inverse_is_a_multiple() {
    let n = 1 << 11;
    for q in primes(n) {
        let table = table(n, q);
        for row in rows(n, q) {
            for isa in Isa::available() {
                let (mut plain, mut scaled) = (row.clone(), vec![1; n]);
                ntt_inverse(isa, &table, &mut plain).unwrap();
                ntt_inverse_scaled(isa, &table, &mut scaled, &row, q.value() / 3).unwrap();
                assert!(
                    plain
                        .iter()
                        .zip(&scaled)
                        .all(|(x, y)| q.mul(*x, q.value() / 3) == *y),
                    "{isa}"
                );
            }
        }
    }
}

#[test]
fn wrong_tables_are_refused() {
    let q = ntt_primes(1 << 12, 1 << 29, 1 << 30).next().unwrap();
    let root = primitive_root_2n(1 << 12, q);
    assert!(NttTable::new(1 << 12, q, root).is_ok());
    assert!(NttTable::new(1 << 12, q, q.mul(root, root)).is_err());
    assert!(NttTable::new(1 << 9, q, root).is_err());
    assert!(NttTable::new(3 << 10, q, root).is_err());
    let table = NttTable::new(1 << 12, q, root).unwrap();
    assert!(ntt_forward(Isa::detect(), &table, &mut [0; 100]).is_err());
}

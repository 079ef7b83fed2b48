use super::*;
use engine::arith::ntt_primes;

/// The formula of the module head, word by word.
fn naive(y: &[Word], q: &[Modulus], p: Modulus, weights: &[Word], overflow: Word) -> Word {
    let sum: u64 = y
        .iter()
        .zip(q)
        .map(|(y, q)| (u64::from(*y) * ((1u64 << 56) / u64::from(q.value()))) >> 32)
        .sum();
    let u = (sum + (1 << 23)) >> 24;
    let products: u128 = y
        .iter()
        .zip(weights)
        .map(|(y, w)| u128::from(*y) * u128::from(*w))
        .sum();
    let total = products + u128::from(u) * u128::from(overflow);
    Word::try_from(total % u128::from(p.value())).unwrap()
}

#[test]
fn conversion_is_the_formula() {
    let n = 1 << 10;
    let large: Vec<_> = ntt_primes(n, 1 << 24, 1 << 30).take(16).collect();
    let small: Vec<_> = ntt_primes(n, 1 << 24, 25_500_000).take(16).collect();
    for (k, targets) in [(16, 7), (13, 4), (12, 7), (12, 4), (5, 3), (1, 1), (2, 6)] {
        for (q, p) in [(&large, &small), (&small, &large), (&large, &large)] {
            let (q, p) = (&q[..k], &p[..targets]);
            // Any weights will do for the formula; the largest are the hardest.
            let weights: Vec<Vec<_>> = p
                .iter()
                .map(|p| {
                    (0..k)
                        .map(|i| p.reduce_wide(i as u64 * 0x9E37_79B9 + 1))
                        .collect()
                })
                .chain([vec![p[targets - 1].value() - 1; k]])
                .skip(1)
                .collect();
            let overflow: Vec<_> = p.iter().map(|p| p.value() - 1).collect();
            let weights: Vec<Vec<_>> = weights
                .iter()
                .zip(p)
                .map(|(w, p)| w.iter().map(|w| p.reduce_wide(u64::from(*w))).collect())
                .collect();
            let table = BaseConversion::new(q, p, &weights, &overflow).unwrap();
            let length = 16 * 37;
            let y: Vec<Vec<Word>> = q
                .iter()
                .enumerate()
                .map(|(i, q)| {
                    (0..length as u64)
                        .map(|c| match c {
                            0..16 => q.value() - 1,
                            16..32 => q.value() / 2,
                            _ => q.reduce_wide((c + 1) * (i as u64 + 3) * 0x9E37_79B9),
                        })
                        .collect()
                })
                .collect();
            let sources: Vec<&[Word]> = y.iter().map(Vec::as_slice).collect();
            for isa in Isa::available() {
                let mut dst = vec![vec![0; length]; targets];
                let mut rows: Vec<&mut [Word]> = dst.iter_mut().map(Vec::as_mut_slice).collect();
                let mut estimate = vec![0; length];
                table.estimate(isa, &sources, &mut estimate).unwrap();
                table
                    .convert_group(isa, 0, &sources, &estimate, &mut rows)
                    .unwrap();
                for (j, row) in dst.iter().enumerate() {
                    for (c, found) in row.iter().enumerate() {
                        let y: Vec<_> = y.iter().map(|row| row[c]).collect();
                        let expected = naive(&y, q, p[j], &weights[j], overflow[j]);
                        assert_eq!(*found, expected, "{isa} {k} -> {targets}, {j}, {c}");
                    }
                }
                let mut part = vec![0; length];
                let last = targets - 1;
                table
                    .convert_group(isa, last, &sources, &estimate, &mut [&mut part])
                    .unwrap();
                assert!(part == dst[last], "{isa}");
            }
        }
    }
}

#[test]
fn wrong_lists_are_refused() {
    let q = Modulus::new(97).unwrap();
    let p = Modulus::new((1 << 25) + 1).unwrap();
    assert_eq!(
        BaseConversion::new(&[q], &[p], &[vec![1]], &[1]).err(),
        Some(KernelError::SmallSource(97))
    );
    assert!(BaseConversion::new(&[p; 17], &[p], &[vec![1; 17]], &[1]).is_err());
    let table = BaseConversion::new(&[p], &[p], &[vec![1]], &[1]).unwrap();
    let isa = Isa::detect();
    let convert = |sources: &[&[Word]], estimate: &[Word], length: usize| {
        let dst = &mut vec![0; length];
        table.convert_group(isa, 0, sources, estimate, &mut [dst])
    };
    assert!(convert(&[&[0; 32]], &[0; 32], 32).is_ok());
    assert!(convert(&[&[0; 16]], &[0; 32], 32).is_err());
    assert!(convert(&[&[0; 32]], &[0; 32], 16).is_err());
    assert!(convert(&[], &[0; 32], 32).is_err());
    assert!(table.estimate(isa, &[], &mut [0; 32]).is_err());
}

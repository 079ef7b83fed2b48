//! The quadratic transform and the schoolbook product: the judges of every fast one.

use crate::arith::{Modulus, Word, bit_reverse};

/// The value of the polynomial at `psi^(2 rev(i) + 1)`.
#[must_use]
pub fn evaluation(coefficients: &[Word], modulus: Modulus, root: Word, i: usize) -> Word {
    let bits = coefficients.len().trailing_zeros();
    let point = modulus.pow(root, 2 * bit_reverse(i, bits) as u64 + 1);
    coefficients
        .iter()
        .rev()
        .fold(0, |value, c| modulus.add(modulus.mul(value, point), *c))
}

/// The whole transform, in quadratic time.
#[must_use]
pub fn transform(coefficients: &[Word], modulus: Modulus, root: Word) -> Vec<Word> {
    (0..coefficients.len())
        .map(|i| evaluation(coefficients, modulus, root, i))
        .collect()
}

/// `a * b mod (X^N + 1, q)`.
#[must_use]
pub fn product(a: &[Word], b: &[Word], modulus: Modulus) -> Vec<Word> {
    let n = a.len();
    let mut result = vec![0; n];
    for (i, x) in a.iter().enumerate() {
        for (j, y) in b.iter().enumerate() {
            let term = modulus.mul(*x, *y);
            let place = &mut result[(i + j) % n];
            *place = if i + j < n {
                modulus.add(*place, term)
            } else {
                modulus.sub(*place, term)
            };
        }
    }
    result
}

/// The image of a polynomial under `X -> X^g`, by moving coefficients.
#[must_use]
pub fn automorphism(a: &[Word], g: u32, modulus: Modulus) -> Vec<Word> {
    let n = a.len();
    let mut image = vec![0; n];
    for (i, x) in a.iter().enumerate() {
        let exponent = i * g as usize % (2 * n);
        image[exponent % n] = if exponent < n { *x } else { modulus.neg(*x) };
    }
    image
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arith::{ntt_primes, primitive_root_2n};
    use crate::ring::GaloisElement;
    use crate::ring::ntt::NttTable;
    use proptest::prelude::*;

    fn polynomial(n: usize, seed: u64, q: Modulus) -> Vec<Word> {
        let mut state = seed | 1;
        (0..n)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                q.reduce_wide(state >> 20)
            })
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn transform_is_evaluation_product_and_permutation(bits in 2u32..8, seed: u64, g in 0u32..1000) {
            let n = 1usize << bits;
            let q = ntt_primes(n, 1 << 24, 1 << 30).next().unwrap();
            let root = primitive_root_2n(n, q);
            let table = NttTable::new(n, q, root);
            let (a, b) = (polynomial(n, seed, q), polynomial(n, !seed, q));
            let (mut fa, mut fb) = (a.clone(), b.clone());
            table.forward(&mut fa);
            table.forward(&mut fb);
            prop_assert_eq!(&fa, &transform(&a, q, root));
            let mut product_of_transforms: Vec<_> =
                fa.iter().zip(&fb).map(|(x, y)| q.mul(*x, *y)).collect();
            table.inverse(&mut product_of_transforms);
            prop_assert_eq!(product_of_transforms, product(&a, &b, q));
            let g = GaloisElement::of(crate::ring::Rotation(g as i32), n);
            let mut image = automorphism(&a, g.value(), q);
            table.forward(&mut image);
            let moved: Vec<_> = g.permutation(n).iter().map(|i| fa[*i as usize]).collect();
            prop_assert_eq!(image, moved);
            table.inverse(&mut fa);
            prop_assert_eq!(fa, a);
        }
    }
}

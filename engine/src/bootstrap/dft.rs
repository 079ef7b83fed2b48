//! The transform between slots and coefficients as linear maps of slot vectors.
//!
//! The encoder's transform is a product of `log2(N/2)` butterfly stages, each a map with three diagonals. Stages are
//! multiplied into as many maps as there are levels. The bit reversal is left out: coefficients come and go in
//! bit-reversed order, which nothing between the two transforms minds. (Cheon, Han, Hhan, CLEAR: Faster homomorphic discrete
//! Fourier transforms, eprint 2018/1073; Chen, Chillotti, Song, EUROCRYPT'19.)

use std::collections::BTreeMap;

use num_complex::Complex64;

use crate::ckks::Encoder;

/// A linear map `(M x)_i = sum of d_k[i] x_(i+k)`, by `k` modulo the number of slots.
pub(super) type Diagonals = BTreeMap<usize, Vec<Complex64>>;

/// Slots to coefficients: the maps in the order of their application, each the product of some stages from small blocks to
/// large ones. A vector `z` becomes one whose polynomial has the coefficients `z` (real parts in the first half,
/// imaginary ones in the second, each in bit-reversed order).
pub(super) fn slots_to_coefficients(encoder: &Encoder, maps: usize) -> Vec<Diagonals> {
    let stages = encoder.stages().iter().map(|w| forward(encoder.slots(), w));
    let mut sizes = sizes(encoder.stages().len(), maps);
    sizes.reverse();
    multiply(encoder.slots(), stages, &sizes)
}

/// Coefficients to slots, the inverse: stages from large blocks to small ones.
pub(super) fn coefficients_to_slots(encoder: &Encoder, maps: usize) -> Vec<Diagonals> {
    let stages = encoder.stages().iter().rev();
    let stages = stages.map(|w| inverse(encoder.slots(), w));
    multiply(
        encoder.slots(),
        stages,
        &sizes(encoder.stages().len(), maps),
    )
}

/// The map times a constant.
pub(super) fn scaled(mut map: Diagonals, constant: f64) -> Diagonals {
    for value in map.values_mut().flatten() {
        *value *= constant;
    }
    map
}

/// How many stages each map takes, the one with the largest blocks first: its `2^g` diagonals wrap around, where `g`
/// stages elsewhere make `2^(g+1) - 1`, so it may be larger; the others grow towards the lower levels.
fn sizes(stages: usize, maps: usize) -> Vec<usize> {
    let first = stages.div_ceil(maps.max(1));
    let (others, left) = (maps - 1, stages - first);
    let rest = (0..others).map(|i| left / others + usize::from(i >= others - left % others));
    std::iter::once(first).chain(rest).collect()
}

fn multiply(
    slots: usize,
    mut stages: impl Iterator<Item = Diagonals>,
    sizes: &[usize],
) -> Vec<Diagonals> {
    let product = |stages: Vec<Diagonals>| {
        let identity = BTreeMap::from([(0, vec![Complex64::ONE; slots])]);
        stages
            .iter()
            .fold(identity, |map, stage| after(slots, stage, &map))
    };
    sizes
        .iter()
        .map(|&size| product(stages.by_ref().take(size).collect()))
        .collect()
}

/// The map that applies `first`, then `second`.
fn after(slots: usize, second: &Diagonals, first: &Diagonals) -> Diagonals {
    let mut product = Diagonals::new();
    for (&k, outer) in second {
        for (&l, inner) in first {
            let diagonal = product
                .entry((k + l) % slots)
                .or_insert_with(|| vec![Complex64::ZERO; slots]);
            for (i, (value, factor)) in diagonal.iter_mut().zip(outer).enumerate() {
                *value += factor * inner[(i + k) % slots];
            }
        }
    }
    product
}

/// `(x, y) -> (x + w y, x - w y)` on the halves of each block.
fn forward(slots: usize, twiddles: &[Complex64]) -> Diagonals {
    butterflies(slots, twiddles, |w| {
        [[Complex64::ONE, w], [Complex64::ONE, -w]]
    })
}

/// `(x, y) -> ((x + y) / 2, (x - y) / (2 w))`: the inverse of [`forward`].
fn inverse(slots: usize, twiddles: &[Complex64]) -> Diagonals {
    let half = Complex64::from(0.5);
    butterflies(slots, twiddles, |w| {
        [[half, half], [w.conj() * 0.5, w.conj() * -0.5]]
    })
}

/// The map that applies a 2x2 matrix to the halves of each block of twice as many slots as there are twiddles.
fn butterflies(
    slots: usize,
    twiddles: &[Complex64],
    matrix: impl Fn(Complex64) -> [[Complex64; 2]; 2],
) -> Diagonals {
    let half = twiddles.len();
    let mut map = Diagonals::new();
    let mut set = |row: usize, column: usize, value| {
        let k = (column + slots - row) % slots;
        let diagonal = map.entry(k).or_insert_with(|| vec![Complex64::ZERO; slots]);
        diagonal[row] += value;
    };
    for block in (0..slots).step_by(2 * half) {
        for (j, w) in twiddles.iter().enumerate() {
            let places = [block + j, block + j + half];
            for (row, values) in places.into_iter().zip(matrix(*w)) {
                for (column, value) in places.into_iter().zip(values) {
                    set(row, column, value);
                }
            }
        }
    }
    map
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arith::bit_reverse;

    fn apply(map: &Diagonals, x: &[Complex64]) -> Vec<Complex64> {
        let n = x.len();
        (0..n)
            .map(|i| map.iter().map(|(k, d)| d[i] * x[(i + k) % n]).sum())
            .collect()
    }

    fn vector(n: usize) -> Vec<Complex64> {
        (0..n)
            .map(|i| Complex64::new((i as f64 * 1.3).sin(), (i as f64 * 0.7).cos()))
            .collect()
    }

    #[test]
    fn the_maps_are_the_encoders_transform_in_bit_reversed_order() {
        for (degree, maps) in [(64, 1), (64, 3), (1 << 9, 4)] {
            let encoder = Encoder::new(degree);
            let n = encoder.slots();
            let z = vector(n);
            let bits = n.trailing_zeros();
            let coefficients: Vec<f64> = (0..2 * n)
                .map(|i| {
                    let value = z[bit_reverse(i % n, bits)];
                    if i < n { value.re } else { value.im }
                })
                .collect();
            let want = encoder.slot_values(&coefficients);
            let found = slots_to_coefficients(&encoder, maps)
                .iter()
                .fold(z.clone(), |x, map| apply(map, &x));
            for (want, found) in want.iter().zip(&found) {
                assert!((want - found).norm() < 1e-10);
            }
            let back = coefficients_to_slots(&encoder, maps)
                .iter()
                .fold(found, |x, map| apply(map, &x));
            for (want, found) in z.iter().zip(&back) {
                assert!((want - found).norm() < 1e-12);
            }
        }
    }

    #[test]
    fn diagonals_are_as_few_as_stages_allow() {
        assert_eq!(sizes(15, 4), [4, 3, 4, 4]);
        assert_eq!(sizes(15, 3), [5, 5, 5]);
        assert_eq!(sizes(10, 4), [3, 2, 2, 3]);
        let encoder = Encoder::new(1 << 11);
        let counts = |maps: Vec<Diagonals>| maps.iter().map(BTreeMap::len).collect::<Vec<_>>();
        assert_eq!(counts(coefficients_to_slots(&encoder, 4)), [8, 7, 7, 15]);
        assert_eq!(counts(slots_to_coefficients(&encoder, 3)), [15, 15, 16]);
    }
}

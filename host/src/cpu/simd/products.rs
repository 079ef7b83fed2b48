//! Sums of products of rows, reduced once.

use engine::arith::{Modulus, Word};

use super::{
    elementwise::lines,
    error::{KernelError, check_length},
    isa::{Isa, Kernel},
    lanes::{AHEAD, Lanes, Line},
    reduction::{MAX_PRODUCTS, Reduction},
};

/// `dst_c = sum_t a_t * b_{t,c}`, point by point: the product of digits and a key, or of plaintexts and ciphertexts.
///
/// # Range
/// All in `[0, q)`.
///
/// # Cost
/// Reads each row once; one reduction per twelve products.
///
/// # Errors
/// [`KernelError::Length`] unless both lists and all rows are equally long and the rows a multiple of 16.
pub fn inner_product<const C: usize>(
    isa: Isa,
    q: Modulus,
    mut dst: [&mut [Word]; C],
    a: &[&[Word]],
    b: &[[&[Word]; C]],
) -> Result<(), KernelError> {
    const NAME: &str = "inner product";
    check_length(NAME, "factors", a.len(), b.len())?;
    let n = dst.first().map_or(0, |row| row.len());
    for row in &dst {
        check_length(NAME, "words in a row", n, row.len())?;
    }
    for row in a.iter().chain(b.as_flattened()) {
        lines(NAME, n, row)?;
    }
    if a.is_empty() {
        for row in &mut dst {
            row.fill(0);
        }
    }
    for (chunk, (a, b)) in a
        .chunks(MAX_PRODUCTS)
        .zip(b.chunks(MAX_PRODUCTS))
        .enumerate()
    {
        let mut rows: [&[Line]; MAX_PRODUCTS] = [&[]; MAX_PRODUCTS];
        let mut pairs: [[&[Line]; C]; MAX_PRODUCTS] = [[&[]; C]; MAX_PRODUCTS];
        for (to, from) in rows.iter_mut().zip(a) {
            *to = lines(NAME, n, from)?;
        }
        for (to, from) in pairs.as_flattened_mut().iter_mut().zip(b.as_flattened()) {
            *to = lines(NAME, n, from)?;
        }
        let outputs = dst.each_mut().map(|row| row.as_chunks_mut().0);
        isa.run(InnerProduct {
            q,
            dst: outputs,
            a: &rows[..a.len()],
            b: &pairs[..b.len()],
            accumulate: chunk > 0,
        });
    }
    Ok(())
}

struct InnerProduct<'a, const C: usize> {
    q: Modulus,
    dst: [&'a mut [Line]; C],
    /// At most [`MAX_PRODUCTS`].
    a: &'a [&'a [Line]],
    b: &'a [[&'a [Line]; C]],
    /// Whether the sum is added to what is there.
    accumulate: bool,
}

impl<const C: usize> Kernel for InnerProduct<'_, C> {
    type Output = ();
    #[inline(always)]
    fn run<S: Lanes>(mut self, s: S) {
        let r = Reduction::new(s, self.q);
        let n = self.dst.first().map_or(0, |row| row.len());
        for i in 0..n {
            let mut sums = [[s.splat_wide(0); 2]; C];
            for (a, b) in self.a.iter().zip(self.b) {
                s.prefetch(a, i + AHEAD);
                for b in b {
                    s.prefetch(b, i + AHEAD);
                }
                let a = s.split(s.load(&a[i]));
                for (sum, b) in sums.iter_mut().zip(b) {
                    *sum = r.add_product(*sum, a, s.load(&b[i]));
                }
            }
            for (dst, sum) in self.dst.iter_mut().zip(sums) {
                let dst = &mut dst[i];
                let mut sum = r.reduce_wide(sum);
                if self.accumulate {
                    sum = r.add(sum, s.load(dst));
                }
                s.store(sum, dst);
            }
        }
    }
}

/// Rows of the two halves of a ciphertext.
pub type Pair<'a> = [&'a [Word]; 2];

/// `dst = sum_t (a_0 b_0, a_0 b_1 + a_1 b_0, a_1 b_1)` over pairs `a`, `b` of ciphertexts.
///
/// # Range
/// All in `[0, q)`.
///
/// # Cost
/// Reads each row once; one reduction per six pairs.
///
/// # Errors
/// [`KernelError::Length`] unless both lists and all rows are equally long and the rows a multiple of 16.
pub fn tensor(
    isa: Isa,
    q: Modulus,
    dst: [&mut [Word]; 3],
    a: &[Pair<'_>],
    b: &[Pair<'_>],
) -> Result<(), KernelError> {
    // The middle sum takes two products of each pair.
    const PAIRS: usize = MAX_PRODUCTS / 2;
    const NAME: &str = "tensor product";
    check_length(NAME, "factors", a.len(), b.len())?;
    let n = dst[0].len();
    for row in &dst {
        check_length(NAME, "words in a row", n, row.len())?;
    }
    for row in a.as_flattened().iter().chain(b.as_flattened()) {
        lines(NAME, n, row)?;
    }
    let mut dst = dst;
    if a.is_empty() {
        for row in &mut dst {
            row.fill(0);
        }
    }
    for (chunk, (a, b)) in a.chunks(PAIRS).zip(b.chunks(PAIRS)).enumerate() {
        let mut factors: [[[&[Line]; 2]; 2]; PAIRS] = [[[&[]; 2]; 2]; PAIRS];
        for (to, (a, b)) in factors.iter_mut().zip(a.iter().zip(b)) {
            for h in 0..2 {
                to[0][h] = lines(NAME, n, a[h])?;
                to[1][h] = lines(NAME, n, b[h])?;
            }
        }
        isa.run(Tensor {
            q,
            dst: dst.each_mut().map(|row| row.as_chunks_mut().0),
            factors: &factors[..a.len()],
            accumulate: chunk > 0,
        });
    }
    Ok(())
}

struct Tensor<'a> {
    q: Modulus,
    dst: [&'a mut [Line]; 3],
    /// Pairs of pairs, at most half of [`MAX_PRODUCTS`].
    factors: &'a [[[&'a [Line]; 2]; 2]],
    /// Whether the sum is added to what is there.
    accumulate: bool,
}

impl Kernel for Tensor<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Lanes>(mut self, s: S) {
        let r = Reduction::new(s, self.q);
        for i in 0..self.dst[0].len() {
            let mut sums = [[s.splat_wide(0); 2]; 3];
            for [a, b] in self.factors {
                let (a0, a1) = (s.split(s.load(&a[0][i])), s.split(s.load(&a[1][i])));
                let (b0, b1) = (s.load(&b[0][i]), s.load(&b[1][i]));
                sums[0] = r.add_product(sums[0], a0, b0);
                sums[1] = r.add_product(r.add_product(sums[1], a0, b1), a1, b0);
                sums[2] = r.add_product(sums[2], a1, b1);
            }
            for (dst, sum) in self.dst.iter_mut().zip(sums) {
                let dst = &mut dst[i];
                let mut sum = r.reduce_wide(sum);
                if self.accumulate {
                    sum = r.add(sum, s.load(dst));
                }
                s.store(sum, dst);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::arith::ntt_primes;

    fn row(n: usize, q: Modulus, seed: usize) -> Vec<Word> {
        let mut state = seed as u64;
        (0..n)
            .map(|i| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                // The first words are the largest, where a sum overflows first.
                if i < 4 {
                    q.value() - 1
                } else {
                    q.reduce_wide(state >> 32)
                }
            })
            .collect()
    }

    #[test]
    fn sums_of_products_are_exact() {
        let n = 32;
        for q in ntt_primes(1 << 10, 1 << 24, 1 << 30).step_by(2000) {
            for terms in [0, 1, 3, 6, 7, 11, 12, 13, 25] {
                let a: Vec<[_; 2]> = (0..terms)
                    .map(|t| [row(n, q, 4 * t), row(n, q, 4 * t + 1)])
                    .collect();
                let b: Vec<[_; 2]> = (0..terms)
                    .map(|t| [row(n, q, 4 * t + 2), row(n, q, 4 * t + 3)])
                    .collect();
                let sum = |i: usize, c: usize, d: usize| {
                    (0..terms).fold(0, |sum, t| q.add(sum, q.mul(a[t][c][i], b[t][d][i])))
                };
                let (pairs_a, pairs_b): (Vec<Pair>, Vec<Pair>) = (
                    a.iter().map(|x| [&x[0][..], &x[1]]).collect(),
                    b.iter().map(|x| [&x[0][..], &x[1]]).collect(),
                );
                let singles: Vec<&[Word]> = a.iter().map(|x| &x[0][..]).collect();
                for isa in Isa::available() {
                    let (mut x, mut y, mut z) = (vec![7; n], vec![8; n], vec![9; n]);
                    inner_product(isa, q, [&mut x, &mut y], &singles, &pairs_b).unwrap();
                    for i in 0..n {
                        assert_eq!([x[i], y[i]], [sum(i, 0, 0), sum(i, 0, 1)], "{isa} {terms}");
                    }
                    tensor(isa, q, [&mut x, &mut y, &mut z], &pairs_a, &pairs_b).unwrap();
                    for i in 0..n {
                        let middle = q.add(sum(i, 0, 1), sum(i, 1, 0));
                        assert_eq!(
                            [x[i], y[i], z[i]],
                            [sum(i, 0, 0), middle, sum(i, 1, 1)],
                            "{isa} {terms}"
                        );
                    }
                }
            }
        }
    }
}

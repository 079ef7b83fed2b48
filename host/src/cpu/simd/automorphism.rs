//! `X -> X^g` on values in bit-reversed order.

use engine::arith::{Word, bit_reverse};

use super::{
    elementwise::{lines, lines_mut},
    error::{KernelError, check_length},
    isa::{Isa, Kernel},
    lanes::{LANES, Lanes, Line},
};

/// The permutation of values under `X -> X^g`.
///
/// The value at `psi^e` of the result is that at `psi^(g e)` of the argument. In bit-reversed order the sixteen words of a
/// vector of the result come from one vector of the argument, through one of sixteen permutations.
#[derive(Clone, Debug)]
pub struct AutomorphismTable {
    /// Per vector of the result: 16 times the source vector, plus the permutation.
    sources: Vec<u32>,
    permutations: [Line; LANES],
}

impl AutomorphismTable {
    /// The table of the Galois element `g`, taken modulo `2n`.
    ///
    /// # Errors
    /// [`KernelError::GaloisElement`] if `g` is even, [`KernelError::Degree`] unless `n` is a power of two in `[2^10, 2^16]`.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "indices are below the degree, at most 2^16"
    )]
    pub fn new(n: usize, g: u32) -> Result<Self, KernelError> {
        if !n.is_power_of_two() || !(1 << 10..=1 << 16).contains(&n) {
            return Err(KernelError::Degree(n));
        }
        if g.is_multiple_of(2) {
            return Err(KernelError::GaloisElement(g));
        }
        let g = g as usize % (2 * n);
        let vectors = n / LANES;
        let (vector_bits, lane_bits) = (vectors.trailing_zeros(), LANES.trailing_zeros());
        // Lane l of vector v stands for the exponent 2 (bitrev(l) vectors + bitrev(v)) + 1. Times g, less one and halved: g times
        // bitrev(l) vectors, plus what v alone decides; of that, the part below `vectors` names the source vector.
        let sources = (0..vectors)
            .map(|v| {
                let exponent = g * (2 * bit_reverse(v, vector_bits) + 1) % (2 * n);
                let (carry, rest) = ((exponent / 2) / vectors, (exponent / 2) % vectors);
                (bit_reverse(rest, vector_bits) * LANES + carry) as u32
            })
            .collect();
        let mut permutations = [[0; LANES]; LANES];
        for (carry, permutation) in permutations.iter_mut().enumerate() {
            for (lane, source) in permutation.iter_mut().enumerate() {
                let place = (g * bit_reverse(lane, lane_bits) + carry) % LANES;
                *source = bit_reverse(place, lane_bits) as Word;
            }
        }
        Ok(Self {
            sources,
            permutations,
        })
    }

    /// The number of values.
    #[must_use]
    pub fn degree(&self) -> usize {
        self.sources.len() * LANES
    }

    /// `dst(X) = src(X^g)`, both as values in bit-reversed order.
    ///
    /// # Errors
    /// [`KernelError::Length`] unless both rows have the table's degree.
    pub fn apply(&self, isa: Isa, dst: &mut [Word], src: &[Word]) -> Result<(), KernelError> {
        const NAME: &str = "automorphism";
        check_length(NAME, "words in a row", self.degree(), dst.len())?;
        isa.run(Apply {
            table: self,
            dst: lines_mut(NAME, dst)?,
            src: lines(NAME, self.degree(), src)?,
        });
        Ok(())
    }
}

struct Apply<'a> {
    table: &'a AutomorphismTable,
    dst: &'a mut [Line],
    src: &'a [Line],
}

impl Kernel for Apply<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Lanes>(self, s: S) {
        for (dst, source) in self.dst.iter_mut().zip(&self.table.sources) {
            let source = *source as usize;
            let permutation = &self.table.permutations[source % LANES];
            let src = s.load(&self.src[source / LANES]);
            s.store(s.permute(src, permutation), dst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::ntt::{NttTable, ntt_forward},
        *,
    };
    use engine::arith::{ntt_primes, primitive_root_2n};

    #[test]
    fn permutation_is_the_substitution_of_coefficients() {
        for n in [1 << 10, 1 << 13, 1 << 16] {
            let q = ntt_primes(n, 1 << 29, 1 << 30).next().unwrap();
            let table = NttTable::new(n, q, primitive_root_2n(n, q)).unwrap();
            let coefficients: Vec<Word> = (0..n as u64)
                .map(|i| q.reduce_wide((i + 1) * 0x9E37_79B9))
                .collect();
            let order = u32::try_from(n).unwrap();
            for g in [1, 3, 5, 25, 2 * order - 1, 77_773, 3 * order + 1] {
                let mut expected = vec![0; n];
                for (i, a) in coefficients.iter().enumerate() {
                    let place = i * g as usize % (2 * n);
                    expected[place % n] = if place < n { *a } else { q.neg(*a) };
                }
                ntt_forward(Isa::detect(), &table, &mut expected).unwrap();
                let mut values = coefficients.clone();
                ntt_forward(Isa::detect(), &table, &mut values).unwrap();
                let automorphism = AutomorphismTable::new(n, g).unwrap();
                for isa in Isa::available() {
                    let mut found = vec![0; n];
                    automorphism.apply(isa, &mut found, &values).unwrap();
                    assert!(found == expected, "{isa}, N = {n}, g = {g}");
                }
            }
        }
        assert!(AutomorphismTable::new(1 << 10, 4).is_err());
    }
}

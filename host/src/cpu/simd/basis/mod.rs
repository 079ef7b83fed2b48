//! Centred base conversion of residues.
//!
//! For `x = sum_i y_i D / q_i - u D` with `D` the product of the sources and `y_i` in `[0, q_i)`, the multiple `u` is the rounded
//! sum of `y_i / q_i`, found in fixed point (24 fractional bits; S. Halevi, Y. Polyakov, V. Shoup, 2019, use floating point). The
//! result represents `x` in about `[-D/2, D/2)`.

mod kernels;

#[cfg(test)]
mod tests;

use engine::arith::{Modulus, WORD_BITS, Word};
use engine::ring::{FRACTION_BITS, MAX_SOURCES};

pub(super) use self::kernels::TILE;
use self::kernels::{Convert, Estimate};
use super::{
    elementwise::{lines, lines_mut},
    error::{KernelError, check_length},
    isa::Isa,
    lanes::Line,
};

/// Targets that are best converted at once: more would not leave room in the caches for their rows, and with fewer each source is read
/// more often. A key switch at 47 limbs on two threads of an AMD EPYC (Zen 4), medians of three runs: 35.4 to 39.2 ms with four, 33.5 to
/// 33.9 with eight, 36.1 to 42.5 with twelve.
pub const GROUP: usize = 8;
const NAME: &str = "base conversion";

/// The constants of one conversion.
#[derive(Clone, Debug)]
pub struct BaseConversion {
    /// `floor(2^56 / q_i)`.
    fractions: Vec<Word>,
    targets: Vec<Modulus>,
    /// Per target: the weights of the sources, then that of the estimate, each times `2^32`.
    weights: Vec<u64>,
}

impl BaseConversion {
    /// A conversion with `weights[j][i]` of source `i` in target `j`, and `overflow[j]` of the estimate `u`.
    ///
    /// For the plain conversion, weights are `D / q_i mod p_j` and overflows `-D mod p_j`; a constant per target may be
    /// multiplied into both.
    ///
    /// # Errors
    /// [`KernelError::SmallSource`] for a source not above `2^24`, [`KernelError::Length`] for lists of unequal length or more
    /// than [`MAX_SOURCES`].
    pub fn new(
        sources: &[Modulus],
        targets: &[Modulus],
        weights: &[Vec<Word>],
        overflow: &[Word],
    ) -> Result<Self, KernelError> {
        check_length(NAME, "targets of weights", targets.len(), weights.len())?;
        check_length(NAME, "targets of overflows", targets.len(), overflow.len())?;
        if sources.len() > MAX_SOURCES {
            check_length(NAME, "sources", MAX_SOURCES, sources.len())?;
        }
        let mut all = Vec::with_capacity(targets.len() * (sources.len() + 1));
        for ((p, weights), overflow) in targets.iter().zip(weights).zip(overflow) {
            check_length(NAME, "weights", sources.len(), weights.len())?;
            let montgomery = p.reduce_wide(1 << WORD_BITS);
            let scaled = |w: &Word| u64::from(p.mul(*w, montgomery));
            all.extend(weights.iter().chain([overflow]).map(scaled));
        }
        let fractions = sources
            .iter()
            .map(|q| {
                Word::try_from((1 << (FRACTION_BITS + WORD_BITS)) / u64::from(q.value()))
                    .map_err(|_| KernelError::SmallSource(q.value()))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            fractions,
            targets: targets.to_vec(),
            weights: all,
        })
    }

    /// The moduli of the result.
    #[must_use]
    pub fn targets(&self) -> &[Modulus] {
        &self.targets
    }

    /// `u = round(sum_i y_i / q_i)`, to 24 bits.
    ///
    /// # Range
    /// Source `i` in `[0, q_i)`; the result is at most the number of sources.
    ///
    /// # Errors
    /// [`KernelError::Length`] unless there is one row per source and all rows are equally long, a multiple of 16.
    pub fn estimate(
        &self,
        isa: Isa,
        sources: &[&[Word]],
        estimate: &mut [Word],
    ) -> Result<(), KernelError> {
        let rows = self.rows(sources, estimate.len())?;
        isa.run(Estimate {
            table: self,
            sources: &rows[..sources.len()],
            estimate: lines_mut(NAME, estimate)?,
        });
        Ok(())
    }

    /// `dst_j = sum_i y_i w_ij + u v_j mod p_j` for the targets from number `first` on, as many as there are rows in `dst`.
    ///
    /// # Range
    /// Source `i` in `[0, q_i)`, `u` as [`estimate`](Self::estimate) gives it; the result is in `[0, p_j)`.
    ///
    /// # Errors
    /// [`KernelError::Length`] unless the targets exist, there is one row per source and all rows are equally long, a multiple
    /// of 16.
    pub fn convert_group(
        &self,
        isa: Isa,
        first: usize,
        sources: &[&[Word]],
        estimate: &[Word],
        dst: &mut [&mut [Word]],
    ) -> Result<(), KernelError> {
        let n = estimate.len();
        let mut rows = self.rows(sources, n)?;
        rows[sources.len()] = lines(NAME, n, estimate)?;
        self.check_targets(first, n, dst)?;
        isa.run(Convert {
            table: self,
            first,
            sources: &rows[..=sources.len()],
            dst,
        });
        Ok(())
    }

    /// The sources as vectors, with room for the estimate.
    fn rows<'a>(
        &self,
        sources: &[&'a [Word]],
        n: usize,
    ) -> Result<[&'a [Line]; MAX_SOURCES + 1], KernelError> {
        check_length(NAME, "sources", self.fractions.len(), sources.len())?;
        let mut rows: [&[Line]; MAX_SOURCES + 1] = [&[]; MAX_SOURCES + 1];
        for (row, source) in rows.iter_mut().zip(sources) {
            *row = lines(NAME, n, source)?;
        }
        Ok(rows)
    }

    fn check_targets(
        &self,
        first: usize,
        n: usize,
        dst: &[&mut [Word]],
    ) -> Result<(), KernelError> {
        if first + dst.len() > self.targets.len() {
            check_length(NAME, "targets", self.targets.len(), first + dst.len())?;
        }
        for row in dst {
            lines(NAME, n, row)?;
        }
        Ok(())
    }
}

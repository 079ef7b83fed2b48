//! Centred base conversion of residues.
//!
//! For `x = sum_i y_i D / q_i - u D` with `D` the product of the sources and `y_i` in `[0, q_i)`, the multiple `u` is the rounded
//! sum of `y_i / q_i`, found in fixed point (24 fractional bits; S. Halevi, Y. Polyakov, V. Shoup, 2019, use floating point). The
//! result represents `x` in about `[-D/2, D/2)`.

use engine::arith::{Modulus, WORD_BITS, Word};
use engine::ring::{FRACTION_BITS, MAX_SOURCES};

use super::{
    elementwise::{lines, lines_mut},
    error::{KernelError, check_length},
    isa::{Isa, Kernel},
    lanes::{AHEAD, LANES, Lanes, Line, Registers},
    reduction::{MAX_PRODUCTS, Reduction},
};

/// Vectors that are converted to all targets of a group before the next ones: sixteen rows of them and the estimate take 17 KiB of
/// the first-level cache.
pub(super) const TILE: usize = 16;
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

struct Estimate<'a> {
    table: &'a BaseConversion,
    sources: &'a [&'a [Line]],
    estimate: &'a mut [Line],
}

impl Kernel for Estimate<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Lanes>(self, s: S) {
        let (tiles, rest) = self.estimate.as_chunks_mut::<TILE>();
        let done = TILE * tiles.len();
        if let Registers::None = S::REGISTERS {
            for (i, tile) in tiles.iter_mut().enumerate() {
                estimate_lines(s, self.table, self.sources, tile, TILE * i);
            }
        } else {
            for (i, line) in tiles.as_flattened_mut().iter_mut().enumerate() {
                estimate_lines(s, self.table, self.sources, std::array::from_mut(line), i);
            }
        }
        for (i, line) in rest.iter_mut().enumerate() {
            let line = std::array::from_mut(line);
            estimate_lines(s, self.table, self.sources, line, done + i);
        }
    }
}

/// The estimate at the vectors from `i` on.
#[inline(always)]
fn estimate_lines<S: Lanes, const V: usize>(
    s: S,
    table: &BaseConversion,
    sources: &[&[Line]],
    lines: &mut [Line; V],
    i: usize,
) {
    let half = s.splat(1 << (FRACTION_BITS - 1));
    let sums = s.high_sums::<V>(sources, &table.fractions, i);
    for v in 0..V {
        // The high word of a product with 2^8 is a shift by 24.
        let shift = 1 << (WORD_BITS - FRACTION_BITS);
        let word = s.mul_high_scalar(s.add(sums[v], half), shift);
        s.store(word, &mut lines[v]);
    }
}

struct Convert<'a, 'b> {
    table: &'a BaseConversion,
    first: usize,
    /// The rows of the sources and that of the estimate.
    sources: &'a [&'a [Line]],
    dst: &'a mut [&'b mut [Word]],
}

impl Kernel for Convert<'_, '_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Lanes>(self, s: S) {
        let Self {
            table,
            first,
            sources,
            dst,
        } = self;
        let vectors = sources.first().map_or(0, |row| row.len());
        let mut tile = [[].as_slice(); MAX_SOURCES + 1];
        for start in (0..vectors).step_by(TILE) {
            let end = (start + TILE).min(vectors);
            for (tile, source) in tile.iter_mut().zip(sources) {
                *tile = &source[start..end];
            }
            let sources = &tile[..sources.len()];
            let mut done = 0;
            if let Registers::Many = S::REGISTERS {
                while let Some(group) = dst[done..].first_chunk_mut::<4>() {
                    convert_group::<S, 4, 2>(s, table, first + done, sources, group, start);
                    done += 4;
                }
            }
            if let Registers::Many | Registers::Few = S::REGISTERS {
                while let Some(group) = dst[done..].first_chunk_mut::<2>() {
                    convert_group::<S, 2, 1>(s, table, first + done, sources, group, start);
                    done += 2;
                }
            }
            for (target, row) in dst.iter_mut().enumerate().skip(done) {
                let lines = &mut row.as_chunks_mut().0[start..end];
                convert_one(s, table, first + target, sources, lines);
            }
        }
    }
}

/// One target.
#[inline(always)]
fn convert_one<S: Lanes>(
    s: S,
    table: &BaseConversion,
    target: usize,
    sources: &[&[Line]],
    dst: &mut [Line],
) {
    let terms = sources.len();
    let reduction = Reduction::new(s, table.targets[target]);
    let weights = &table.weights[target * terms..][..terms];
    let first = first_part(terms);
    s.weighted_words(&sources[..first], &weights[..first], &reduction, dst);
    if first < terms {
        let mut rest = [[0; LANES]; TILE];
        let rest = &mut rest[..dst.len()];
        s.weighted_words(&sources[first..], &weights[first..], &reduction, rest);
        for i in 0..dst.len() {
            let word = reduction.add(s.load(&dst[i]), s.load(&rest[i]));
            s.store(word, &mut dst[i]);
        }
    }
}

/// How many of the sources and the estimate are summed before a reduction.
const fn first_part(terms: usize) -> usize {
    // The estimate is one term more, but a small one.
    if terms <= MAX_PRODUCTS + 1 {
        terms
    } else {
        MAX_PRODUCTS
    }
}

/// `G` targets, `V` vectors at a time.
#[inline(always)]
fn convert_group<S: Lanes, const G: usize, const V: usize>(
    s: S,
    table: &BaseConversion,
    first: usize,
    sources: &[&[Line]],
    dst: &mut [&mut [Word]; G],
    start: usize,
) {
    let terms = sources.len();
    let mut reductions = [Reduction::new(s, table.targets[first]); G];
    let mut weights: [&[u64]; G] = [&[]; G];
    for g in 0..G {
        reductions[g] = Reduction::new(s, table.targets[first + g]);
        weights[g] = &table.weights[(first + g) * terms..][..terms];
    }
    let vectors = sources.first().map_or(0, |row| row.len());
    let mut i = 0;
    while i < vectors {
        for source in sources {
            for v in 0..V {
                s.prefetch(source, i + v + AHEAD);
            }
        }
        if i + V <= vectors {
            let words = words::<S, G, V>(s, &reductions, sources, &weights, i);
            for g in 0..G {
                let lines = &mut dst[g].as_chunks_mut().0[start + i..][..V];
                for v in 0..V {
                    s.store(words[g][v], &mut lines[v]);
                }
            }
            i += V;
        } else {
            let words = words::<S, G, 1>(s, &reductions, sources, &weights, i);
            for g in 0..G {
                s.store(words[g][0], &mut dst[g].as_chunks_mut().0[start + i]);
            }
            i += 1;
        }
    }
}

/// The residues at the vectors from `i` on, in `[0, p)`. More than twelve sources are summed in two parts.
#[inline(always)]
fn words<S: Lanes, const G: usize, const V: usize>(
    s: S,
    reductions: &[Reduction<S>; G],
    sources: &[&[Line]],
    weights: &[&[u64]; G],
    i: usize,
) -> [[S::Vector; V]; G] {
    let first = first_part(sources.len());
    if first == sources.len() {
        return part::<S, G, V>(s, reductions, sources, weights, i);
    }
    let (head, tail) = sources.split_at(first);
    let mut halves = [[[].as_slice(); G]; 2];
    for g in 0..G {
        let (head, tail) = weights[g].split_at(first);
        (halves[0][g], halves[1][g]) = (head, tail);
    }
    let mut words = part::<S, G, V>(s, reductions, head, &halves[0], i);
    let rest = part::<S, G, V>(s, reductions, tail, &halves[1], i);
    for g in 0..G {
        for v in 0..V {
            words[g][v] = reductions[g].add(words[g][v], rest[g][v]);
        }
    }
    words
}

/// The residues of at most twelve sources and an estimate at the vectors from `i` on, in `[0, p)`.
#[inline(always)]
fn part<S: Lanes, const G: usize, const V: usize>(
    s: S,
    reductions: &[Reduction<S>; G],
    sources: &[&[Line]],
    weights: &[&[u64]; G],
    i: usize,
) -> [[S::Vector; V]; G] {
    // Below 12 * 2^30 p + 13 p, so that Montgomery's reduction brings them below 4p.
    let sums = s.weighted_sums::<G, V>(sources, weights, i);
    let mut words = [[s.splat(0); V]; G];
    for g in 0..G {
        for v in 0..V {
            words[g][v] = reductions[g].montgomery(sums[g][v]);
        }
    }
    words
}

#[cfg(test)]
mod tests {
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
                    let mut rows: Vec<&mut [Word]> =
                        dst.iter_mut().map(Vec::as_mut_slice).collect();
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
}

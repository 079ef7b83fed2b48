//! The inner loops of a conversion, tile by tile.

use engine::arith::{WORD_BITS, Word};
use engine::ring::{FRACTION_BITS, MAX_SOURCES};

use super::{
    super::{
        isa::Kernel,
        lanes::{AHEAD, LANES, Lanes, Line, Registers},
        reduction::{MAX_PRODUCTS, Reduction},
    },
    BaseConversion,
};

/// Vectors that are converted to all targets of a group before the next ones: sixteen rows of them and the estimate take 17 KiB of
/// the first-level cache.
pub(in super::super) const TILE: usize = 16;

pub(super) struct Estimate<'a> {
    pub(super) table: &'a BaseConversion,
    pub(super) sources: &'a [&'a [Line]],
    pub(super) estimate: &'a mut [Line],
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

pub(super) struct Convert<'a, 'b> {
    pub(super) table: &'a BaseConversion,
    pub(super) first: usize,
    /// The rows of the sources and that of the estimate.
    pub(super) sources: &'a [&'a [Line]],
    pub(super) dst: &'a mut [&'b mut [Word]],
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

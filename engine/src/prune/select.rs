//! Which samples to keep, by their scores in the clear. The owner does this.

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::candidate::{Candidate, highest, nth_highest, shuffle, sort_by_class};
use super::importance::{draw, keep_by_importance, mass, set_importances};
use super::quota::{self, Owed};
use super::{Kept, Mask, MaskError, MergeMethod, Scope};
use crate::circuits::packing::Layout;
use crate::ring::sampling::Seed;

/// How samples are chosen by their scores.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "name", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Rule {
    /// Importance sampling: a sample is kept with a probability `p` proportional to its score plus `floor` times the mean score,
    /// one at most, and its gradient counts `fraction/p` times, so that the mean gradient is that of all samples.
    ///
    /// Probabilities are rounded to powers of the square root of two before they are brought to their sum: a weight tells the
    /// server no more of a score than that.
    Importance {
        /// In units of the mean score, above 0: the smaller, the larger the weights of easy samples.
        floor: f64,
    },
    /// Those with the highest scores (HEPrune's).
    Hardest,
    /// Those with the highest scores but for the very highest.
    Window {
        /// The share of all samples that is passed over, in `[0, 1)`.
        skip: f64,
    },
    /// Any, with equal probability.
    Random,
    /// Half of them those with the highest scores, the others any.
    Mixed,
}

impl Rule {
    /// The name, as people write it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Importance { .. } => "importance",
            Self::Hardest => "hardest",
            Self::Window { .. } => "window",
            Self::Random => "random",
            Self::Mixed => "mixed",
        }
    }
}

/// What is kept. Public: whoever chooses it, both know it.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// The share that is kept, in `(0, 1]`.
    pub keep: f64,
    /// How.
    pub rule: Rule,
    /// Whether each class keeps its share: exactly but for rounding, or in expectation under [`Rule::Importance`].
    pub class_balance: bool,
    /// From each row as many as from any other, or from all.
    pub scope: Scope,
}

impl Selection {
    /// How many of so many samples are kept: one at least.
    #[must_use]
    pub fn kept(&self, samples: usize) -> usize {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and a number that was a usize"
        )]
        let kept = (self.keep.clamp(0.0, 1.0) * samples as f64).round() as usize;
        kept.clamp(samples.min(1), samples)
    }

    /// Row blocks that the kept ones of batches of so many samples are merged into, whichever they are.
    ///
    /// # Range
    /// Not known beforehand for [`MergeMethod::WithinRows`] without quotas by row: the least there may be.
    #[must_use]
    pub fn row_blocks(&self, layout: &Layout, samples: &[usize], method: MergeMethod) -> usize {
        let (height, kept) = (layout.height(), self.kept(samples.iter().sum()));
        let blocks = match method {
            MergeMethod::WithinRows => {
                let of_row = |row| {
                    let batches = samples.iter();
                    batches.map(move |&samples| (samples + height - 1 - row) / height)
                };
                let (level, more) = quota::level((0..height).map(|row| of_row(row).sum()), kept);
                level + usize::from(more > 0)
            }
            MergeMethod::Planned | MergeMethod::Naive => kept.div_ceil(height),
        };
        blocks.max(1)
    }

    /// Chooses by scores (for each batch those of its samples; a negative score or none counts as zero) and classes, which
    /// matter for class balance only. The draws of random rules come from `seed`; ties are broken by it too.
    ///
    /// # Cost
    /// `O(samples)`, and `O(classes log classes)` for each row with class balance; `cargo bench -p benches -- "prune 60,000"` measures it.
    ///
    /// # Errors
    /// [`MaskError::Empty`] without samples; [`MaskError::Samples`] for classes of other samples than the scores.
    pub fn choose(
        &self,
        layout: &Layout,
        scores: &[Vec<f64>],
        classes: &[Vec<usize>],
        seed: &Seed,
    ) -> Result<Mask, MaskError> {
        let samples: Vec<usize> = scores.iter().map(Vec::len).collect();
        if self.class_balance && !classes.iter().map(Vec::len).eq(samples.iter().copied()) {
            return Err(MaskError::Samples {
                found: format!("{} classes", classes.iter().flatten().count()),
                expected: format!("{} scores", scores.iter().flatten().count()),
            });
        }
        let mut random = ChaCha20Rng::from_seed(seed.0);
        let mut strata = self.strata(layout, scores, classes, &mut random);
        let all: usize = samples.iter().sum();
        let kept = self.kept(all);
        let share = kept as f64 / all.max(1) as f64;
        let mut owed = Owed::default();
        let quotas = self.quotas(&mut strata, kept, &mut owed, &mut random);
        // In random order, so that what rounding owes is not always made up for in the same rows.
        let mut order: Vec<(&mut Vec<Candidate>, Quota)> = strata.iter_mut().zip(quotas).collect();
        shuffle(&mut order, &mut random);
        let mut weights: Vec<Vec<f64>> = samples.iter().map(|&count| vec![0.0; count]).collect();
        for (stratum, quota) in order {
            self.weigh(stratum, quota, share, &mut owed, &mut random);
            for candidate in stratum.iter() {
                weights[candidate.batch as usize][candidate.sample as usize] = candidate.weight;
            }
        }
        let chosen = weights.iter().map(|weights| {
            let all = (0u32..).zip(weights);
            let kept = all.filter(|(_, weight)| **weight > 0.0);
            #[expect(
                clippy::cast_possible_truncation,
                reason = "weights of single precision"
            )]
            kept.map(|(sample, weight)| Kept {
                sample,
                weight: *weight as f32,
            })
            .collect()
        });
        Mask::new(samples, chosen.collect())
    }

    /// The samples among which there is one quota, in random order.
    fn strata(
        &self,
        layout: &Layout,
        scores: &[Vec<f64>],
        classes: &[Vec<usize>],
        random: &mut ChaCha20Rng,
    ) -> Vec<Vec<Candidate>> {
        let rows = match self.scope {
            Scope::Rows => layout.height(),
            Scope::Global => 1,
        };
        let mut strata: Vec<Vec<Candidate>> = vec![Vec::new(); rows];
        for (batch, scores) in (0u32..).zip(scores) {
            for (sample, score) in (0u32..).zip(scores) {
                let class = classes.get(batch as usize).filter(|_| self.class_balance);
                let class = class.and_then(|classes| classes.get(sample as usize));
                strata[sample as usize % rows].push(Candidate {
                    batch,
                    sample,
                    class: class.copied().unwrap_or(0),
                    // Not a number is no score.
                    score: score.max(0.0),
                    importance: 0.0,
                    weight: 0.0,
                });
            }
        }
        for stratum in &mut strata {
            shuffle(stratum, random);
        }
        strata
    }

    /// How many of each stratum are kept: as many of one as of any other that has them, but for one. Which strata keep one more
    /// is drawn by their importance under [`Rule::Importance`]; otherwise the rule chooses among the samples that would be the next
    /// ones of their stratum. So each sample has its turn, even where fewer are kept than there are strata.
    fn quotas(
        &self,
        strata: &mut [Vec<Candidate>],
        kept: usize,
        owed: &mut Owed,
        random: &mut ChaCha20Rng,
    ) -> Vec<Quota> {
        let (level, more) = quota::level(strata.iter().map(Vec::len), kept);
        let even = |stratum: &Vec<Candidate>| Quota {
            count: stratum.len().min(level),
            expected: stratum.len().min(level) as f64,
        };
        let mut quotas: Vec<Quota> = strata.iter().map(even).collect();
        let places = quotas.iter_mut().zip(strata.iter_mut());
        let mut larger: Vec<_> = places
            .filter(|(_, stratum)| stratum.len() > level)
            .collect();
        shuffle(&mut larger, random);
        if let Rule::Importance { floor } = self.rule {
            let masses = self.masses(larger.iter().map(|(_, stratum)| &stratum[..]), floor);
            for ((quota, _), drawn) in larger.into_iter().zip(draw(masses, more, random)) {
                quota.count += usize::from(drawn.is_picked);
                quota.expected += drawn.probability;
            }
            return quotas;
        }
        let next = |(_, stratum): &mut (_, &mut Vec<Candidate>)| match self.rule {
            // In random order they are, and stay.
            Rule::Random => stratum[level],
            _ => nth_highest(stratum, level),
        };
        let mut next: Vec<Candidate> = larger.iter_mut().map(next).collect();
        for (place, candidate) in (0u32..).zip(&mut next) {
            candidate.sample = place;
        }
        self.best(&mut next, more, owed, random);
        for candidate in next.iter().filter(|candidate| candidate.weight > 0.0) {
            larger[candidate.sample as usize].0.count += 1;
        }
        quotas
    }

    /// What speaks for keeping one more of each of these strata; with class balance, their sizes only.
    fn masses<'a>(
        &self,
        strata: impl Iterator<Item = &'a [Candidate]> + Clone,
        floor: f64,
    ) -> Vec<f64> {
        if self.class_balance {
            return strata.map(|stratum| stratum.len() as f64).collect();
        }
        let scores = strata.clone().flatten().map(|candidate| candidate.score);
        let mean = scores.sum::<f64>() / strata.clone().flatten().count().max(1) as f64;
        strata.map(|stratum| mass(stratum, mean, floor)).collect()
    }

    /// Gives weights to the candidates of a stratum that are kept, as many as its quota says, of a `share` of all.
    fn weigh(
        &self,
        stratum: &mut [Candidate],
        quota: Quota,
        share: f64,
        owed: &mut Owed,
        random: &mut ChaCha20Rng,
    ) {
        let sizes = if self.class_balance {
            sort_by_class(stratum)
        } else {
            vec![stratum.len()]
        };
        if let Rule::Importance { floor } = self.rule {
            set_importances(stratum, floor);
            // The expected weight of a sample is the share: its stratum gets its quota in `count/expected` of all draws.
            let scale = share * quota.count as f64 / quota.expected.max(f64::MIN_POSITIVE);
            keep_by_importance(stratum, quota.count, scale, random);
            return;
        }
        let quotas = owed.class_quotas(&sizes, quota.count);
        let mut rest = stratum;
        for (size, quota) in sizes.into_iter().zip(quotas) {
            let (of_class, after) = rest.split_at_mut(size);
            self.best(of_class, quota, owed, random);
            rest = after;
        }
    }

    /// Gives the weight one to `quota` candidates, which are in random order.
    fn best(
        &self,
        candidates: &mut [Candidate],
        quota: usize,
        owed: &mut Owed,
        random: &mut ChaCha20Rng,
    ) {
        let keep = |candidates: &mut [Candidate]| {
            for candidate in candidates {
                candidate.weight = 1.0;
            }
        };
        let all = candidates.len();
        match self.rule {
            // The latter have probabilities; see `keep_by_importance`.
            Rule::Random | Rule::Importance { .. } => keep(&mut candidates[..quota]),
            Rule::Hardest => keep(highest(candidates, quota)),
            Rule::Window { skip } => {
                let skip = owed.part(skip.clamp(0.0, 1.0) * all as f64);
                let skip = skip.min(all - quota);
                let window = highest(candidates, skip + quota);
                let passed_over = highest(window, skip).len();
                keep(&mut window[passed_over..]);
            }
            Rule::Mixed => {
                let hardest = owed.part(quota as f64 / 2.0);
                keep(highest(candidates, hardest));
                let rest = &mut candidates[hardest..];
                // Selecting has sorted them a little.
                shuffle(rest, random);
                keep(&mut rest[..quota - hardest]);
            }
        }
    }
}

/// How many candidates of a stratum are kept.
#[derive(Clone, Copy, Debug)]
struct Quota {
    count: usize,
    /// The mean of it over all draws.
    expected: f64,
}

//! Which samples to keep, by their scores in the clear. The owner does this.

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::importance::by_importance;
use super::quota::{class_quotas, fill};
use super::{Kept, Mask, MaskError, Scope};
use crate::circuits::packing::Layout;
use crate::ring::sampling::Seed;
use crate::train::below;

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

    /// Chooses by scores (for each batch those of its samples; a negative score or none counts as zero) and classes, which
    /// matter for class balance only. The draws of random rules come from `seed`; ties are broken by it too.
    ///
    /// # Cost
    /// `O(samples)`; `cargo bench -p benches -- "prune 60,000"` measures it.
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
        let kept = self.kept(samples.iter().sum());
        let quotas = fill(strata.iter().map(Vec::len), kept);
        let share = kept as f64 / samples.iter().sum::<usize>().max(1) as f64;
        let mut chosen: Vec<Vec<Kept>> = vec![Vec::new(); samples.len()];
        let mut owed = Vec::new();
        for (stratum, quota) in strata.iter_mut().zip(quotas) {
            self.weigh_stratum(stratum, quota, share, &mut owed, &mut random);
            for candidate in stratum.iter().filter(|candidate| candidate.weight > 0.0) {
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "weights of single precision"
                )]
                chosen[candidate.batch as usize].push(Kept {
                    sample: candidate.sample,
                    weight: candidate.weight as f32,
                });
            }
        }
        for kept in &mut chosen {
            kept.sort_unstable_by_key(|kept| kept.sample);
        }
        Mask::new(samples, chosen)
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
                    weight: 0.0,
                });
            }
        }
        for stratum in &mut strata {
            shuffle(stratum, random);
        }
        strata
    }

    /// Gives weights to `quota` candidates of a stratum. `owed` is what rounding has kept from each class so far.
    fn weigh_stratum(
        &self,
        stratum: &mut [Candidate],
        quota: usize,
        share: f64,
        owed: &mut Vec<f64>,
        random: &mut ChaCha20Rng,
    ) {
        if let Rule::Importance { floor } = self.rule {
            by_importance(stratum, quota, share, floor, self.class_balance, random);
            return;
        }
        if !self.class_balance {
            self.best(stratum, quota, random);
            return;
        }
        stratum.sort_by_key(|candidate| candidate.class);
        let sizes = class_sizes(stratum);
        let quotas = class_quotas(&sizes, quota, owed);
        let mut rest = stratum;
        for (size, quota) in sizes.into_iter().zip(quotas) {
            let (of_class, after) = rest.split_at_mut(size);
            self.best(of_class, quota, random);
            rest = after;
        }
    }

    /// Gives the weight one to `quota` candidates, which are in random order.
    fn best(&self, candidates: &mut [Candidate], quota: usize, random: &mut ChaCha20Rng) {
        let keep = |candidates: &mut [Candidate]| {
            for candidate in candidates {
                candidate.weight = 1.0;
            }
        };
        let all = candidates.len();
        match self.rule {
            // The others have probabilities; see `by_importance`.
            Rule::Random | Rule::Importance { .. } => keep(&mut candidates[..quota]),
            Rule::Hardest => keep(highest(candidates, quota)),
            Rule::Window { skip } => {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "between 0 and a number that was a usize"
                )]
                let skip = (skip.clamp(0.0, 1.0) * all as f64).round() as usize;
                let skip = skip.min(all - quota);
                let window = highest(candidates, skip + quota);
                let passed_over = highest(window, skip).len();
                keep(&mut window[passed_over..]);
            }
            Rule::Mixed => {
                let hardest = quota.div_ceil(2);
                keep(highest(candidates, hardest));
                let rest = &mut candidates[hardest..];
                // Selecting has sorted them a little.
                shuffle(rest, random);
                keep(&mut rest[..quota - hardest]);
            }
        }
    }
}

/// A sample that may be kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    batch: u32,
    sample: u32,
    pub(super) class: usize,
    pub(super) score: f64,
    /// Zero until it is kept.
    pub(super) weight: f64,
}

/// Puts those with the `count` highest scores in front.
fn highest(candidates: &mut [Candidate], count: usize) -> &mut [Candidate] {
    if (1..candidates.len()).contains(&count) {
        candidates.select_nth_unstable_by(count - 1, |a, b| b.score.total_cmp(&a.score));
    }
    &mut candidates[..count]
}

/// A random order, by Fisher and Yates.
fn shuffle(candidates: &mut [Candidate], random: &mut ChaCha20Rng) {
    for last in (1..candidates.len()).rev() {
        candidates.swap(last, below(random, last + 1));
    }
}

/// Candidates of each class, of candidates in the order of their classes.
fn class_sizes(candidates: &[Candidate]) -> Vec<usize> {
    let mut sizes = vec![0; candidates.last().map_or(0, |last| last.class + 1)];
    for candidate in candidates {
        sizes[candidate.class] += 1;
    }
    sizes
}

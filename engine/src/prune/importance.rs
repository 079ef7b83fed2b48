//! Importance sampling: how likely a sample is kept, and a draw with just those probabilities.

use rand_chacha::ChaCha20Rng;
use rand_core::Rng;

use super::select::Candidate;

/// The gaps between importances are factors of `2^(1/STEPS)`.
const STEPS: f64 = 2.0;

/// Keeps `quota` candidates, which are in random order, each with a probability `p` proportional to its importance, and gives
/// those the weight `share/p`.
///
/// The draw is systematic (Madow, 1949): one random offset picks along the running sum of the probabilities, so that exactly
/// `quota` candidates are picked and each with exactly its probability. With `balanced` classes, importances are compared
/// within a class, and the draw runs through class after class, so that each gets its share but for one.
pub(super) fn by_importance(
    candidates: &mut [Candidate],
    quota: usize,
    share: f64,
    floor: f64,
    balanced: bool,
    random: &mut ChaCha20Rng,
) {
    if balanced {
        candidates.sort_by_key(|candidate| candidate.class);
    }
    let classes = candidates
        .iter()
        .map(|c| c.class)
        .max()
        .map_or(0, |last| last + 1);
    let mut sums = vec![(0.0, 0usize); classes];
    for candidate in candidates.iter() {
        let (sum, count) = &mut sums[candidate.class];
        *sum += candidate.score;
        *count += 1;
    }
    let mut importances: Vec<f64> = candidates
        .iter()
        .map(|candidate| {
            let (sum, count) = sums[candidate.class];
            let mean = sum / count.max(1) as f64;
            // Where nothing has a score, nothing is more important.
            let relative = if mean > 0.0 {
                candidate.score / mean
            } else {
                1.0
            };
            coarse((relative + floor) / (1.0 + floor))
        })
        .collect();
    // In probabilities that add up to the quota, one at most.
    let (mut left, mut certain) = (quota, vec![false; candidates.len()]);
    loop {
        let sum: f64 = unsettled(&importances, &certain).map(|(_, x)| x).sum();
        let factor = left as f64 / sum;
        let full: Vec<usize> = unsettled(&importances, &certain)
            .filter(|(_, x)| x * factor >= 1.0)
            .map(|(index, _)| index)
            .collect();
        if full.is_empty() || left == 0 {
            for (importance, _) in importances.iter_mut().zip(&certain).filter(|(_, c)| !**c) {
                *importance *= factor;
            }
            break;
        }
        // Rounding must not make more of them certain than there is room for.
        for index in full.into_iter().take(left) {
            (importances[index], certain[index]) = (1.0, true);
            left -= 1;
        }
    }
    let total: f64 = unsettled(&importances, &certain).map(|(_, p)| p).sum();
    let offset = f64::from(random.next_u32()) / (f64::from(u32::MAX) + 1.0);
    let (mut sum, mut picked) = (offset, 0usize);
    for (index, candidate) in candidates.iter_mut().enumerate() {
        let probability = importances[index];
        if !certain[index] {
            sum += probability / total.max(f64::MIN_POSITIVE) * left as f64;
            if picked >= left || sum < (picked + 1) as f64 {
                continue;
            }
            picked += 1;
        }
        candidate.weight = share / probability;
    }
    // The last running sum is the quota but for a rounding.
    let missing = left - picked;
    let rest = candidates.iter_mut().zip(&importances).rev();
    for (candidate, probability) in rest.filter(|(c, _)| c.weight <= 0.0).take(missing) {
        candidate.weight = share / probability;
    }
}

/// The nearest power of `2^(1/STEPS)`.
///
/// # Range
/// `x` above zero.
fn coarse(x: f64) -> f64 {
    ((x.log2() * STEPS).round() / STEPS).exp2()
}

/// Those of which it is not yet certain that they are kept, with their index.
fn unsettled<'a>(
    values: &'a [f64],
    certain: &'a [bool],
) -> impl Iterator<Item = (usize, f64)> + 'a {
    let all = values.iter().copied().enumerate().zip(certain);
    all.filter(|(_, certain)| !**certain)
        .map(|(value, _)| value)
}

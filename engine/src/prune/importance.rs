//! Importance sampling: how likely a sample is kept, and a draw with just those probabilities.

use rand_chacha::ChaCha20Rng;
use rand_core::Rng;

use super::candidate::Candidate;

/// The gaps between importances are factors of `2^(1/STEPS)`.
const STEPS: f64 = 2.0;

/// Gives each candidate of a stratum the importance `score/mean + floor`, coarse, with the mean of the scores of its class there.
pub(super) fn set_importances(stratum: &mut [Candidate], floor: f64) {
    let mut sums: Vec<(f64, usize)> = Vec::new();
    for candidate in stratum.iter() {
        sums.resize(sums.len().max(candidate.class + 1), (0.0, 0));
        let (sum, count) = &mut sums[candidate.class];
        *sum += candidate.score;
        *count += 1;
    }
    for candidate in stratum {
        let (sum, count) = sums[candidate.class];
        let mean = sum / count as f64;
        candidate.importance = coarse(importance(candidate.score, mean, floor));
    }
}

/// What speaks for a stratum, coarse: the sum of the importances of its candidates relative to the mean score of all.
pub(super) fn mass(stratum: &[Candidate], mean: f64, floor: f64) -> f64 {
    let importances = stratum.iter().map(|c| importance(c.score, mean, floor));
    coarse(importances.sum())
}

/// One for the mean score; where nothing has a score, nothing is more important.
fn importance(score: f64, mean: f64, floor: f64) -> f64 {
    let relative = if mean > 0.0 { score / mean } else { 1.0 };
    (relative + floor) / (1.0 + floor)
}

/// Keeps `quota` candidates by their importance, and gives those the weight `scale/p` for a probability `p`.
pub(super) fn keep_by_importance(
    candidates: &mut [Candidate],
    quota: usize,
    scale: f64,
    random: &mut ChaCha20Rng,
) {
    let importances = candidates.iter().map(|candidate| candidate.importance);
    let draws = draw(importances.collect(), quota, random);
    for (candidate, draw) in candidates.iter_mut().zip(draws) {
        if draw.is_picked {
            candidate.weight = scale / draw.probability;
        }
    }
}

/// What a draw says of one of its values.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draw {
    pub(super) is_picked: bool,
    /// Of being picked, before it was drawn.
    pub(super) probability: f64,
}

/// Picks exactly `count` values, each with a probability proportional to it, one at most.
///
/// The draw is systematic (Madow, 1949): one random offset picks along the running sum of the probabilities, so that neighbours are
/// picked together as rarely as can be.
///
/// # Range
/// Values above zero, `count` of them at least.
pub(super) fn draw(values: Vec<f64>, count: usize, random: &mut ChaCha20Rng) -> Vec<Draw> {
    let mut draws: Vec<Draw> = values
        .into_iter()
        .map(|value| Draw {
            is_picked: false,
            probability: value,
        })
        .collect();
    // In probabilities that add up to the count, one at most: those that are picked from the start have one.
    let mut left = count;
    loop {
        let sum: f64 = open(&mut draws).map(|draw| draw.probability).sum();
        let factor = left as f64 / sum.max(f64::MIN_POSITIVE);
        // Rounding must not make more of them certain than there is room for.
        let full = open(&mut draws).filter(|draw| draw.probability * factor >= 1.0);
        let mut more = 0;
        for draw in full.take(left) {
            (draw.is_picked, draw.probability) = (true, 1.0);
            more += 1;
        }
        left -= more;
        if more == 0 {
            open(&mut draws).for_each(|draw| draw.probability *= factor);
            break;
        }
    }
    let total: f64 = open(&mut draws).map(|draw| draw.probability).sum();
    let offset = f64::from(random.next_u32()) / (f64::from(u32::MAX) + 1.0);
    let (mut sum, mut picked) = (offset, 0usize);
    for draw in open(&mut draws) {
        sum += draw.probability / total.max(f64::MIN_POSITIVE) * left as f64;
        if picked < left && sum >= (picked + 1) as f64 {
            draw.is_picked = true;
            picked += 1;
        }
    }
    // The last running sum is the count but for a rounding.
    for draw in open(&mut draws).rev().take(left - picked) {
        draw.is_picked = true;
    }
    draws
}

/// Those that are not picked yet.
fn open(draws: &mut [Draw]) -> impl DoubleEndedIterator<Item = &mut Draw> {
    draws.iter_mut().filter(|draw| !draw.is_picked)
}

/// The nearest power of `2^(1/STEPS)`.
///
/// # Range
/// `x` above zero.
fn coarse(x: f64) -> f64 {
    ((x.log2() * STEPS).round() / STEPS).exp2()
}

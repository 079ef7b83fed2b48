//! Samples that may be kept.

use rand_chacha::ChaCha20Rng;

use crate::train::below;

/// A sample that may be kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub(super) batch: u32,
    pub(super) sample: u32,
    pub(super) class: usize,
    pub(super) score: f64,
    /// How likely it is to be kept, relative to others; see [`set_importances`](super::importance::set_importances).
    pub(super) importance: f64,
    /// Zero until it is kept.
    pub(super) weight: f64,
}

/// Puts those with the `count` highest scores in front.
pub(super) fn highest(candidates: &mut [Candidate], count: usize) -> &mut [Candidate] {
    if (1..candidates.len()).contains(&count) {
        candidates.select_nth_unstable_by(count - 1, |a, b| b.score.total_cmp(&a.score));
    }
    &mut candidates[..count]
}

/// The one whose score is the highest but for so many.
///
/// # Range
/// There are more.
pub(super) fn nth_highest(candidates: &mut [Candidate], above: usize) -> Candidate {
    let by_score = |a: &Candidate, b: &Candidate| b.score.total_cmp(&a.score);
    *candidates.select_nth_unstable_by(above, by_score).1
}

/// A random order, by Fisher and Yates.
pub(super) fn shuffle<T>(items: &mut [T], random: &mut ChaCha20Rng) {
    for last in (1..items.len()).rev() {
        items.swap(last, below(random, last + 1));
    }
}

/// Puts candidates in the order of their classes, within a class in the order they had; how many there are of each class.
pub(super) fn sort_by_class(candidates: &mut [Candidate]) -> Vec<usize> {
    let classes = candidates.iter().map(|candidate| candidate.class + 1);
    let mut sizes = vec![0; classes.max().unwrap_or(0)];
    for candidate in candidates.iter() {
        sizes[candidate.class] += 1;
    }
    let mut next: Vec<usize> = sizes
        .iter()
        .scan(0, |sum, size| {
            *sum += size;
            Some(*sum - size)
        })
        .collect();
    let unsorted = candidates.to_vec();
    for candidate in unsorted {
        candidates[next[candidate.class]] = candidate;
        next[candidate.class] += 1;
    }
    sizes
}

//! Rows set aside, and rows in random order: both functions of a seed alone, the same on every machine.

use std::collections::BTreeMap;

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use super::DataError;

/// The seed of the parts that a file leaves out, where the caller has no other wish.
pub const DEFAULT_SEED: u64 = 0;

/// The streams of [`permutation`] that [`DataSet`](super::DataSet) splits with; epochs count from 0.
pub(super) const TEST_STREAM: u64 = u64::MAX;
/// See [`TEST_STREAM`].
pub(super) const VALIDATION_STREAM: u64 = u64::MAX - 1;

/// A fraction `part / of` of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Numerator, at most `of`.
    pub part: usize,
    /// Denominator, at least 1.
    pub of: usize,
}

/// A fifth of the rows is for the test, where a file has no test part.
pub const TEST_SHARE: Share = Share { part: 1, of: 5 };
/// An eighth of what then remains is for validation, where a file has no validation part.
pub const VALIDATION_SHARE: Share = Share { part: 1, of: 8 };

impl Share {
    /// `part / of * rows` to the nearest integer, at most `rows`.
    #[must_use]
    pub fn rows(self, rows: usize) -> usize {
        let (part, of, n) = (self.part as u128, self.of.max(1) as u128, rows as u128);
        usize::try_from((2 * n * part + of) / (2 * of)).map_or(rows, |share| share.min(rows))
    }
}

/// Rows that stay and rows that are set aside, each in ascending order; together every row once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// Rows that stay.
    pub kept: Vec<usize>,
    /// Rows that are set aside.
    pub aside: Vec<usize>,
}

/// Sets a share of the rows aside, the same share of every class.
///
/// With `n_c` rows of class `c` and `N_c = n_0 + ... + n_c`, class `c` gives `share(N_c) - share(N_(c-1))` rows: within one of
/// its exact share, while the total is the exact one. No class gives its last row, so the total may fall short by one for each
/// class of a single row; if it falls to none, the first of the most frequent classes gives one row.
///
/// # Errors
/// [`DataError::TooFewRows`] if no class has two rows; it names `place` and `part`.
pub fn stratified(
    place: &str,
    part: &'static str,
    labels: &[u16],
    share: Share,
    seed: u64,
    stream: u64,
) -> Result<Split, DataError> {
    let mut counts: BTreeMap<u16, usize> = BTreeMap::new();
    for &label in labels {
        *counts.entry(label).or_default() += 1;
    }
    let mut quota: BTreeMap<u16, usize> = BTreeMap::new();
    let mut seen = 0;
    for (&class, &count) in &counts {
        let exact = share.rows(seen + count) - share.rows(seen);
        quota.insert(class, exact.min(count - 1));
        seen += count;
    }
    if quota.values().all(|&rows| rows == 0) {
        let most = counts.iter().rev().max_by_key(|&(_, &count)| count);
        match most {
            Some((&class, &count)) if count >= 2 => quota.insert(class, 1),
            _ => {
                return Err(DataError::TooFewRows {
                    place: place.to_owned(),
                    part,
                    rows: labels.len(),
                });
            }
        };
    }
    let mut split = Split {
        kept: Vec::with_capacity(labels.len()),
        aside: Vec::new(),
    };
    for row in permutation(labels.len(), seed, stream) {
        match quota.get_mut(&labels[row]) {
            Some(left) if *left > 0 => {
                *left -= 1;
                split.aside.push(row);
            }
            _ => split.kept.push(row),
        }
    }
    split.kept.sort_unstable();
    split.aside.sort_unstable();
    Ok(split)
}

/// A uniformly random order of `0..rows`: ChaCha8 keyed by `seed`, on its stream `stream` (an epoch, say).
///
/// Fisher-Yates from the last position down. Not for secrets: the key has 64 bits and is chosen by whoever runs the job.
#[must_use]
pub fn permutation(rows: usize, seed: u64, stream: u64) -> Vec<usize> {
    let mut rng = seeded(seed, stream);
    let mut order: Vec<usize> = (0..rows).collect();
    for last in (1..rows).rev() {
        order.swap(last, below(&mut rng, last + 1));
    }
    order
}

/// ChaCha8 with the key `seed`, little-endian, then zeros.
pub(super) fn seeded(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    let mut rng = ChaCha8Rng::from_seed(key);
    rng.set_stream(stream);
    rng
}

/// Uniform in `[0, bound)` for `bound >= 1`.
///
/// The high word of a 64-bit draw times `bound`; draws whose low word is below `2^64 mod bound` are repeated, so that every
/// result has equally many (Lemire, ACM TOMACS 29(1), 2019, section 4).
fn below(rng: &mut impl Rng, bound: usize) -> usize {
    debug_assert!(bound >= 1);
    let bound = bound as u64;
    let surplus = bound.wrapping_neg() % bound;
    loop {
        let product = u128::from(rng.next_u64()) * u128::from(bound);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the low and the high word are taken apart; the high one is below `bound`, a usize"
        )]
        let (low, high) = (product as u64, (product >> 64) as usize);
        if low >= surplus {
            return high;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_permutation_is_fixed_by_seed_and_stream() {
        let order = permutation(10, 7, 3);
        assert_eq!(order, permutation(10, 7, 3));
        assert_ne!(order, permutation(10, 8, 3));
        assert_ne!(order, permutation(10, 7, 4));
        assert!(permutation(0, 7, 3).is_empty());
        assert_eq!(permutation(1, 7, 3), [0]);
    }

    #[test]
    fn all_orders_of_three_are_equally_frequent() {
        let mut count = BTreeMap::new();
        for stream in 0..6000 {
            *count.entry(permutation(3, 1, stream)).or_insert(0) += 1;
        }
        assert_eq!(count.len(), 6);
        // 1000 expected, standard deviation sqrt(6000 * 1/6 * 5/6) = 29; five of them.
        assert!(
            count.values().all(|&n: &i32| (n - 1000).abs() < 145),
            "{count:?}"
        );
    }

    #[test]
    fn every_class_gives_its_share() {
        let labels: Vec<u16> = (0..1000).map(|i| u16::from(i % 10 < 3)).collect();
        let split = stratified("t", "test", &labels, TEST_SHARE, 5, TEST_STREAM).unwrap();
        assert_eq!((split.kept.len(), split.aside.len()), (800, 200));
        assert_eq!(split.aside.iter().filter(|&&i| labels[i] == 1).count(), 60);
    }

    #[test]
    fn a_class_keeps_its_last_row() {
        let split = stratified("t", "test", &[0, 1, 2, 2], TEST_SHARE, 0, 0).unwrap();
        assert_eq!(split.kept.len(), 3);
        assert!(split.aside == [2] || split.aside == [3]);
        let error = stratified("t", "test", &[0, 1, 2], TEST_SHARE, 0, 0).unwrap_err();
        assert_eq!(
            error.to_string(),
            "t: 3 rows are too few to set some aside for the test part"
        );
    }

    proptest! {
        #[test]
        fn a_split_is_a_partition(
            labels in prop::collection::vec(0u16..6, 2..200),
            seed in any::<u64>(),
            of in 1usize..20,
        ) {
            let share = Share { part: 1, of };
            if let Ok(Split { kept, aside }) = stratified("t", "test", &labels, share, seed, 0) {
                let mut all = [kept.clone(), aside.clone()].concat();
                all.sort_unstable();
                prop_assert_eq!(all, (0..labels.len()).collect::<Vec<_>>());
                prop_assert!(!aside.is_empty());
                for &row in &aside {
                    prop_assert!(kept.iter().any(|&other| labels[other] == labels[row]));
                }
            }
        }

        #[test]
        fn a_permutation_has_every_row_once(rows in 0usize..300, seed in any::<u64>(), stream in any::<u64>()) {
            let mut order = permutation(rows, seed, stream);
            order.sort_unstable();
            prop_assert_eq!(order, (0..rows).collect::<Vec<_>>());
        }
    }
}

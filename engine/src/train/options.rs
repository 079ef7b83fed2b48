//! What a user may choose.

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

/// Hyperparameters of a training.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainOptions {
    /// `alpha`: what the mean gradient of a batch is multiplied by.
    pub learning_rate: f64,
    /// Samples of a batch, at most.
    pub batch: usize,
    /// How often each sample is used.
    pub epochs: usize,
    /// Fixes the order of the samples.
    pub seed: u64,
}

impl TrainOptions {
    /// The samples of each batch of an epoch, in an order that the seed fixes. It is the same in all epochs, because the
    /// batches are encrypted once. Their sizes differ by one at most: a short last batch would be a noisy step.
    #[must_use]
    pub fn batches(&self, samples: usize) -> Vec<Vec<usize>> {
        self.in_batches(samples, samples.div_ceil(self.batch.max(1)))
    }

    /// The same for a number of batches that is known, whatever the largest batch was.
    #[must_use]
    pub fn in_batches(&self, samples: usize, count: usize) -> Vec<Vec<usize>> {
        let mut order: Vec<usize> = (0..samples).collect();
        let mut random = ChaCha20Rng::seed_from_u64(self.seed);
        for last in (1..samples).rev() {
            order.swap(last, below(&mut random, last + 1));
        }
        let bounds = |index: usize| index * samples / count..(index + 1) * samples / count;
        (0..count)
            .map(|index| order[bounds(index)].to_vec())
            .collect()
    }
}

/// Uniform in `[0, bound)`, by rejection.
pub(crate) fn below(random: &mut ChaCha20Rng, bound: usize) -> usize {
    let bound = bound as u64;
    let largest = u64::MAX - u64::MAX % bound;
    loop {
        let word = random.next_u64();
        if word < largest {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "below a number that was a usize"
            )]
            return (word % bound) as usize;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_even_and_cover_every_sample_once() {
        let options = TrainOptions {
            learning_rate: 1.0,
            batch: 1024,
            epochs: 1,
            seed: 7,
        };
        let batches = options.batches(1257);
        assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [628, 629]);
        let mut all = batches.concat();
        assert_ne!(all[..8], [0, 1, 2, 3, 4, 5, 6, 7]);
        all.sort_unstable();
        assert!(all.into_iter().eq(0..1257));
        assert_eq!(options.batches(1257), batches);
        assert_ne!(TrainOptions { seed: 8, ..options }.batches(1257), batches);
        assert!(options.batches(0).is_empty());
    }
}

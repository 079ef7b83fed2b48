//! Scores of encrypted samples: how much there is to learn from each.

use num_complex::Complex64;

use super::sign::published_sign;
use crate::circuits::Polynomial;
use crate::circuits::activation::Approximation;
use crate::circuits::packing::{Layout, PackingError};

/// What samples are chosen by. All but the random one stand for `sum over the classes of |p_j - y_j|` of the probabilities `p` that
/// the model gives a sample with the one-hot label `y`. For a softmax that is `2(1 - p_y)`, between 0 and 2. One class against
/// all others, probabilities do not add up to one: the sum is up to the number of classes, and `2(1 - p_y)` is another score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Score {
    /// `2(1 - p_y)` in the clear: the server sends logits, the owner knows the rest. Neither activation nor refresh, and the
    /// forward pass runs on the lowest levels.
    LogitMargin,
    /// `2(1 - p_y)` on ciphertexts: a product and a sum over classes behind the probabilities.
    Hefs,
    /// `sum of |p_j - y_j|` on ciphertexts as HEPrune published it, where a composed polynomial takes the place of the sign: off
    /// by up to 0.008 a class and meaningless where a probability leaves `[0, 1]` by 0.02.
    HefsAbs,
    /// None: any sample is as good as any other, and nothing is sent.
    Random,
}

impl Score {
    /// Every score.
    pub const ALL: [Self; 4] = [Self::LogitMargin, Self::Hefs, Self::HefsAbs, Self::Random];

    /// The name, as people write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::LogitMargin => "logit-margin",
            Self::Hefs => "hefs",
            Self::HefsAbs => "hefs-abs",
            Self::Random => "random",
        }
    }

    /// Levels behind the probabilities: the score, and its packing.
    #[must_use]
    pub fn depth(self) -> usize {
        match self {
            Self::LogitMargin | Self::Random => 0,
            Self::Hefs => 2,
            Self::HefsAbs => {
                let parts = published_sign();
                let sign = parts.iter().map(|part| Polynomial::from(part).depth());
                sign.sum::<usize>() + 2
            }
        }
    }

    /// Ciphertexts that so many batches of scores are sent in: logits fill one for each batch; a score is the same in all
    /// slots of a sample, so as many batches share one as there are classes, padding included.
    #[must_use]
    pub fn vectors(self, layout: &Layout, batches: usize) -> usize {
        match self {
            Self::Random => 0,
            Self::LogitMargin => batches,
            Self::Hefs | Self::HefsAbs => batches.div_ceil(layout.padded_classes()),
        }
    }

    /// A size that no value of the message has unless training diverged: twice the largest logit, scaled, that the activation
    /// holds for; twice the highest score.
    #[must_use]
    pub fn message_bound<A: Approximation>(self, activation: &A, classes: usize) -> f64 {
        let highest = match self {
            Self::LogitMargin => activation.range() * activation.input_scale(),
            Self::Hefs | Self::Random => 2.0,
            Self::HefsAbs => classes.max(2) as f64,
        };
        2.0 * highest
    }
}

/// `2(1 - p_y)` of a sample from its logits.
#[must_use]
pub fn clear_score<A: Approximation>(activation: &A, logits: &[f64], label: usize) -> f64 {
    let mut probabilities = logits.to_vec();
    activation.exact(&mut probabilities);
    2.0 * (1.0 - probabilities.get(label).copied().unwrap_or(0.0))
}

/// The scores of so many samples in each batch, from the decrypted vectors of [`Scorer::pack`](super::Scorer::pack). Classes
/// matter where logits were sent.
///
/// # Errors
/// [`PackingError::Shape`] for another number of vectors, slots or classes.
pub fn read_scores<A: Approximation>(
    score: Score,
    layout: &Layout,
    activation: &A,
    vectors: &[Vec<Complex64>],
    samples: &[usize],
    classes: &[Vec<usize>],
) -> Result<Vec<Vec<f64>>, PackingError> {
    let check = |what, found, expected| {
        if found == expected {
            Ok(())
        } else {
            Err(PackingError::Shape {
                what,
                found,
                expected,
            })
        }
    };
    let expected = score.vectors(layout, samples.len());
    check("score vectors", vectors.len(), expected)?;
    for vector in vectors {
        check("slots of scores", vector.len(), layout.slots())?;
    }
    match score {
        Score::Random => Ok(samples.iter().map(|&samples| vec![0.0; samples]).collect()),
        Score::Hefs | Score::HefsAbs => {
            let packed = layout.padded_classes();
            let batch = |(batch, &samples): (usize, &usize)| {
                let (vector, first) = (&vectors[batch / packed], batch % packed);
                let score = |sample: usize| {
                    let column = layout.class_columns() * first + sample / layout.height();
                    vector[layout.slot(sample % layout.height(), column)].re
                };
                (0..samples).map(score).collect()
            };
            Ok(samples.iter().enumerate().map(batch).collect())
        }
        Score::LogitMargin => {
            check("batches of classes", classes.len(), samples.len())?;
            let mut all = Vec::with_capacity(samples.len());
            for ((vector, &samples), classes) in vectors.iter().zip(samples).zip(classes) {
                check("classes of samples", classes.len(), samples)?;
                let scaled = layout.unpack_columns(vector, samples)?;
                let logits = scaled.chunks_exact(layout.classes()).map(|scaled| {
                    let unscaled = scaled.iter().map(|x| x / activation.input_scale());
                    unscaled.collect::<Vec<f64>>()
                });
                let scores = logits.zip(classes);
                all.push(
                    scores
                        .map(|(logits, &class)| clear_score(activation, &logits, class))
                        .collect(),
                );
            }
            Ok(all)
        }
    }
}

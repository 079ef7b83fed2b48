//! The owner's answer: which samples are kept.

/// A sample that is kept.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// Its index in its batch.
    pub sample: u32,
    /// What its gradient is multiplied by.
    pub weight: f32,
}

/// The kept samples of all batches. Public to both parties.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Mask {
    /// Samples of each batch.
    samples: Vec<usize>,
    /// For each batch the kept ones, by index.
    kept: Vec<Vec<Kept>>,
}

/// A mask as it is read, before it is believed.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    samples: Vec<usize>,
    kept: Vec<Vec<Kept>>,
}

impl TryFrom<Unchecked> for Mask {
    type Error = MaskError;

    fn try_from(read: Unchecked) -> Result<Self, MaskError> {
        Self::new(read.samples, read.kept)
    }
}

/// Why a mask is none.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MaskError {
    /// No sample is left.
    #[error("the mask keeps no sample; keep a larger fraction")]
    Empty,
    /// Another number of batches, or of samples in one.
    #[error(
        "the mask is of {found}, the training set of {expected}; choose it from the scores of this training set"
    )]
    Samples {
        /// In the mask.
        found: String,
        /// In the data.
        expected: String,
    },
    /// A sample that is not there, or there twice.
    #[error(
        "the mask of batch {batch} has sample {sample} out of order, twice, or beyond the {samples} there are"
    )]
    Order {
        /// The batch.
        batch: usize,
        /// The sample.
        sample: u32,
        /// Samples of the batch.
        samples: usize,
    },
    /// A weight that is no weight.
    #[error(
        "the mask of batch {batch} gives sample {sample} the weight {weight}; weights are above 0 and at most {largest}"
    )]
    Weight {
        /// The batch.
        batch: usize,
        /// The sample.
        sample: u32,
        /// The weight.
        weight: f32,
        /// The largest there may be.
        largest: f32,
    },
}

/// The largest weight: residuals are multiplied by it, and stay small.
const MAX_WEIGHT: f32 = 1024.0;
/// Bytes of a weight in a message.
const WEIGHT_BYTES: usize = 4;

impl Mask {
    /// Of batches of so many samples.
    ///
    /// # Errors
    /// [`MaskError`] for samples out of order, twice or beyond their batch, weights that are none, and an empty mask.
    pub fn new(samples: Vec<usize>, kept: Vec<Vec<Kept>>) -> Result<Self, MaskError> {
        if samples.len() != kept.len() {
            return Err(MaskError::Samples {
                found: format!("{} batches", kept.len()),
                expected: format!("{} batches", samples.len()),
            });
        }
        for (batch, (kept, &samples)) in kept.iter().zip(&samples).enumerate() {
            let mut next = 0;
            for &Kept { sample, weight } in kept {
                if sample < next || sample as usize >= samples {
                    return Err(MaskError::Order {
                        batch,
                        sample,
                        samples,
                    });
                }
                if !(weight > 0.0 && weight <= MAX_WEIGHT) {
                    return Err(MaskError::Weight {
                        batch,
                        sample,
                        weight,
                        largest: MAX_WEIGHT,
                    });
                }
                next = sample + 1;
            }
        }
        if kept.iter().all(Vec::is_empty) {
            return Err(MaskError::Empty);
        }
        Ok(Self { samples, kept })
    }

    /// Checks that it is for batches of so many samples.
    ///
    /// # Errors
    /// [`MaskError::Samples`].
    pub fn check(&self, samples: &[usize]) -> Result<(), MaskError> {
        if self.samples == samples {
            return Ok(());
        }
        let text = |samples: &[usize]| {
            format!(
                "{} samples in {} batches",
                samples.iter().sum::<usize>(),
                samples.len()
            )
        };
        Err(MaskError::Samples {
            found: text(&self.samples),
            expected: text(samples),
        })
    }

    /// Samples of each batch, kept or not.
    #[must_use]
    pub fn samples(&self) -> &[usize] {
        &self.samples
    }

    /// For each batch the kept samples, by index.
    #[must_use]
    pub fn kept(&self) -> &[Vec<Kept>] {
        &self.kept
    }

    /// Kept samples of all batches.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kept.iter().map(Vec::len).sum()
    }

    /// Never: a mask keeps something.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        false
    }

    /// The share of all samples that is kept.
    #[must_use]
    pub fn fraction(&self) -> f64 {
        self.len() as f64 / self.samples.iter().sum::<usize>().max(1) as f64
    }

    /// Whether any weight is not one.
    #[must_use]
    pub fn is_weighted(&self) -> bool {
        let mut all = self.kept.iter().flatten();
        all.any(|kept| kept.weight.to_bits() != 1f32.to_bits())
    }

    /// A bit for each sample of each batch, batch by batch in whole bytes, the first sample in the lowest bit.
    #[must_use]
    pub fn bits(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (kept, &samples) in self.kept.iter().zip(&self.samples) {
            let mut of_batch = vec![0; samples.div_ceil(8)];
            for kept in kept {
                of_batch[kept.sample as usize / 8] |= 1 << (kept.sample % 8);
            }
            bytes.extend(of_batch);
        }
        bytes
    }

    /// The weights of the kept samples in order; none if all are one.
    #[must_use]
    pub fn weights(&self) -> Vec<f32> {
        if !self.is_weighted() {
            return Vec::new();
        }
        self.kept.iter().flatten().map(|kept| kept.weight).collect()
    }

    /// The mask of what [`bits`](Self::bits) and [`weights`](Self::weights) gave.
    ///
    /// # Errors
    /// [`MaskError`].
    pub fn from_parts(
        samples: Vec<usize>,
        bits: &[u8],
        weights: &[f32],
    ) -> Result<Self, MaskError> {
        let expected: usize = samples.iter().map(|samples| samples.div_ceil(8)).sum();
        if bits.len() != expected {
            return Err(MaskError::Samples {
                found: format!("{} bytes", bits.len()),
                expected: format!("{expected} bytes"),
            });
        }
        let mut rest = bits;
        let mut kept: Vec<Vec<Kept>> = Vec::with_capacity(samples.len());
        for &samples in &samples {
            let (of_batch, after) = rest.split_at(samples.div_ceil(8));
            rest = after;
            let set = (0u32..)
                .take(8 * of_batch.len())
                .filter(|&sample| of_batch[sample as usize / 8] >> (sample % 8) & 1 == 1);
            let weight = 1.0;
            kept.push(set.map(|sample| Kept { sample, weight }).collect());
        }
        let all = kept.iter().map(Vec::len).sum::<usize>();
        if !weights.is_empty() && weights.len() != all {
            return Err(MaskError::Samples {
                found: format!("{} weights", weights.len()),
                expected: format!("{all} kept samples"),
            });
        }
        for (kept, &weight) in kept.iter_mut().flatten().zip(weights) {
            kept.weight = weight;
        }
        Self::new(samples, kept)
    }

    /// Bytes of the message: bits and weights.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bits().len() + WEIGHT_BYTES * self.weights().len()
    }
}

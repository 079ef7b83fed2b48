//! The files of a choice of samples: scores for the owner, the mask for the server.

use std::fs::File;
use std::path::Path;

use engine::backend::Backend;
use engine::ckks::{Ciphertext, Level};
use engine::prune::{Mask, Score, Selection};
use serde::{Deserialize, Serialize};

use super::{expected, read_pair, write_pair};
use crate::file::{Kind, Reader, Writer};
use crate::job::JobError;
use crate::job::set_name::SetName;
use crate::job::task::Setup;

/// The most samples of all batches in a mask.
const MAX_SAMPLES: usize = 1 << 31;

/// Of the scores.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::job) struct ScoreHeader {
    /// The name of the keys.
    pub(in crate::job) key: String,
    /// The name of the training, or of the scores where they are no training's.
    pub(in crate::job) training: String,
    /// Counted from zero.
    pub(in crate::job) round: usize,
    /// The training set.
    pub(in crate::job) set: SetName,
    /// Samples of each batch.
    pub(in crate::job) samples: Vec<usize>,
    pub(in crate::job) score: Score,
    /// What the server asks the owner to keep; nothing where the owner decides.
    pub(in crate::job) selection: Option<Selection>,
}

/// Of the mask.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::job) struct MaskHeader {
    pub(in crate::job) key: String,
    pub(in crate::job) training: String,
    pub(in crate::job) round: usize,
    /// The training set.
    pub(in crate::job) set: SetName,
    /// Samples of each batch, kept or not.
    pub(in crate::job) samples: Vec<usize>,
}

impl ScoreHeader {
    /// The header of the answer.
    pub(in crate::job) fn answer(&self) -> MaskHeader {
        MaskHeader {
            key: self.key.clone(),
            training: self.training.clone(),
            round: self.round,
            set: self.set.clone(),
            samples: self.samples.clone(),
        }
    }
}

pub(in crate::job) fn write_scores<B: Backend>(
    path: &Path,
    backend: &B,
    setup: &Setup,
    header: &ScoreHeader,
    scores: &Ciphertext<B>,
) -> Result<(), JobError> {
    let mut writer = Writer::create(path, Kind::PruneRequest, Some(&setup.identity))?;
    write_pair(&mut writer, backend, scores)?;
    Ok(writer.commit(header)?)
}

/// The header of an open file of scores, its numbers checked.
pub(in crate::job) fn score_header(
    path: &Path,
    reader: &Reader<File>,
    setup: &Setup,
    keys: &Path,
) -> Result<ScoreHeader, JobError> {
    let header: ScoreHeader = reader.header()?;
    check_key(path, &header.key, setup, keys)?;
    check_samples(path, &header.samples, setup)?;
    let planned = setup.plan.pruning().map(|plan| plan.pruning().score);
    if planned != Some(header.score) {
        let name = |score: Option<Score>| score.map_or("none", Score::name);
        let (found, expected) = (header.score.name(), name(planned));
        return Err(JobError::mismatch(path, "score", found, expected));
    }
    Ok(header)
}

/// The scores themselves.
pub(in crate::job) fn read_score_pair<B: Backend>(
    reader: &mut Reader<File>,
    backend: &B,
    setup: &Setup,
    header: &ScoreHeader,
) -> Result<Ciphertext<B>, JobError> {
    let vectors = header
        .score
        .vectors(setup.plan.layout(), header.samples.len());
    read_pair(reader, backend, setup, Level(0), vectors)
}

pub(in crate::job) fn write_mask(
    path: &Path,
    setup: &Setup,
    header: &MaskHeader,
    mask: &Mask,
) -> Result<(), JobError> {
    let mut writer = Writer::create(path, Kind::PruneAnswer, Some(&setup.identity))?;
    writer.section("bits", &mask.bits())?;
    let weights: Vec<u32> = mask.weights().into_iter().map(f32::to_bits).collect();
    if !weights.is_empty() {
        writer.words("weights", &weights)?;
    }
    Ok(writer.commit(header)?)
}

/// Reads a mask of the keys of `setup`, which came from `keys`.
pub(in crate::job) fn read_mask(
    path: &Path,
    setup: &Setup,
    keys: &Path,
) -> Result<(MaskHeader, Mask), JobError> {
    let mut reader = Reader::open(path, &expected(Kind::PruneAnswer, Some(&setup.identity)))?;
    let header: MaskHeader = reader.header()?;
    check_key(path, &header.key, setup, keys)?;
    check_samples(path, &header.samples, setup)?;
    let bytes: usize = header
        .samples
        .iter()
        .map(|samples| samples.div_ceil(8))
        .sum();
    let mut bits = vec![0; bytes];
    reader.section_into("bits", &mut bits)?;
    let kept: usize = bits.iter().map(|byte| byte.count_ones() as usize).sum();
    let weighted = reader.sections().any(|(name, _)| name == "weights");
    let mut weights = Vec::new();
    if weighted {
        let mut raw = vec![0; kept * size_of::<u32>()];
        reader.section_into("weights", &mut raw)?;
        let (words, _) = raw.as_chunks();
        weights.extend(
            words
                .iter()
                .map(|word| f32::from_bits(u32::from_le_bytes(*word))),
        );
    }
    let mask = Mask::from_parts(header.samples.clone(), &bits, &weights)?;
    Ok((header, mask))
}

fn check_key(path: &Path, found: &str, setup: &Setup, keys: &Path) -> Result<(), JobError> {
    if found == setup.origin.key {
        return Ok(());
    }
    let (file, keys) = (path.to_owned(), keys.to_owned());
    Err(JobError::OtherKeys { file, keys })
}

fn check_samples(path: &Path, samples: &[usize], setup: &Setup) -> Result<(), JobError> {
    let largest = setup.plan.task().batch;
    let fits = |found: &usize| (1..=largest).contains(found);
    let all = samples
        .iter()
        .try_fold(0usize, |sum, samples| sum.checked_add(*samples));
    if samples.is_empty() || !samples.iter().all(fits) || all.is_none_or(|all| all > MAX_SAMPLES) {
        let expected = format!("batches of 1 to {largest} samples");
        let found = format!(
            "{} batches, the first ones of {:?}",
            samples.len(),
            samples.get(..4)
        );
        return Err(JobError::mismatch(path, "samples", found, expected));
    }
    Ok(())
}

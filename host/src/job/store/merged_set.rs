//! The file of a merged training set, and whichever kind of training set a file holds.

use std::fs::File;
use std::path::Path;

use engine::backend::Backend;
use engine::ckks::{Ciphertext, Level};
use engine::protocol::{ReceivedBatch, Server};
use engine::prune::{MergeMethod, MergePlan};
use serde::{Deserialize, Serialize};

use super::{TrainingSetFile, expected, read_level};
use crate::file::{Kind, Reader, Writer};
use crate::job::JobError;
use crate::job::set_name::SetName;
use crate::job::task::{Origin, Setup};

const HALVES: [&str; 2] = ["first", "second"];

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    origin: Origin,
    /// The training set that it was merged from.
    set: SetName,
    /// How.
    method: MergeMethod,
    /// Of each batch.
    row_blocks: Vec<usize>,
}

fn features(batch: usize, half: &str) -> String {
    format!("batch-{batch:05}.features.{half}")
}

fn labels(batch: usize, half: &str) -> String {
    format!("batch-{batch:05}.labels.{half}")
}

fn weights(batch: usize) -> String {
    format!("batch-{batch:05}.weights")
}

/// Writes merged batches with the start of their training, for the keys of `setup`; `from` are the training set that they were
/// merged from, and how.
pub(in crate::job) fn create_merged_set<B: Backend>(
    path: &Path,
    backend: &B,
    setup: &Setup,
    from: (&SetName, MergeMethod),
    start: &Ciphertext<B>,
    plan: &MergePlan,
    merged: &[ReceivedBatch<B>],
) -> Result<(), JobError> {
    let mut writer = Writer::create(path, Kind::MergedSet, Some(&setup.identity))?;
    for (half, words) in HALVES.iter().zip(start.download(backend)?) {
        writer.words(&format!("start.{half}"), &words)?;
    }
    for (index, batch) in merged.iter().enumerate() {
        let tiles = batch.features.iter().map(|tile| tile.download(backend));
        let tiles = tiles.collect::<Result<Vec<_>, _>>()?;
        for (number, half) in HALVES.iter().enumerate() {
            writer.section_from(&features(index, half), |section| {
                for tile in &tiles {
                    section.words(&tile[number])?;
                }
                Ok::<_, JobError>(())
            })?;
        }
        for (half, words) in HALVES.iter().zip(batch.labels.download(backend)?) {
            writer.words(&labels(index, half), &words)?;
        }
        let places = plan.weights(setup.plan.layout(), index);
        let places: Vec<u8> = places
            .iter()
            .flat_map(|weight| weight.to_le_bytes())
            .collect();
        writer.section(&weights(index), &places)?;
    }
    Ok(writer.commit(&Header {
        origin: setup.origin.clone(),
        set: from.0.clone(),
        method: from.1,
        row_blocks: plan.row_blocks().to_vec(),
    })?)
}

/// An open merged training set whose header was found sound.
pub(in crate::job) struct MergedSetFile {
    reader: Reader<File>,
    pub(in crate::job) set: SetName,
    pub(in crate::job) method: MergeMethod,
    /// Of each batch.
    pub(in crate::job) row_blocks: Vec<usize>,
    /// Of each batch those of its places, row block by row block.
    pub(in crate::job) weights: Vec<Vec<f64>>,
}

impl MergedSetFile {
    pub(in crate::job) fn open(path: &Path, setup: &Setup, keys: &Path) -> Result<Self, JobError> {
        let mut reader = Reader::open(path, &expected(Kind::MergedSet, Some(&setup.identity)))?;
        let Header {
            origin,
            set,
            method,
            row_blocks,
        } = reader.header()?;
        setup.check(keys, path, &origin)?;
        reader.verify()?;
        let layout = setup.plan.layout();
        let fits = |blocks: &usize| (1..=layout.row_blocks()).contains(blocks);
        if row_blocks.is_empty() || !row_blocks.iter().all(fits) {
            let expected = format!("batches of 1 to {}", layout.row_blocks());
            let found = format!("{:?}", row_blocks.get(..4));
            return Err(JobError::mismatch(path, "row blocks", found, expected));
        }
        let mut all = Vec::with_capacity(row_blocks.len());
        for (index, blocks) in row_blocks.iter().enumerate() {
            let mut bytes = vec![0; blocks * layout.height() * size_of::<f64>()];
            reader.section_into(&weights(index), &mut bytes)?;
            let (words, _) = bytes.as_chunks();
            let of_batch: Vec<f64> = words.iter().map(|word| f64::from_le_bytes(*word)).collect();
            if let Some(found) = of_batch.iter().find(|w| !(**w >= 0.0 && w.is_finite())) {
                let expected = "at least 0";
                return Err(JobError::mismatch(
                    path,
                    "weight of a sample",
                    found,
                    expected,
                ));
            }
            all.push(of_batch);
        }
        Ok(Self {
            reader,
            set,
            method,
            row_blocks,
            weights: all,
        })
    }

    fn start<B: Backend>(&mut self, backend: &B, setup: &Setup) -> Result<Ciphertext<B>, JobError> {
        let (level, vectors) = (
            setup.plan.levels().state,
            setup.plan.layout().state_vectors(),
        );
        let mut half = |half| read_level(&mut self.reader, half, setup, level, vectors);
        let halves = ["start.first", "start.second"].map(&mut half);
        pair(halves, backend, setup, level, vectors)
    }

    /// One batch, for the training of `server`.
    fn batch<B: Backend>(
        &mut self,
        backend: &B,
        setup: &Setup,
        server: &Server<'_, B>,
        index: usize,
    ) -> Result<ReceivedBatch<B>, JobError> {
        let (tiles, labels) = self.ciphertexts(backend, setup, index)?;
        Ok(server.weighted(tiles, labels, &self.weights[index])?)
    }

    /// The tiles of features of one batch, and its labels.
    pub(in crate::job) fn ciphertexts<B: Backend>(
        &mut self,
        backend: &B,
        setup: &Setup,
        index: usize,
    ) -> Result<(Vec<Ciphertext<B>>, Ciphertext<B>), JobError> {
        let levels = setup.plan.levels();
        let (tiles, blocks) = (setup.plan.layout().tiles(), self.row_blocks[index]);
        let mut read = |section: String, level, count| {
            read_level(&mut self.reader, &section, setup, level, count)
        };
        let all = HALVES.map(|half| read(features(index, half), levels.features, tiles * blocks));
        let labels = HALVES.map(|half| read(labels(index, half), levels.labels, 1));
        let labels = pair(labels, backend, setup, levels.labels, 1)?;
        let [first, second] = all;
        let (first, second) = (first?, second?);
        let words = first.len() / tiles;
        let tiles = first.chunks_exact(words).zip(second.chunks_exact(words));
        let tiles = tiles.map(|(first, second)| {
            let (params, level) = (&setup.params, levels.features);
            Ciphertext::upload(backend, params, level, blocks, [first, second])
        });
        Ok((tiles.collect::<Result<_, _>>()?, labels))
    }
}

/// Ciphertexts of both halves.
fn pair<B: Backend>(
    halves: [Result<Vec<u32>, JobError>; 2],
    backend: &B,
    setup: &Setup,
    level: Level,
    batch: usize,
) -> Result<Ciphertext<B>, JobError> {
    let [first, second] = halves;
    let (first, second) = (first?, second?);
    let params = &setup.params;
    Ok(Ciphertext::upload(
        backend,
        params,
        level,
        batch,
        [&first, &second],
    )?)
}

/// A training set: as the owner encrypted it, or merged.
pub(in crate::job) enum DataFile {
    Fresh(TrainingSetFile),
    Merged(MergedSetFile),
}

impl DataFile {
    /// Opens whichever it is.
    pub(in crate::job) fn open(path: &Path, setup: &Setup, keys: &Path) -> Result<Self, JobError> {
        let any = crate::file::Expected {
            kind: None,
            ..expected(Kind::DataSet, Some(&setup.identity))
        };
        if Reader::open(path, &any)?.kind() == Kind::MergedSet {
            return Ok(Self::Merged(MergedSetFile::open(path, setup, keys)?));
        }
        Ok(Self::Fresh(TrainingSetFile::open(path, setup, keys)?))
    }

    /// What no other training set has.
    pub(in crate::job) fn checksum(&self) -> [u8; 32] {
        match self {
            Self::Fresh(file) => file.checksum(),
            Self::Merged(file) => file.reader.checksum(),
        }
    }

    /// What it is called, or what it was merged from.
    pub(in crate::job) fn set(&self) -> &SetName {
        match self {
            Self::Fresh(file) => &file.set,
            Self::Merged(file) => &file.set,
        }
    }

    /// Samples of each batch.
    pub(in crate::job) fn samples(&self) -> Vec<usize> {
        match self {
            Self::Fresh(file) => file.samples.clone(),
            Self::Merged(file) => {
                let counted = |weights: &Vec<f64>| weights.iter().filter(|w| **w > 0.0).count();
                file.weights.iter().map(counted).collect()
            }
        }
    }

    /// Validation samples of each batch of them.
    pub(in crate::job) fn validation_samples(&self) -> Vec<usize> {
        match self {
            Self::Fresh(file) => file.validation.clone(),
            Self::Merged(_) => Vec::new(),
        }
    }

    /// The features for validation.
    pub(in crate::job) fn validation<B: Backend>(
        &mut self,
        backend: &B,
        setup: &Setup,
    ) -> Result<Vec<Vec<Ciphertext<B>>>, JobError> {
        match self {
            Self::Fresh(file) => file.validation(backend, setup),
            Self::Merged(_) => Ok(Vec::new()),
        }
    }

    /// The state that a training starts from.
    pub(in crate::job) fn start<B: Backend>(
        &mut self,
        backend: &B,
        setup: &Setup,
    ) -> Result<Ciphertext<B>, JobError> {
        match self {
            Self::Fresh(file) => file.start(backend, setup),
            Self::Merged(file) => file.start(backend, setup),
        }
    }

    /// One batch, for the training of `server`.
    pub(in crate::job) fn batch<B: Backend>(
        &mut self,
        backend: &B,
        setup: &Setup,
        server: &Server<'_, B>,
        index: usize,
    ) -> Result<ReceivedBatch<B>, JobError> {
        match self {
            Self::Fresh(file) => file.batch(backend, setup, index),
            Self::Merged(file) => file.batch(backend, setup, server, index),
        }
    }
}

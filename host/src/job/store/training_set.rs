//! The file of an encrypted training set: the start, and batch after batch.

use std::fs::File;
use std::path::Path;

use engine::backend::Backend;
use engine::ckks::Ciphertext;
use engine::protocol::{EncryptedBatch, Fresh, ReceivedBatch};
use engine::ring::sampling::Seed;
use serde::{Deserialize, Serialize};

use super::{expected, read_level, read_seeds};
use crate::file::{AtomicFile, Kind, Reader, Writer};
use crate::job::JobError;
use crate::job::task::{Origin, Setup};

/// The most batches: their sections, two each and two more, fit one file.
const MAX_BATCHES: usize = crate::file::MAX_SECTIONS / 2 - 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    origin: Origin,
    /// Samples of each batch.
    samples: Vec<usize>,
}

fn features_section(batch: usize) -> String {
    format!("batch-{batch:05}.features")
}

fn labels_section(batch: usize) -> String {
    format!("batch-{batch:05}.labels")
}

/// A training set being written.
pub(in crate::job) struct TrainingSetWriter<'a, B: Backend> {
    writer: Writer<AtomicFile>,
    backend: &'a B,
    origin: Origin,
    seeds: Vec<u8>,
    samples: Vec<usize>,
}

impl<'a, B: Backend> TrainingSetWriter<'a, B> {
    pub(in crate::job) fn create(
        path: &Path,
        backend: &'a B,
        Setup {
            identity, origin, ..
        }: &Setup,
        batches: usize,
        start: &Fresh<B>,
    ) -> Result<Self, JobError> {
        if batches > MAX_BATCHES {
            let range = format!("at most {MAX_BATCHES}; use larger ones");
            return Err(JobError::option("the number of batches", batches, range));
        }
        let mut writer = Writer::create(path, Kind::DataSet, Some(identity))?;
        let [first, _] = start.ciphertext.download(backend)?;
        writer.words("start", &first)?;
        let (origin, seeds) = (origin.clone(), start.seed.0.to_vec());
        Ok(Self {
            writer,
            backend,
            origin,
            seeds,
            samples: Vec::new(),
        })
    }

    pub(in crate::job) fn write(&mut self, batch: &EncryptedBatch<B>) -> Result<(), JobError> {
        let index = self.samples.len();
        self.writer
            .section_from(&features_section(index), |section| {
                for tile in &batch.features {
                    let [first, _] = tile.ciphertext.download(self.backend)?;
                    section.words(&first)?;
                }
                Ok::<_, JobError>(())
            })?;
        let [first, _] = batch.labels.ciphertext.download(self.backend)?;
        self.writer.words(&labels_section(index), &first)?;
        for fresh in batch.features.iter().chain([&batch.labels]) {
            self.seeds.extend(fresh.seed.0);
        }
        self.samples.push(batch.samples);
        Ok(())
    }

    pub(in crate::job) fn commit(mut self) -> Result<(), JobError> {
        self.writer.section("seeds", &self.seeds)?;
        let header = Header {
            origin: self.origin,
            samples: self.samples,
        };
        Ok(self.writer.commit(&header)?)
    }
}

/// An open training set whose header was found sound. Batches are read when they are needed.
pub(in crate::job) struct TrainingSetFile {
    reader: Reader<File>,
    seeds: Vec<Seed>,
    pub(in crate::job) samples: Vec<usize>,
}

impl TrainingSetFile {
    /// Opens a training set for the keys of `setup`, which came from `keys`, and reads it once: damage is found before
    /// the training, not in the middle of it.
    pub(in crate::job) fn open(path: &Path, setup: &Setup, keys: &Path) -> Result<Self, JobError> {
        let mut reader = Reader::open(path, &expected(Kind::DataSet, Some(&setup.identity)))?;
        let Header { origin, samples } = reader.header()?;
        setup.check(keys, path, &origin)?;
        reader.verify()?;
        if !(1..=MAX_BATCHES).contains(&samples.len()) {
            let expected = format!("from 1 to {MAX_BATCHES}");
            return Err(JobError::mismatch(path, "batches", samples.len(), expected));
        }
        let largest = setup.plan.task().batch;
        if let Some(found) = samples.iter().find(|found| !(1..=largest).contains(*found)) {
            let expected = format!("from 1 to {largest}");
            return Err(JobError::mismatch(
                path,
                "samples of a batch",
                found,
                expected,
            ));
        }
        let seeds = read_seeds(
            &mut reader,
            1 + samples.len() * (setup.plan.layout().tiles() + 1),
        )?;
        Ok(Self {
            reader,
            seeds,
            samples,
        })
    }

    /// The state that training starts from.
    pub(in crate::job) fn start<B: Backend>(
        &mut self,
        backend: &B,
        setup: &Setup,
    ) -> Result<Ciphertext<B>, JobError> {
        let Setup { params, plan, .. } = setup;
        let (vectors, level) = (plan.layout().state_vectors(), plan.levels().state);
        let first = read_level(&mut self.reader, "start", setup, level, vectors)?;
        let seed = &self.seeds[0];
        Ok(Ciphertext::from_seed(
            backend, params, level, vectors, &first, seed,
        )?)
    }

    /// One batch.
    pub(in crate::job) fn batch<B: Backend>(
        &mut self,
        backend: &B,
        setup: &Setup,
        index: usize,
    ) -> Result<ReceivedBatch<B>, JobError> {
        let Setup { params, plan, .. } = setup;
        let (layout, levels) = (plan.layout(), plan.levels());
        let (tiles, blocks) = (layout.tiles(), layout.row_blocks());
        let seeds = &self.seeds[1 + index * (tiles + 1)..][..tiles + 1];
        let section = features_section(index);
        let first = read_level(
            &mut self.reader,
            &section,
            setup,
            levels.features,
            tiles * blocks,
        )?;
        let tile_words = first.len() / tiles;
        let features = first
            .chunks_exact(tile_words)
            .zip(seeds)
            .map(|(first, seed)| {
                Ciphertext::from_seed(backend, params, levels.features, blocks, first, seed)
            });
        let features = features.collect::<Result<_, _>>()?;
        let section = labels_section(index);
        let first = read_level(&mut self.reader, &section, setup, levels.labels, 1)?;
        let seed = &seeds[tiles];
        let labels = Ciphertext::from_seed(backend, params, levels.labels, 1, &first, seed)?;
        Ok(ReceivedBatch {
            features,
            labels,
            samples: self.samples[index],
        })
    }
}

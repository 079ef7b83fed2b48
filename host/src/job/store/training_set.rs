//! The file of an encrypted training set: the start, and batch after batch.

use std::fs::File;
use std::ops::Range;
use std::path::Path;

use engine::backend::Backend;
use engine::ckks::{Ciphertext, Level};
use engine::protocol::{EncryptedBatch, Fresh, ReceivedBatch};
use engine::ring::sampling::Seed;
use serde::{Deserialize, Serialize};

use super::{expected, read_level, read_seeds};
use crate::file::{AtomicFile, Kind, Reader, Writer};
use crate::job::JobError;
use crate::job::set_name::SetName;
use crate::job::task::{Origin, Setup};

/// The most batches: their sections, two each, fit one file with those of as many batches for validation and two more.
const MAX_BATCHES: usize = crate::file::MAX_SECTIONS / 3 - 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    origin: Origin,
    set: SetName,
    /// Samples of each batch.
    samples: Vec<usize>,
    /// The same for validation.
    validation: Vec<usize>,
}

fn validation_section(batch: usize) -> String {
    format!("validation-{batch:05}.features")
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
    set: SetName,
    seeds: Vec<u8>,
    samples: Vec<usize>,
    validation: Vec<usize>,
}

impl<'a, B: Backend> TrainingSetWriter<'a, B> {
    pub(in crate::job) fn create(
        path: &Path,
        backend: &'a B,
        Setup {
            identity, origin, ..
        }: &Setup,
        set: SetName,
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
            set,
            seeds,
            samples: Vec::new(),
            validation: Vec::new(),
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

    /// Writes samples for validation, behind all batches.
    pub(in crate::job) fn write_validation(
        &mut self,
        tiles: &[Fresh<B>],
        samples: usize,
    ) -> Result<(), JobError> {
        let index = self.validation.len();
        if index >= MAX_BATCHES {
            let range = format!("at most {MAX_BATCHES}; use larger ones");
            let name = "the number of batches for validation";
            return Err(JobError::option(name, index + 1, range));
        }
        self.writer
            .section_from(&validation_section(index), |section| {
                for tile in tiles {
                    let [first, _] = tile.ciphertext.download(self.backend)?;
                    section.words(&first)?;
                }
                Ok::<_, JobError>(())
            })?;
        for fresh in tiles {
            self.seeds.extend(fresh.seed.0);
        }
        self.validation.push(samples);
        Ok(())
    }

    pub(in crate::job) fn commit(mut self) -> Result<(), JobError> {
        self.writer.section("seeds", &self.seeds)?;
        let header = Header {
            origin: self.origin,
            set: self.set,
            samples: self.samples,
            validation: self.validation,
        };
        Ok(self.writer.commit(&header)?)
    }
}

/// An open training set whose header was found sound. Batches are read when they are needed.
pub(in crate::job) struct TrainingSetFile {
    reader: Reader<File>,
    seeds: Vec<Seed>,
    pub(in crate::job) set: SetName,
    pub(in crate::job) samples: Vec<usize>,
    pub(in crate::job) validation: Vec<usize>,
}

impl TrainingSetFile {
    /// Opens a training set for the keys of `setup`, which came from `keys`, and reads it once: damage is found before
    /// the training, not in the middle of it.
    pub(in crate::job) fn open(path: &Path, setup: &Setup, keys: &Path) -> Result<Self, JobError> {
        let mut reader = Reader::open(path, &expected(Kind::DataSet, Some(&setup.identity)))?;
        let Header {
            origin,
            set,
            samples,
            validation,
        } = reader.header()?;
        setup.check(keys, path, &origin)?;
        reader.verify()?;
        if !(1..=MAX_BATCHES).contains(&samples.len()) {
            let expected = format!("from 1 to {MAX_BATCHES}");
            return Err(JobError::mismatch(path, "batches", samples.len(), expected));
        }
        let largest = setup.plan.task().batch;
        if validation.len() > MAX_BATCHES {
            let expected = format!("at most {MAX_BATCHES}");
            let found = validation.len();
            return Err(JobError::mismatch(
                path,
                "batches for validation",
                found,
                expected,
            ));
        }
        let mut all = samples.iter().chain(&validation);
        if let Some(found) = all.find(|found| !(1..=largest).contains(*found)) {
            let expected = format!("from 1 to {largest}");
            return Err(JobError::mismatch(
                path,
                "samples of a batch",
                found,
                expected,
            ));
        }
        let tiles = setup.plan.layout().tiles();
        let seeds = read_seeds(
            &mut reader,
            1 + samples.len() * (tiles + 1) + validation.len() * tiles,
        )?;
        Ok(Self {
            reader,
            seeds,
            set,
            samples,
            validation,
        })
    }

    /// What no other training set has.
    pub(in crate::job) fn checksum(&self) -> [u8; 32] {
        self.reader.checksum()
    }

    /// The features of all samples for validation: for each batch its tiles.
    pub(in crate::job) fn validation<B: Backend>(
        &mut self,
        backend: &B,
        setup: &Setup,
    ) -> Result<Vec<Vec<Ciphertext<B>>>, JobError> {
        let level = setup.plan.validation_levels().features;
        let tiles = setup.plan.layout().tiles();
        let behind = 1 + self.samples.len() * (tiles + 1);
        let batches = self.validation.len();
        let batch = |index: usize| {
            let seeds = behind + index * tiles..behind + (index + 1) * tiles;
            self.tiles(backend, setup, &validation_section(index), level, seeds)
        };
        (0..batches).map(batch).collect()
    }

    /// The tiles of a section.
    fn tiles<B: Backend>(
        &mut self,
        backend: &B,
        setup: &Setup,
        section: &str,
        level: Level,
        seeds: Range<usize>,
    ) -> Result<Vec<Ciphertext<B>>, JobError> {
        let layout = setup.plan.layout();
        let (tiles, blocks) = (layout.tiles(), layout.row_blocks());
        let first = read_level(&mut self.reader, section, setup, level, tiles * blocks)?;
        let words = first.chunks_exact(first.len() / tiles);
        let tiles = words.zip(&self.seeds[seeds]).map(|(first, seed)| {
            Ciphertext::from_seed(backend, &setup.params, level, blocks, first, seed)
        });
        Ok(tiles.collect::<Result<_, _>>()?)
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
        let (tiles, levels) = (setup.plan.layout().tiles(), setup.plan.data_levels());
        let seeds = 1 + index * (tiles + 1)..1 + index * (tiles + 1) + tiles;
        let label_seed = seeds.end;
        let section = features_section(index);
        let features = self.tiles(backend, setup, &section, levels.features, seeds)?;
        let section = labels_section(index);
        let first = read_level(&mut self.reader, &section, setup, levels.labels, 1)?;
        let seed = &self.seeds[label_seed];
        let labels = Ciphertext::from_seed(backend, &setup.params, levels.labels, 1, &first, seed)?;
        Ok(ReceivedBatch {
            features,
            labels,
            samples: self.samples[index],
            weighted: None,
        })
    }
}

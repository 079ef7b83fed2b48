//! The file of an encrypted model, and ciphertexts with both halves, as the server writes them.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::Path;

use engine::backend::Backend;
use engine::ckks::{Ciphertext, Level};
use serde::{Deserialize, Serialize};

use super::{expected, read_level};
use crate::file::{AtomicFile, Kind, Reader, Writer};
use crate::job::JobError;
use crate::job::task::{Origin, Setup};

const HALVES: [&str; 2] = ["first", "second"];

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    origin: Origin,
    steps: usize,
    epochs: usize,
    level: usize,
}

/// Begins the file of a model, so that a place that cannot be written to is found before the training.
pub(in crate::job) fn create_model(
    path: &Path,
    setup: &Setup,
) -> Result<Writer<AtomicFile>, JobError> {
    Ok(Writer::create(path, Kind::Model, Some(&setup.identity))?)
}

/// Writes the state after so many steps and epochs.
pub(in crate::job) fn finish_model<B: Backend>(
    mut writer: Writer<AtomicFile>,
    backend: &B,
    setup: &Setup,
    [steps, epochs]: [usize; 2],
    state: &Ciphertext<B>,
) -> Result<(), JobError> {
    write_pair(&mut writer, backend, state)?;
    let header = Header {
        origin: setup.origin.clone(),
        steps,
        epochs,
        level: state.level().0,
    };
    Ok(writer.commit(&header)?)
}

/// An open model whose header was found sound.
pub(in crate::job) struct ModelFile {
    reader: Reader<File>,
    pub(in crate::job) level: Level,
    /// Steps and epochs that it was trained for.
    pub(in crate::job) steps: usize,
    pub(in crate::job) epochs: usize,
}

impl ModelFile {
    /// Opens a model of the keys of `setup`, which came from `keys`.
    pub(in crate::job) fn open(path: &Path, setup: &Setup, keys: &Path) -> Result<Self, JobError> {
        let mut reader = Reader::open(path, &expected(Kind::Model, Some(&setup.identity)))?;
        let Header {
            origin,
            steps,
            epochs,
            level,
        } = reader.header()?;
        setup.check(keys, path, &origin)?;
        reader.verify()?;
        let (level, top) = (Level(level), setup.plan.top());
        if level > top {
            let expected = format!("at most {}", top.0);
            return Err(JobError::mismatch(path, "level", level.0, expected));
        }
        Ok(Self {
            reader,
            level,
            steps,
            epochs,
        })
    }

    /// What no other model has.
    pub(in crate::job) fn checksum(&self) -> [u8; 32] {
        self.reader.checksum()
    }

    /// The state after its steps.
    pub(in crate::job) fn state<B: Backend>(
        &mut self,
        backend: &B,
        setup: &Setup,
    ) -> Result<Ciphertext<B>, JobError> {
        let vectors = setup.plan.layout().state_vectors();
        read_pair(&mut self.reader, backend, setup, self.level, vectors)
    }
}

/// Writes both halves of a batch of ciphertexts.
pub(in crate::job) fn write_pair<B: Backend, W: Write + Seek>(
    writer: &mut Writer<W>,
    backend: &B,
    ciphertext: &Ciphertext<B>,
) -> Result<(), JobError> {
    let halves = ciphertext.download(backend)?;
    for (section, half) in HALVES.into_iter().zip(&halves) {
        writer.words(section, half)?;
    }
    Ok(())
}

/// Reads both halves of a batch of ciphertexts.
pub(in crate::job) fn read_pair<B: Backend, R: Read + Seek>(
    reader: &mut Reader<R>,
    backend: &B,
    setup: &Setup,
    level: Level,
    batch: usize,
) -> Result<Ciphertext<B>, JobError> {
    let first = read_level(reader, HALVES[0], setup, level, batch)?;
    let second = read_level(reader, HALVES[1], setup, level, batch)?;
    Ok(Ciphertext::upload(
        backend,
        &setup.params,
        level,
        batch,
        [&first, &second],
    )?)
}

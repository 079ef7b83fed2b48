//! The file that a run keeps for the case that it is ended: what it was asked to do, and the seed of everything that its
//! owner draws. Whoever has the seed has the secret key, so the file is readable by its owner alone.

use std::path::{Path, PathBuf};

use engine::ckks::ParamsLiteral;
use engine::ring::sampling::Seed;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{SEED_BYTES, expected};
use crate::file::{Kind, Reader, Writer};
use crate::job::task::{Origin, Setup};
use crate::job::{DataChoice, JobError, TrainConfig};

const SECTION: &str = "seed";

/// What a run was asked to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::job) struct Asked {
    pub(in crate::job) data: DataChoice,
    /// Of the normalized data, in hexadecimal.
    pub(in crate::job) data_checksum: String,
    pub(in crate::job) train: TrainConfig,
    pub(in crate::job) model_out: Option<PathBuf>,
    /// Of the secret key that the seed led to, in hexadecimal: another version of this program may draw another one.
    pub(in crate::job) key_checksum: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    literal: ParamsLiteral,
    origin: Origin,
    asked: Asked,
}

/// Writes what a run needs to be done again from the beginning, to the same words.
pub(in crate::job) fn write_work(
    path: &Path,
    setup: &Setup,
    asked: &Asked,
    seed: &Seed,
) -> Result<(), JobError> {
    let mut writer = Writer::create(path, Kind::Job, Some(&setup.identity))?;
    writer.section(SECTION, &seed.0)?;
    Ok(writer.commit(&Header {
        literal: setup.params.literal().clone(),
        origin: setup.origin.clone(),
        asked: asked.clone(),
    })?)
}

/// A run that was begun.
pub(in crate::job) struct WorkFile {
    pub(in crate::job) setup: Setup,
    pub(in crate::job) asked: Asked,
    pub(in crate::job) seed: Seed,
}

impl WorkFile {
    pub(in crate::job) fn open(path: &Path) -> Result<Self, JobError> {
        let mut reader = Reader::open(path, &expected(Kind::Job, None))?;
        let Header {
            literal,
            origin,
            asked,
        } = reader.header()?;
        let setup = Setup::of(path, &reader, literal, origin)?;
        let mut seed = Zeroizing::new([0; SEED_BYTES]);
        reader.section_into(SECTION, seed.as_mut_slice())?;
        Ok(Self {
            setup,
            asked,
            seed: Seed(*seed),
        })
    }
}

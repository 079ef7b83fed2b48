//! What the files of jobs hold: sections and headers of the [containers](crate::file).
//!
//! | file | header | sections |
//! |---|---|---|
//! | secret key | parameter literal, origin | `coefficients`: one signed byte each |
//! | evaluation keys | parameter literal, origin, names of the keys | `seeds`: 32 bytes for each key; `key-K.digit-D`: first half |
//! | training set | origin, its name, samples of each batch | `seeds`: start, then for each batch its tiles and its labels, then for each batch of validation its tiles; `start`; `batch-I.features`: tile after tile; `batch-I.labels`; `validation-I.features` |
//! | model | origin, steps, epochs, level | `first`, `second`: both halves |
//! | checkpoint | origin, job and its inputs, steps, level, verdict, best epoch | `state-first`, `state-second`; `best-first`, `best-second`; `history` (JSON) |
//! | work | parameter literal, origin, data, options, checksums of data and key | `seed` |
//! | refresh request | keys, job, number, levels, bound | `first`, `second` |
//! | stop request | keys, job, epoch, samples of each ciphertext | `first`, `second`: validation logits |
//! | stop answer | keys, job, epoch, verdict | |
//! | pruning request | keys, job, round, name of the training set, samples of each batch, score, what to keep | `first`, `second`: scores or logits at level 0 |
//! | pruning answer | keys, job, round, name of the training set, samples of each batch | `bits`: a bit for each sample, batch by batch in whole bytes; `weights`: 4 bytes for each kept one, unless all are one |
//! | merged set | origin, name of the training set, how it was merged, row blocks of each batch | `start.first`, `start.second`; `batch-I.weights`: 8 bytes for each place; `batch-I.features.first` and `.second`: tile after tile; `batch-I.labels.first` and `.second` |
//! | refresh answer | keys, job, number, outcome, seed | `first` |
//!
//! Second halves of fresh ciphertexts and of keys are not stored: they come from their seeds. Every number is compared
//! with what the parameter set and the plan call for before memory is taken, every residue with its modulus.

mod checkpoint;
mod keys;
mod merged_set;
mod model;
mod owner_key;
mod prune;
mod training_set;
mod work;

pub(super) use checkpoint::{
    CheckpointFile, KeptJob, KeptTraining, remove_checkpoint, write_checkpoint,
};
pub(super) use keys::{KeysFile, write_keys};
pub(super) use merged_set::{DataFile, MergedSetFile, create_merged_set};
pub(super) use model::{ModelFile, create_model, finish_model, read_pair, write_pair};
pub(super) use owner_key::{OwnerKey, write_owner_key};
pub(super) use prune::{
    MaskHeader, ScoreHeader, read_mask, read_score_pair, score_header, write_mask, write_scores,
};
pub(super) use training_set::{TrainingSetFile, TrainingSetWriter};
pub(super) use work::{Asked, WorkFile, write_work};

use std::io::{Read, Seek};

use engine::arith::Word;
use engine::ckks::Level;
use engine::ring::sampling::Seed;

use super::JobError;
use super::task::Setup;
use crate::file::{Expected, Kind, ParameterSet, Reader, ResidueLayout};

/// Bytes of a seed.
const SEED_BYTES: usize = 32;
/// The largest section that is read: above every ciphertext and key of the largest ring.
const MAX_SECTION_BYTES: u64 = 1 << 36;

/// A file of this kind and, if it is known already, parameter set.
pub(super) fn expected(kind: Kind, parameters: Option<&ParameterSet>) -> Expected<'_> {
    Expected {
        kind: Some(kind),
        parameters,
        max_section_bytes: MAX_SECTION_BYTES,
    }
}

/// Reads canonical residues of `polynomials` polynomials at a level.
pub(super) fn read_level<R: Read + Seek>(
    reader: &mut Reader<R>,
    section: &str,
    setup: &Setup,
    level: Level,
    polynomials: usize,
) -> Result<Vec<Word>, JobError> {
    let (moduli, degree) = (setup.moduli(level), setup.params.degree());
    let layout = ResidueLayout {
        polynomials,
        moduli: &moduli,
        degree,
    };
    Ok(reader.residues(section, &layout)?)
}

/// Reads the seeds of a file that must have `count` of them.
fn read_seeds<R: Read + Seek>(reader: &mut Reader<R>, count: usize) -> Result<Vec<Seed>, JobError> {
    let mut seeds = vec![0; count * SEED_BYTES];
    reader.section_into("seeds", &mut seeds)?;
    let (seeds, _) = seeds.as_chunks();
    Ok(seeds.iter().map(|seed| Seed(*seed)).collect())
}

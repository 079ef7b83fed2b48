//! The file of evaluation keys, written and read key by key.

use std::fs::File;
use std::path::Path;

use engine::backend::Backend;
use engine::ckks::{EvaluationKeys, KeyName, KeyPlan, Level, Params, ParamsLiteral, SwitchingKey};
use serde::{Deserialize, Serialize};

use super::{expected, read_seeds};
use crate::file::{Kind, Reader, ResidueLayout, Writer};
use crate::job::JobError;
use crate::job::event::Running;
use crate::job::task::{Origin, Setup};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    literal: ParamsLiteral,
    origin: Origin,
    /// Which keys, in order.
    keys: Vec<String>,
}

fn section(key: usize, digit: usize) -> String {
    format!("key-{key:04}.digit-{digit:02}")
}

fn names(params: &Params, plan: &KeyPlan) -> Vec<String> {
    let name = |(name, Level(level)): (KeyName, Level)| match name {
        KeyName::Relinearization => format!("relinearization to level {level}"),
        KeyName::Conjugation => format!("conjugation to level {level}"),
        KeyName::ToSparse => "the sparse secret".to_owned(),
        KeyName::ToDense => "the secret from the sparse one".to_owned(),
        KeyName::Rotation(by) => format!("rotation by {} to level {level}", by.0),
    };
    KeyName::all(params, plan).into_iter().map(name).collect()
}

/// Writes the keys that `make` hands to its argument one after the other.
pub(in crate::job) fn write_keys<B: Backend>(
    path: &Path,
    backend: &B,
    Setup {
        params,
        identity,
        origin,
        plan,
    }: &Setup,
    make: impl FnOnce(&mut dyn FnMut(&SwitchingKey<B>) -> Result<(), JobError>) -> Result<(), JobError>,
) -> Result<(), JobError> {
    let mut writer = Writer::create(path, Kind::EvaluationKeys, Some(identity))?;
    let mut seeds = Vec::new();
    let mut made = 0;
    make(&mut |key| {
        for (digit, half) in key.download(backend)?.iter().enumerate() {
            writer.words(&section(made, digit), half)?;
        }
        seeds.extend(key.seed().0);
        made += 1;
        Ok(())
    })?;
    writer.section("seeds", &seeds)?;
    let header = Header {
        literal: params.literal().clone(),
        origin: origin.clone(),
        keys: names(params, plan.keys()),
    };
    Ok(writer.commit(&header)?)
}

/// An open file of evaluation keys whose header was found sound.
pub(in crate::job) struct KeysFile {
    reader: Reader<File>,
    pub(in crate::job) setup: Setup,
}

impl KeysFile {
    pub(in crate::job) fn open(path: &Path) -> Result<Self, JobError> {
        let reader = Reader::open(path, &expected(Kind::EvaluationKeys, None))?;
        let Header {
            literal,
            origin,
            keys,
        } = reader.header()?;
        let setup = Setup::of(path, &reader, literal, origin)?;
        let expected = names(&setup.params, setup.plan.keys());
        if keys != expected {
            let differing = keys
                .iter()
                .zip(&expected)
                .find(|(found, wanted)| found != wanted);
            let (found, expected) = match differing {
                Some((found, wanted)) => (format!("a key for {found}"), format!("for {wanted}")),
                None => (format!("{} keys", keys.len()), expected.len().to_string()),
            };
            return Err(JobError::mismatch(path, "evaluation keys", found, expected));
        }
        Ok(Self { reader, setup })
    }

    /// Reads all keys; their second halves are made again from the seeds.
    pub(in crate::job) fn read<B: Backend>(
        &mut self,
        backend: &B,
        running: &mut Running<'_>,
    ) -> Result<EvaluationKeys<B>, JobError> {
        let Setup { params, plan, .. } = &self.setup;
        let (ring, degree) = (params.ring(), params.degree());
        let all = KeyName::all(params, plan.keys());
        let seeds = read_seeds(&mut self.reader, all.len())?;
        let mut keys = EvaluationKeys::default();
        for (index, ((name, level), seed)) in all.into_iter().zip(seeds).enumerate() {
            let moduli: Vec<u32> = name
                .shape(params, level)
                .basis
                .iter()
                .map(|limb| ring.modulus(limb).value())
                .collect();
            let layout = ResidueLayout {
                polynomials: 1,
                moduli: &moduli,
                degree,
            };
            let digits = 0..name.digits(params, level).len();
            let halves = digits.map(|digit| self.reader.residues(&section(index, digit), &layout));
            let halves = halves.collect::<Result<Vec<_>, _>>()?;
            let key = SwitchingKey::upload(backend, params, (name, level), seed, &halves)?;
            name.insert(&mut keys, degree, key);
            running.advance();
        }
        Ok(keys)
    }
}

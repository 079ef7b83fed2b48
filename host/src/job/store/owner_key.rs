//! The file of the owner's key. Read by the owner's jobs only.

use std::path::Path;

use engine::ckks::{ParamsLiteral, SecretKey};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::expected;
use crate::file::{Kind, Reader, Writer};
use crate::job::JobError;
use crate::job::task::{Origin, Setup};

/// A secret key with the task it was made for.
pub(in crate::job) struct OwnerKey {
    pub(in crate::job) setup: Setup,
    pub(in crate::job) secret: SecretKey,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    literal: ParamsLiteral,
    origin: Origin,
}

const SECTION: &str = "coefficients";

/// Writes a secret key, which only the owner of the file may read. It never replaces another one.
pub(in crate::job) fn write_owner_key(
    path: &Path,
    Setup {
        params,
        identity,
        origin,
        ..
    }: &Setup,
    secret: &SecretKey,
) -> Result<(), JobError> {
    if path.exists() {
        return Err(JobError::KeyExists {
            file: path.to_owned(),
        });
    }
    let mut writer = Writer::create(path, Kind::SecretKey, Some(identity))?;
    let coefficients = secret.coefficients().iter().map(|c| c.cast_unsigned());
    writer.section(SECTION, &Zeroizing::new(coefficients.collect::<Vec<u8>>()))?;
    let header = Header {
        literal: params.literal().clone(),
        origin: origin.clone(),
    };
    Ok(writer.commit(&header)?)
}

impl OwnerKey {
    pub(in crate::job) fn open(path: &Path) -> Result<Self, JobError> {
        let mut reader = Reader::open(path, &expected(Kind::SecretKey, None))?;
        let Header { literal, origin } = reader.header()?;
        let setup = Setup::of(path, &reader, literal, origin)?;
        let mut bytes = Zeroizing::new(vec![0; setup.params.degree()]);
        reader.section_into(SECTION, &mut bytes)?;
        let coefficients = bytes.iter().map(|byte| byte.cast_signed()).collect();
        let secret = SecretKey::from_coefficients(&setup.params, coefficients);
        let secret = secret.ok_or_else(|| {
            JobError::mismatch(path, "secret key", "other numbers", "-1, 0 and 1")
        })?;
        Ok(Self { setup, secret })
    }
}

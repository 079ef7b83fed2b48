//! Calibrations as files.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::{Calibration, Subject};
use crate::file::AtomicFile;
use crate::job::JobError;

/// The largest file that is looked at.
const MAX_BYTES: u64 = 1 << 20;

/// Where the calibration of a subject is kept. Another version of the program looks there too, and measures again.
pub(super) fn file(cache: &Path, subject: &Subject) -> PathBuf {
    let plain = |text: &str| -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
        text.chars().map(plain).collect()
    };
    let fingerprint = subject.fingerprint.get(..8).unwrap_or_default();
    cache.join(format!(
        "calibration_{}_{fingerprint}_{}_{}t_{}.json",
        plain(&subject.params),
        plain(&subject.device),
        subject.threads,
        subject.refresh.name(),
    ))
}

/// The calibration of a subject; nothing if there is none, and a complaint if it is of no use.
pub(super) fn read(cache: &Path, subject: &Subject) -> Result<Option<Calibration>, String> {
    let file = file(cache, subject);
    if !file.exists() {
        return Ok(None);
    }
    let name = file.display();
    let again = "operations are measured again";
    let bytes =
        crate::job::read_limited(&file, MAX_BYTES).map_err(|error| format!("{error}; {again}"))?;
    let found: Calibration = serde_json::from_slice(&bytes)
        .map_err(|error| format!("{name}: not a calibration of this program ({error}); {again}"))?;
    if found.subject == *subject {
        return Ok(Some(found));
    }
    Err(if found.subject.version == subject.version {
        format!("{name}: a calibration of something else; {again}")
    } else {
        let (found, now) = (found.subject.version, &subject.version);
        format!("{name}: a calibration of version {found}, and this is {now}; {again}")
    })
}

/// Keeps a calibration.
pub(super) fn write(cache: &Path, calibration: &Calibration) -> Result<(), JobError> {
    fs::create_dir_all(cache).map_err(JobError::io(cache, "be created"))?;
    let path = file(cache, &calibration.subject);
    let json = serde_json::to_vec(calibration).map_err(|source| JobError::Json {
        file: path.clone(),
        what: "expressible as JSON",
        source,
    })?;
    let mut file = AtomicFile::create(&path, false)?;
    file.write_all(&json)
        .map_err(JobError::io(&path, "be written"))?;
    Ok(file.commit()?)
}

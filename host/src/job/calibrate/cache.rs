//! Calibrations as files.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Calibration, Subject};
use crate::job::{JobError, read_limited, write_json};

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
    let bytes = read_limited(&file, MAX_BYTES).map_err(|error| error.to_string())?;
    let found: Calibration = serde_json::from_slice(&bytes)
        .map_err(|error| format!("{name}: not a calibration of this program ({error})"))?;
    if found.subject == *subject {
        return Ok(Some(found));
    }
    Err(if found.subject.version == subject.version {
        format!("{name}: a calibration of something else")
    } else {
        let (found, now) = (found.subject.version, &subject.version);
        format!("{name}: a calibration of version {found}, and this is {now}")
    })
}

/// Keeps a calibration.
pub(super) fn write(cache: &Path, calibration: &Calibration) -> Result<(), JobError> {
    fs::create_dir_all(cache).map_err(JobError::io(cache, "be created"))?;
    let path = file(cache, &calibration.subject);
    write_json(&path, false, calibration)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::calibrate::nothing;

    #[test]
    fn what_is_kept_is_found_again_and_nothing_else_is() {
        let cache = tempfile::tempdir().unwrap();
        let cache = cache.path().join("new");
        let kept = nothing();
        let subject = &kept.subject;
        assert_eq!(read(&cache, subject), Ok(None));
        write(&cache, &kept).unwrap();
        assert_eq!(read(&cache, subject), Ok(Some(kept.clone())));
        let others = [
            Subject {
                threads: 3,
                ..subject.clone()
            },
            Subject {
                device: "gpu (x)".to_owned(),
                ..subject.clone()
            },
            Subject {
                fingerprint: "f".repeat(64),
                ..subject.clone()
            },
        ];
        for other in others {
            assert_eq!(read(&cache, &other), Ok(None));
        }
        // The same file, but of another time.
        let next = Subject {
            version: "99".to_owned(),
            ..subject.clone()
        };
        let complaint = read(&cache, &next).unwrap_err();
        assert!(complaint.contains("and this is 99"), "{complaint}");
        let path = file(&cache, subject);
        for damage in ["", "{", "{\"subject\": 1}"] {
            fs::write(&path, damage).unwrap();
            let complaint = read(&cache, subject).unwrap_err();
            assert!(
                complaint.contains("not a calibration of this program"),
                "{complaint}"
            );
        }
        // Seconds that are none.
        let mut json = serde_json::to_value(&kept).unwrap();
        json["costs"]["rotation"] = serde_json::json!([[3, -1.0]]);
        fs::write(&path, json.to_string()).unwrap();
        assert!(read(&cache, subject).is_err());
        json["costs"] = serde_json::json!({});
        fs::write(&path, json.to_string()).unwrap();
        assert!(
            read(&cache, subject)
                .unwrap_err()
                .contains("there are no costs of")
        );
    }
}

//! What the owner remembers of the epochs it judged, so that one who is ended and begins again judges the next as before.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::resume::is_absent;
use super::store::remove_checkpoint;
use super::{JobError, read_limited, write_json};

/// The largest journal: a number for each of the most epochs.
const MAX_BYTES: u64 = 1 << 26;

/// The losses of the epochs of one training, in a file of the owner's beside the secret key.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    content: Content,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    /// What the server calls the training.
    training: String,
    /// From the first epoch on; nothing for a loss that is not a number.
    losses: Vec<Option<f64>>,
}

impl Journal {
    /// That of a training; an empty one, if the file is of another training or not there.
    pub(super) fn open(secret_key: &Path, training: &str) -> Result<Self, JobError> {
        let path = beside(secret_key);
        let content = if is_absent(&path) {
            None
        } else {
            let bytes = read_limited(&path, MAX_BYTES)?;
            let content: Content =
                serde_json::from_slice(&bytes).map_err(|source| JobError::Json {
                    file: path.clone(),
                    what: "the losses of a training; remove it to judge its epochs from here on alone",
                    source,
                })?;
            Some(content)
        };
        let content = content.filter(|content| content.training == training);
        Ok(Self {
            path,
            content: content.unwrap_or_else(|| Content {
                training: training.to_owned(),
                losses: Vec::new(),
            }),
        })
    }

    /// The losses of the epochs before this one, counted from one. What is known of later ones is forgotten.
    pub(super) fn before(&mut self, epoch: usize) -> impl Iterator<Item = f64> {
        self.content.losses.truncate(epoch.saturating_sub(1));
        let losses = self.content.losses.iter();
        losses.map(|loss| loss.unwrap_or(f64::NAN))
    }

    /// Writes down the loss of one more epoch.
    pub(super) fn add(&mut self, loss: f64) -> Result<(), JobError> {
        self.content.losses.push(loss.is_finite().then_some(loss));
        write_json(&self.path, true, &self.content)
    }

    /// Removes the file, when a training is over.
    pub(super) fn remove(secret_key: &Path) -> Result<(), JobError> {
        remove_checkpoint(&beside(secret_key))
    }
}

fn beside(secret_key: &Path) -> PathBuf {
    let mut name = secret_key.file_name().unwrap_or_default().to_owned();
    name.push(".losses");
    secret_key.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_who_begins_again_knows_the_epochs_before() {
        let directory = tempfile::tempdir().unwrap();
        let key = directory.path().join("secret.vg");
        let mut journal = Journal::open(&key, "one").unwrap();
        assert_eq!(journal.before(1).count(), 0);
        for loss in [0.5, f64::NAN, 0.25] {
            journal.add(loss).unwrap();
        }
        let mut again = Journal::open(&key, "one").unwrap();
        // Epoch 3 is asked about again: its answer was lost.
        let before: Vec<f64> = again.before(3).collect();
        assert!(before.len() == 2 && before[0] == 0.5 && before[1].is_nan());
        again.add(0.25).unwrap();
        assert_eq!(Journal::open(&key, "one").unwrap().before(9).count(), 3);
        assert_eq!(Journal::open(&key, "two").unwrap().before(9).count(), 0);
        std::fs::write(beside(&key), b"{").unwrap();
        let error = Journal::open(&key, "one").unwrap_err().to_string();
        assert!(error.contains("secret.vg.losses"), "{error}");
        Journal::remove(&key).unwrap();
        Journal::remove(&key).unwrap();
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}

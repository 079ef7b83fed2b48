//! The directory through which server and owner exchange refreshes.
//!
//! | file | from | holds |
//! |---|---|---|
//! | `refresh-000001.request.vg` | server | ciphertexts of the first refresh, and its level and bound |
//! | `refresh-000001.answer.vg` | owner | the same values, encrypted anew; or that they are out of range |
//! | `stop-000001.request.vg` | server | validation logits after epoch 1, encrypted, where the server stops early |
//! | `stop-000001.answer.vg` | owner | whether that epoch was the best so far, and whether to stop |
//! | `prune-000001.request.vg` | server | scores or logits of all samples in round 1 (rounds count from 0), where the server prunes |
//! | `prune-000001.answer.vg` | owner | which samples to keep, and how much each counts; or that scores are out of range |
//! | `done` | server | that the training is over, and whether it was finished |
//!
//! Every file is put in its place when it is complete, and names the training it belongs to, a random word that the
//! server chooses. A server removes a request when it is answered, an answer when the state that came of it is in its
//! checkpoint (so a step that is done again is answered as before, and the owner asked nothing twice), and at its start
//! whatever another training left; an owner removes `done`. One training at a time uses a directory.

mod owner;
mod server;

pub(super) use owner::{OwnerEnd, Received};
pub(super) use server::{Conversation, ServerEnd};

use std::path::{Path, PathBuf};
use std::time::Duration;

use engine::train::Verdict;
use serde::{Deserialize, Serialize};

/// Between two looks into the directory.
const POLL: Duration = Duration::from_millis(50);
const REQUEST: &str = ".request.vg";
const ANSWER: &str = ".answer.vg";
const DONE: &str = "done";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RequestHeader {
    /// The name of the keys.
    key: String,
    /// The name of the training.
    training: String,
    /// Counted from one.
    number: usize,
    /// Requests there will be.
    of: usize,
    /// Ciphertexts.
    vectors: usize,
    /// Where they are.
    level: usize,
    /// Where they are wanted.
    to: usize,
    /// What real and imaginary parts are bounded by.
    bound: f64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AnswerHeader {
    key: String,
    training: String,
    number: usize,
    /// The seed of the second halves; nothing if a value was out of range, a score among them.
    seed: Option<[u8; 32]>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Done {
    training: String,
    finished: bool,
}

/// Whether to go on after an epoch.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StopHeader {
    /// The name of the keys.
    key: String,
    /// The name of the training.
    training: String,
    /// Counted from one.
    epoch: usize,
    /// Validation samples of each ciphertext.
    samples: Vec<usize>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StopAnswerHeader {
    key: String,
    training: String,
    epoch: usize,
    verdict: Verdict,
}

/// What the owner is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Question {
    Refresh,
    Stop,
    Prune,
}

impl Question {
    const ALL: [Self; 3] = [Self::Refresh, Self::Stop, Self::Prune];

    const fn prefix(self) -> &'static str {
        match self {
            Self::Refresh => "refresh-",
            Self::Stop => "stop-",
            Self::Prune => "prune-",
        }
    }

    fn path(self, directory: &Path, number: usize, suffix: &str) -> PathBuf {
        directory.join(format!("{}{number:06}{suffix}", self.prefix()))
    }

    /// The number in the name of a request or answer.
    fn number(self, name: &str, suffix: &str) -> Option<usize> {
        name.strip_prefix(self.prefix())?
            .strip_suffix(suffix)?
            .parse()
            .ok()
    }
}

/// What the owner has to type.
pub(super) fn owner_command(directory: &Path) -> String {
    format!(
        "veilgrad refresh --secret-key secret.vg --data DATA --exchange {}",
        directory.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_numbers() {
        let path = Question::Refresh.path(Path::new("x"), 12, REQUEST);
        assert_eq!(path, Path::new("x/refresh-000012.request.vg"));
        let number = |name, suffix| Question::Refresh.number(name, suffix);
        assert_eq!(number("refresh-000012.request.vg", REQUEST), Some(12));
        assert_eq!(number("refresh-000012.answer.vg", REQUEST), None);
        assert_eq!(number("stop-000012.request.vg", REQUEST), None);
        assert_eq!(number(".refresh-000012.request.vg.7-0.part", REQUEST), None);
    }
}

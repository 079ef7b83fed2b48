//! The container of keys, ciphertexts, jobs and models: one versioned file format, checked before it is believed.
//!
//! ```text
//! prelude   176 bytes: magic, version, kind, parameter fingerprint, sizes, checksums; see `layout`
//! sections  bytes, one section after the other, without gaps
//! header    JSON: name of the parameter set, and whatever the kind of file calls for
//! table     name, length and checksum of each section
//! ```
//!
//! Every byte is covered by a BLAKE3 checksum: the prelude by its own, which holds those of header and table, which holds those of
//! the sections. So damage is found, wherever it is; a checksum does not tell who wrote a file. Sizes are compared with the real
//! length of the file before memory is taken for them.
//!
//! [`Writer`] writes sections as they come, into a new file that takes its place when it is complete ([`AtomicFile`]); [`Reader`]
//! checks everything but the sections when it opens a file, and each section when it is read. What the sections mean is the
//! business of those who write them.

mod atomic;
mod error;
mod layout;
mod lock;
mod reader;
mod words;
mod writer;

use std::fmt;

pub use atomic::AtomicFile;
pub use error::{FileError, Part};
pub use layout::{FORMAT_VERSION, MAX_HEADER_BYTES, MAX_NAME_BYTES, MAX_SECTIONS};
pub use lock::FileLock;
pub use reader::{Expected, Reader};
pub use words::{ResidueLayout, words_as_bytes, words_from_bytes};
pub use writer::{SectionWriter, Writer};

/// What a file holds. The numbers are part of the format: they are never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u32)]
#[non_exhaustive]
pub enum Kind {
    /// A secret key; readable by its owner alone.
    SecretKey = 1,
    /// A public encryption key.
    PublicKey = 2,
    /// Relinearization and Galois keys.
    EvaluationKeys = 3,
    /// Encrypted features and labels.
    DataSet = 4,
    /// What to compute, and the seed of all that is drawn for it; readable by its owner alone.
    Job = 5,
    /// Encrypted weights.
    Model = 6,
    /// Decrypted weights.
    ClearModel = 7,
    /// The state of a job between two steps.
    Checkpoint = 8,
    /// Ciphertexts for the owner to encrypt anew.
    RefreshRequest = 9,
    /// The owner's answer to it.
    RefreshAnswer = 10,
    /// Scores or logits for the owner to choose rows by.
    PruneRequest = 11,
    /// The owner's answer to it: which rows to keep.
    PruneAnswer = 12,
    /// Validation logits for the owner to decide by whether to go on.
    StopRequest = 13,
    /// The owner's answer to it.
    StopAnswer = 14,
    /// The samples of an encrypted data set that a mask keeps, merged.
    MergedSet = 15,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 15] = [
        Self::SecretKey,
        Self::PublicKey,
        Self::EvaluationKeys,
        Self::DataSet,
        Self::Job,
        Self::Model,
        Self::ClearModel,
        Self::Checkpoint,
        Self::RefreshRequest,
        Self::RefreshAnswer,
        Self::PruneRequest,
        Self::PruneAnswer,
        Self::StopRequest,
        Self::StopAnswer,
        Self::MergedSet,
    ];

    /// Whether a file of this kind must be readable by its owner alone.
    #[must_use]
    pub fn is_secret(self) -> bool {
        matches!(self, Self::SecretKey | Self::Job)
    }

    fn code(self) -> u32 {
        self as u32
    }

    fn from_code(code: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SecretKey => "a secret key",
            Self::PublicKey => "a public key",
            Self::EvaluationKeys => "evaluation keys",
            Self::DataSet => "an encrypted data set",
            Self::Job => "a job",
            Self::Model => "an encrypted model",
            Self::ClearModel => "a decrypted model",
            Self::Checkpoint => "a checkpoint",
            Self::RefreshRequest => "a refresh request",
            Self::RefreshAnswer => "a refresh answer",
            Self::PruneRequest => "a pruning request",
            Self::PruneAnswer => "a pruning answer",
            Self::StopRequest => "a stopping request",
            Self::StopAnswer => "a stopping answer",
            Self::MergedSet => "a merged data set",
        })
    }
}

/// The parameter set for which a file was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterSet {
    /// What people call it, in 1 to 64 visible ASCII characters.
    pub name: String,
    /// A hash of everything that must agree for ciphertexts to be of use together.
    pub fingerprint: [u8; 32],
}

impl fmt::Display for ParameterSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, hexadecimal(&self.fingerprint[..4]))
    }
}

/// Bytes as text.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;

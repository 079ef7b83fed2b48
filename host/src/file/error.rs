//! What can be wrong with a file.

use std::{fmt, io};

use super::{FORMAT_VERSION, Kind};

/// A part of a file that has a checksum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// The first bytes.
    Prelude,
    /// The JSON header.
    Header,
    /// The table of sections.
    Table,
    /// The named section.
    Section(String),
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prelude => f.write_str("prelude"),
            Self::Header => f.write_str("header"),
            Self::Table => f.write_str("section table"),
            Self::Section(name) => write!(f, "section `{name}`"),
        }
    }
}

/// Why a file could not be written, or was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The operating system refused.
    #[error("{file}: cannot {action}")]
    Io {
        /// The file.
        file: String,
        /// What was tried.
        action: &'static str,
        /// The reason.
        #[source]
        source: io::Error,
    },
    /// Another process has the file to itself.
    #[error(
        "{file}: another process works with it and holds {lock}; go on when that one has ended"
    )]
    Busy {
        /// The file.
        file: String,
        /// What is locked.
        lock: String,
    },
    /// The first bytes are not those of this format.
    #[error("{file}: not a veilgrad file")]
    Foreign {
        /// The file.
        file: String,
    },
    /// The file is of another version of the format.
    #[error("{file}: format version {found}, this program reads version {FORMAT_VERSION}")]
    Version {
        /// The file.
        file: String,
        /// Its version.
        found: u32,
    },
    /// The file is of a kind that this program does not know.
    #[error("{file}: unknown kind of file {code}")]
    UnknownKind {
        /// The file.
        file: String,
        /// The number of the kind.
        code: u32,
    },
    /// The file holds something else.
    #[error("{file} holds {found}, not {expected}")]
    Kind {
        /// The file.
        file: String,
        /// What is needed.
        expected: Kind,
        /// What it holds.
        found: Kind,
    },
    /// The file was made for other parameters.
    #[error("{file} was made for {found}, not for parameter set {expected}")]
    Parameters {
        /// The file.
        file: String,
        /// The set in use.
        expected: String,
        /// The set of the file.
        found: String,
    },
    /// The file is shorter or longer than its prelude says.
    #[error("{file}: {found} bytes, expected {expected}: truncated or damaged")]
    Length {
        /// The file.
        file: String,
        /// The length that the prelude calls for.
        expected: u64,
        /// The real length.
        found: u64,
    },
    /// The bytes of a part are not those that were written.
    #[error("{file}: the checksum of the {part} does not match: damaged")]
    Checksum {
        /// The file.
        file: String,
        /// The part.
        part: Part,
    },
    /// A size is beyond its limit.
    #[error("{file}: {what} {found}, the limit is {limit}")]
    TooLarge {
        /// The file.
        file: String,
        /// Whose size it is.
        what: String,
        /// The size.
        found: u64,
        /// The limit.
        limit: u64,
    },
    /// The parts of the file contradict one another.
    #[error("{file}: inconsistent {part}: {reason}")]
    Inconsistent {
        /// The file.
        file: String,
        /// The part.
        part: Part,
        /// What does not fit.
        reason: String,
    },
    /// The header does not hold what its kind of file calls for.
    #[error("{file}: header: {source}")]
    Header {
        /// The file.
        file: String,
        /// The field, and what was expected there.
        #[source]
        source: serde_json::Error,
    },
    /// There is no such section.
    #[error("{file}: there is no section `{section}`")]
    MissingSection {
        /// The file.
        file: String,
        /// The section that was looked for.
        section: String,
    },
    /// A section has another length than its content calls for.
    #[error("{file}: section `{section}` has {found} bytes, expected {expected}")]
    SectionLength {
        /// The file.
        file: String,
        /// The section.
        section: String,
        /// The length that the content calls for.
        expected: u64,
        /// The length it has.
        found: u64,
    },
    /// A section cannot have this name: empty, too long, not of visible ASCII characters, or taken.
    #[error("{file}: a section cannot be named `{section}`: {reason}")]
    SectionName {
        /// The file.
        file: String,
        /// The name.
        section: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A file was to be finished although a section had failed.
    #[error("{file}: section `{section}` was not written to its end")]
    Unfinished {
        /// The file.
        file: String,
        /// The section.
        section: String,
    },
    /// A residue is not canonical.
    #[error(
        "{file}: section `{section}`: residue {index} of limb {limb} of polynomial {polynomial} is {value}, not below its modulus {modulus}"
    )]
    Residue {
        /// The file.
        file: String,
        /// The section.
        section: String,
        /// The polynomial.
        polynomial: usize,
        /// The limb.
        limb: usize,
        /// The position in the row.
        index: usize,
        /// The word that stands there.
        value: u32,
        /// The modulus of the limb.
        modulus: u32,
    },
}

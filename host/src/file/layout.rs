//! Bytes of the prelude and of the section table. All numbers are little-endian.
//!
//! ```text
//! prelude   0  magic            8      table entry   length of name   1
//!           8  version          4                    name             1 to 64
//!          12  kind             4                    length           8
//!          16  fingerprint     32                    checksum        32
//!          48  section bytes    8
//!          56  header bytes     8
//!          64  table bytes      8
//!          72  sections         8
//!          80  header checksum 32
//!         112  table checksum  32
//!         144  prelude checksum, of bytes 0 to 143
//! ```

use std::collections::HashSet;

use super::{FileError, Part};

/// The version of the format that is written and read.
pub const FORMAT_VERSION: u32 = 1;
/// The largest JSON header.
pub const MAX_HEADER_BYTES: u64 = 1 << 20;
/// The largest number of sections.
pub const MAX_SECTIONS: usize = 1 << 16;
/// The longest name of a section.
pub const MAX_NAME_BYTES: usize = 64;

/// A byte no text begins with, the name, and both ends of line, which a transfer as text would change.
const MAGIC: [u8; 8] = *b"\x89VGF\r\n\x1a\n";
pub(super) const PRELUDE_BYTES: usize = 176;
const PRELUDE_HASHED_BYTES: usize = 144;
const MAX_ENTRY_BYTES: u64 = 1 + MAX_NAME_BYTES as u64 + 8 + 32;

/// A BLAKE3 checksum.
pub(super) type Checksum = [u8; 32];

/// Adds a piece of a section to its checksum, on all threads if the piece is long.
pub(super) fn hash_piece(hasher: &mut blake3::Hasher, piece: &[u8]) {
    /// Below this many bytes one thread is faster (the crate's own advice).
    const PARALLEL_BYTES: usize = 1 << 17;
    if piece.len() < PARALLEL_BYTES {
        hasher.update(piece);
    } else {
        hasher.update_rayon(piece);
    }
}

/// The numbers of the prelude; nothing is checked but the prelude's own checksum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Prelude {
    pub(super) kind: u32,
    pub(super) fingerprint: [u8; 32],
    pub(super) section_bytes: u64,
    pub(super) header_bytes: u64,
    pub(super) table_bytes: u64,
    pub(super) sections: u64,
    pub(super) header_checksum: Checksum,
    pub(super) table_checksum: Checksum,
}

impl Prelude {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(PRELUDE_BYTES);
        bytes.extend(MAGIC);
        bytes.extend(FORMAT_VERSION.to_le_bytes());
        bytes.extend(self.kind.to_le_bytes());
        bytes.extend(self.fingerprint);
        for size in [
            self.section_bytes,
            self.header_bytes,
            self.table_bytes,
            self.sections,
        ] {
            bytes.extend(size.to_le_bytes());
        }
        bytes.extend(self.header_checksum);
        bytes.extend(self.table_checksum);
        debug_assert_eq!(bytes.len(), PRELUDE_HASHED_BYTES);
        bytes.extend(blake3::hash(&bytes).as_bytes());
        bytes
    }

    /// Reads a prelude from the first bytes of a file of `length` bytes; fewer than a prelude has, if the file is shorter.
    pub(super) fn from_bytes(file: &str, bytes: &[u8], length: u64) -> Result<Self, FileError> {
        let file = || file.to_owned();
        if !bytes.starts_with(&MAGIC) {
            return Err(FileError::Foreign { file: file() });
        }
        let mut fields = Fields(bytes.get(MAGIC.len()..).unwrap_or_default());
        let truncated = || FileError::Length {
            file: file(),
            expected: PRELUDE_BYTES as u64,
            found: length,
        };
        let found = fields.u32().ok_or_else(truncated)?;
        if found != FORMAT_VERSION {
            return Err(FileError::Version {
                file: file(),
                found,
            });
        }
        let read = |fields: &mut Fields<'_>| {
            let prelude = Self {
                kind: fields.u32()?,
                fingerprint: fields.array()?,
                section_bytes: fields.u64()?,
                header_bytes: fields.u64()?,
                table_bytes: fields.u64()?,
                sections: fields.u64()?,
                header_checksum: fields.array()?,
                table_checksum: fields.array()?,
            };
            Some((prelude, fields.array()?))
        };
        let (prelude, checksum): (_, Checksum) = read(&mut fields).ok_or_else(truncated)?;
        let hashed = bytes.get(..PRELUDE_HASHED_BYTES).ok_or_else(truncated)?;
        if blake3::hash(hashed) != checksum {
            return Err(FileError::Checksum {
                file: file(),
                part: Part::Prelude,
            });
        }
        Ok(prelude)
    }

    /// Checks sizes against limits and against the real length of the file.
    pub(super) fn check_sizes(&self, file: &str, length: u64) -> Result<(), FileError> {
        let limits = [
            ("bytes of the header", self.header_bytes, MAX_HEADER_BYTES),
            ("sections", self.sections, MAX_SECTIONS as u64),
        ];
        for (what, found, limit) in limits {
            check_limit(file, what, found, limit)?;
        }
        let limit = MAX_ENTRY_BYTES * self.sections;
        check_limit(file, "bytes of the section table", self.table_bytes, limit)?;
        let expected = (PRELUDE_BYTES as u64 + self.header_bytes + self.table_bytes)
            .saturating_add(self.section_bytes);
        if expected != length {
            return Err(FileError::Length {
                file: file.to_owned(),
                expected,
                found: length,
            });
        }
        Ok(())
    }
}

pub(super) fn check_limit(file: &str, what: &str, found: u64, limit: u64) -> Result<(), FileError> {
    if found <= limit {
        return Ok(());
    }
    Err(FileError::TooLarge {
        file: file.to_owned(),
        what: what.to_owned(),
        found,
        limit,
    })
}

/// One line of the section table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) bytes: u64,
    pub(super) checksum: Checksum,
}

/// What is wrong with the name of a section or a parameter set, if anything.
pub(super) fn name_fault(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        Some("it is empty")
    } else if name.len() > MAX_NAME_BYTES {
        Some("it is too long")
    } else if !name.bytes().all(|b| b.is_ascii_graphic()) {
        Some("it has a character that is not visible ASCII")
    } else {
        None
    }
}

pub(super) fn table_to_bytes(entries: &[Entry]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in entries {
        debug_assert_eq!(name_fault(&entry.name), None);
        bytes.extend(u8::try_from(entry.name.len()));
        bytes.extend(entry.name.as_bytes());
        bytes.extend(entry.bytes.to_le_bytes());
        bytes.extend(entry.checksum);
    }
    bytes
}

/// Reads the table of `sections` entries, whose lengths must add up to `section_bytes`.
pub(super) fn table_from_bytes(
    file: &str,
    bytes: &[u8],
    sections: u64,
    section_bytes: u64,
) -> Result<Vec<Entry>, FileError> {
    let inconsistent = |reason: String| FileError::Inconsistent {
        file: file.to_owned(),
        part: Part::Table,
        reason,
    };
    let mut fields = Fields(bytes);
    let mut entries = Vec::new();
    let mut names = HashSet::new();
    let mut left = section_bytes;
    for number in 0..sections {
        let entry = fields
            .entry()
            .ok_or_else(|| inconsistent(format!("entry {number} is incomplete")))?;
        if let Some(fault) = name_fault(&entry.name) {
            return Err(inconsistent(format!("the name of entry {number}: {fault}")));
        }
        if !names.insert(entry.name.clone()) {
            return Err(inconsistent(format!("`{}` is there twice", entry.name)));
        }
        left = left
            .checked_sub(entry.bytes)
            .ok_or_else(|| inconsistent(format!("`{}` reaches beyond all sections", entry.name)))?;
        entries.push(entry);
    }
    if left > 0 || !fields.0.is_empty() {
        return Err(inconsistent(format!(
            "{left} bytes of sections and {} of the table belong to nothing",
            fields.0.len()
        )));
    }
    Ok(entries)
}

/// Bytes not read yet. Each method takes some from the front, or gives nothing if they do not suffice.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(bytes)?;
        self.0 = tail;
        Some(head)
    }

    fn array<const BYTES: usize>(&mut self) -> Option<[u8; BYTES]> {
        self.take(BYTES)?.try_into().ok()
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn entry(&mut self) -> Option<Entry> {
        let [name_bytes] = self.array()?;
        let name = str::from_utf8(self.take(usize::from(name_bytes))?).ok()?;
        Some(Entry {
            name: name.to_owned(),
            bytes: self.u64()?,
            checksum: self.array()?,
        })
    }
}

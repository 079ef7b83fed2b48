//! Reading a container: everything but the sections when it is opened, each section when it is asked for.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::layout::{
    Entry, PRELUDE_BYTES, Prelude, check_limit, hash_piece, name_fault, table_from_bytes,
};
use super::{FileError, Kind, ParameterSet, Part, ResidueLayout};

/// What a file must be to be accepted.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// Its kind; any, if nothing is said.
    pub kind: Option<Kind>,
    /// The parameter set it was made for; any or none, if nothing is said.
    pub parameters: Option<&'a ParameterSet>,
    /// The largest section.
    pub max_section_bytes: u64,
}

/// A container whose prelude, header and section table were found sound and as [`Expected`].
#[derive(Debug)]
pub struct Reader<R> {
    file: String,
    source: R,
    kind: Kind,
    parameters: Option<ParameterSet>,
    checksum: [u8; 32],
    content: serde_json::Value,
    entries: Vec<Entry>,
    /// Where each section is in `entries`, and its first byte.
    index: HashMap<String, (usize, u64)>,
}

/// The frame around the header of a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    parameters: Option<String>,
    content: serde_json::Value,
}

/// Sections are read in pieces of this size where nobody asks for another.
const PIECE_BYTES: usize = 1 << 20;

impl Reader<File> {
    /// Opens a file.
    ///
    /// # Errors
    /// Those of [`new`](Reader::new).
    pub fn open(path: &Path, expected: &Expected<'_>) -> Result<Self, FileError> {
        let file = path.display().to_string();
        let source = File::open(path).map_err(|source| FileError::Io {
            file: file.clone(),
            action: "be opened",
            source,
        })?;
        Self::new(&file, source, expected)
    }
}

impl<R: Read + Seek> Reader<R> {
    /// Reads prelude, header and table of the container that fills `source`, which errors call `file`.
    ///
    /// # Errors
    /// In this order: [`FileError::Foreign`], [`FileError::Version`], [`FileError::Checksum`] of the prelude,
    /// [`FileError::UnknownKind`], [`FileError::Kind`], [`FileError::TooLarge`] or [`FileError::Length`] for sizes that are beyond
    /// the limits or not those of the file, [`FileError::Checksum`] of header and table, [`FileError::Header`],
    /// [`FileError::Parameters`], [`FileError::Inconsistent`], [`FileError::TooLarge`] for a section; [`FileError::Io`].
    pub fn new(file: &str, mut source: R, expected: &Expected<'_>) -> Result<Self, FileError> {
        let io = read_error(file);
        let length = source.seek(SeekFrom::End(0)).map_err(&io)?;
        source.rewind().map_err(&io)?;
        let mut prelude = Vec::with_capacity(PRELUDE_BYTES);
        source
            .by_ref()
            .take(PRELUDE_BYTES as u64)
            .read_to_end(&mut prelude)
            .map_err(&io)?;
        let prelude = Prelude::from_bytes(file, &prelude, length)?;
        let kind = Kind::from_code(prelude.kind).ok_or_else(|| FileError::UnknownKind {
            file: file.to_owned(),
            code: prelude.kind,
        })?;
        if let Some(expected) = expected.kind.filter(|&expected| expected != kind) {
            return Err(FileError::Kind {
                file: file.to_owned(),
                expected,
                found: kind,
            });
        }
        prelude.check_sizes(file, length)?;

        let sections_end = PRELUDE_BYTES as u64 + prelude.section_bytes;
        source.seek(SeekFrom::Start(sections_end)).map_err(&io)?;
        let mut checked = |bytes: u64, checksum, part| {
            let mut read = Vec::new();
            source
                .by_ref()
                .take(bytes)
                .read_to_end(&mut read)
                .map_err(&io)?;
            if blake3::hash(&read) == checksum {
                Ok(read)
            } else {
                let file = file.to_owned();
                Err(FileError::Checksum { file, part })
            }
        };
        let header = checked(prelude.header_bytes, prelude.header_checksum, Part::Header)?;
        let table = checked(prelude.table_bytes, prelude.table_checksum, Part::Table)?;
        let header: Header =
            serde_json::from_slice(&header).map_err(|source| FileError::Header {
                file: file.to_owned(),
                source,
            })?;
        let parameters = parameters_of(file, header.parameters, prelude.fingerprint)?;
        check_parameters(file, parameters.as_ref(), expected.parameters)?;

        let entries = table_from_bytes(file, &table, prelude.sections, prelude.section_bytes)?;
        let mut index = HashMap::with_capacity(entries.len());
        let mut start = PRELUDE_BYTES as u64;
        for (number, Entry { name, bytes, .. }) in entries.iter().enumerate() {
            check_limit(file, &bytes_of(name), *bytes, expected.max_section_bytes)?;
            index.insert(name.clone(), (number, start));
            start += bytes;
        }
        let checksums = [prelude.header_checksum, prelude.table_checksum].concat();
        Ok(Self {
            file: file.to_owned(),
            source,
            kind,
            parameters,
            checksum: *blake3::hash(&checksums).as_bytes(),
            content: header.content,
            entries,
            index,
        })
    }

    /// What the container holds.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The parameter set it was made for, if for any.
    #[must_use]
    pub fn parameters(&self) -> Option<&ParameterSet> {
        self.parameters.as_ref()
    }

    /// A checksum of header and table, which hold those of all sections: files that share it are the same, once
    /// [verified](Self::verify).
    #[must_use]
    pub fn checksum(&self) -> [u8; 32] {
        self.checksum
    }

    /// The content of the header.
    ///
    /// # Errors
    /// [`FileError::Header`] if it is no `T`.
    pub fn header<T: DeserializeOwned>(&self) -> Result<T, FileError> {
        T::deserialize(&self.content).map_err(|source| FileError::Header {
            file: self.file.clone(),
            source,
        })
    }

    /// Name and length of each section, in the order in which they were written.
    #[must_use]
    pub fn sections(&self) -> impl ExactSizeIterator<Item = (&str, u64)> {
        self.entries
            .iter()
            .map(|entry| (entry.name.as_str(), entry.bytes))
    }

    /// A whole section of at most `limit` bytes.
    ///
    /// # Errors
    /// [`FileError::MissingSection`], [`FileError::Checksum`], [`FileError::Io`], [`FileError::TooLarge`] if it is beyond the
    /// limit or the address space.
    pub fn section(&mut self, name: &str, limit: u64) -> Result<Vec<u8>, FileError> {
        let found = self.find(name)?.0.bytes;
        check_limit(&self.file, &bytes_of(name), found, limit)?;
        let mut bytes = vec![0; self.size(name)?];
        self.section_into(name, &mut bytes)?;
        Ok(bytes)
    }

    /// A whole section, into memory of just its length; its content is unspecified after an error.
    ///
    /// # Errors
    /// [`FileError::MissingSection`], [`FileError::SectionLength`], [`FileError::Checksum`], [`FileError::Io`].
    pub fn section_into(&mut self, name: &str, into: &mut [u8]) -> Result<(), FileError> {
        let (entry, start) = self.find(name)?;
        if entry.bytes != into.len() as u64 {
            return Err(self.length_error(name, into.len() as u64, entry.bytes));
        }
        let checksum = entry.checksum;
        let io = read_error(&self.file);
        self.source.seek(SeekFrom::Start(start)).map_err(&io)?;
        let mut hasher = blake3::Hasher::new();
        for piece in into.chunks_mut(PIECE_BYTES) {
            self.source.read_exact(piece).map_err(&io)?;
            hash_piece(&mut hasher, piece);
        }
        self.check(name, hasher.finalize() == checksum)
    }

    /// A section of little-endian words.
    ///
    /// # Errors
    /// Those of [`section_into`](Reader::section_into), [`FileError::TooLarge`] if it is beyond the address space, and
    /// [`FileError::SectionLength`] if the last word is incomplete.
    pub fn words(&mut self, name: &str) -> Result<Vec<u32>, FileError> {
        let bytes = self.size(name)?;
        if !bytes.is_multiple_of(size_of::<u32>()) {
            let expected = bytes.next_multiple_of(size_of::<u32>()) as u64;
            return Err(self.length_error(name, expected, bytes as u64));
        }
        let mut words = vec![0u32; bytes / size_of::<u32>()];
        self.section_into(name, bytemuck::cast_slice_mut(&mut words))?;
        for word in &mut words {
            *word = u32::from_le(*word);
        }
        Ok(words)
    }

    /// A section of residues, each below the modulus of its limb.
    ///
    /// # Errors
    /// Those of [`words`](Reader::words), [`FileError::SectionLength`] for another number of residues, [`FileError::Residue`].
    pub fn residues(
        &mut self,
        name: &str,
        layout: &ResidueLayout<'_>,
    ) -> Result<Vec<u32>, FileError> {
        let found = self.find(name)?.0.bytes;
        let expected = layout
            .words()
            .and_then(|words| (words as u64).checked_mul(size_of::<u32>() as u64));
        if expected != Some(found) {
            return Err(self.length_error(name, expected.unwrap_or(u64::MAX), found));
        }
        let words = self.words(name)?;
        layout.check(&self.file, name, &words)?;
        Ok(words)
    }

    /// Hands a section on in pieces of `piece_bytes`, the last perhaps shorter.
    ///
    /// The checksum is compared after the last piece: nothing that `take` was given may be believed before this returns `Ok`.
    ///
    /// # Errors
    /// [`FileError::MissingSection`], [`FileError::Checksum`], [`FileError::Io`], and the errors of `take`.
    pub fn section_in_pieces<E: From<FileError>>(
        &mut self,
        name: &str,
        piece_bytes: usize,
        mut take: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let (entry, start) = self.find(name)?;
        let (mut left, checksum) = (entry.bytes, entry.checksum);
        let io = read_error(&self.file);
        self.source.seek(SeekFrom::Start(start)).map_err(&io)?;
        let mut hasher = blake3::Hasher::new();
        let mut piece = vec![
            0;
            usize::try_from(left)
                .map_or(piece_bytes, |n| n.min(piece_bytes))
                .max(1)
        ];
        while left > 0 {
            let bytes = usize::try_from(left).map_or(piece.len(), |left| left.min(piece.len()));
            let piece = &mut piece[..bytes];
            self.source.read_exact(piece).map_err(&io)?;
            hash_piece(&mut hasher, piece);
            take(piece)?;
            left -= bytes as u64;
        }
        self.check(name, hasher.finalize() == checksum)?;
        Ok(())
    }

    /// Reads every section and compares its checksum.
    ///
    /// # Errors
    /// [`FileError::Checksum`] of the first that is damaged, [`FileError::Io`].
    pub fn verify(&mut self) -> Result<(), FileError> {
        let names: Vec<String> = self.entries.iter().map(|e| e.name.clone()).collect();
        names
            .iter()
            .try_for_each(|name| self.section_in_pieces(name, PIECE_BYTES, |_| Ok(())))
    }

    fn find(&self, name: &str) -> Result<(&Entry, u64), FileError> {
        let &(number, start) = self
            .index
            .get(name)
            .ok_or_else(|| FileError::MissingSection {
                file: self.file.clone(),
                section: name.to_owned(),
            })?;
        Ok((&self.entries[number], start))
    }

    fn size(&self, name: &str) -> Result<usize, FileError> {
        let found = self.find(name)?.0.bytes;
        usize::try_from(found).map_err(|_| FileError::TooLarge {
            file: self.file.clone(),
            what: bytes_of(name),
            found,
            limit: usize::MAX as u64,
        })
    }

    fn check(&self, name: &str, sound: bool) -> Result<(), FileError> {
        if sound {
            return Ok(());
        }
        Err(FileError::Checksum {
            file: self.file.clone(),
            part: Part::Section(name.to_owned()),
        })
    }

    fn length_error(&self, name: &str, expected: u64, found: u64) -> FileError {
        FileError::SectionLength {
            file: self.file.clone(),
            section: name.to_owned(),
            expected,
            found,
        }
    }
}

/// What the size of a section is called.
fn bytes_of(name: &str) -> String {
    format!("bytes of section `{name}`")
}

fn parameters_of(
    file: &str,
    name: Option<String>,
    fingerprint: [u8; 32],
) -> Result<Option<ParameterSet>, FileError> {
    match name {
        None if fingerprint == [0; 32] => Ok(None),
        None => Err(FileError::Inconsistent {
            file: file.to_owned(),
            part: Part::Header,
            reason: "a parameter fingerprint, but no name for it".to_owned(),
        }),
        Some(name) => match name_fault(&name) {
            None => Ok(Some(ParameterSet { name, fingerprint })),
            Some(fault) => Err(FileError::Inconsistent {
                file: file.to_owned(),
                part: Part::Header,
                reason: format!("the name of the parameter set: {fault}"),
            }),
        },
    }
}

fn check_parameters(
    file: &str,
    found: Option<&ParameterSet>,
    expected: Option<&ParameterSet>,
) -> Result<(), FileError> {
    let Some(expected) = expected else {
        return Ok(());
    };
    if found.is_some_and(|found| found.fingerprint == expected.fingerprint) {
        return Ok(());
    }
    Err(FileError::Parameters {
        file: file.to_owned(),
        expected: expected.to_string(),
        found: found.map_or_else(
            || "no parameter set".to_owned(),
            |found| format!("parameter set {found}"),
        ),
    })
}

fn read_error(file: &str) -> impl Fn(io::Error) -> FileError {
    let file = file.to_owned();
    move |source| FileError::Io {
        file: file.clone(),
        action: "be read",
        source,
    }
}

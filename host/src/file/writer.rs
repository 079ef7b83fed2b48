//! Writing a container, section by section.

use std::collections::HashSet;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

use serde::Serialize;

use super::layout::{
    Entry, MAX_HEADER_BYTES, MAX_SECTIONS, PRELUDE_BYTES, Prelude, check_limit, hash_piece,
    name_fault, table_to_bytes,
};
use super::{AtomicFile, FileError, Kind, ParameterSet, words_as_bytes};

/// A container being written. Sections go straight to `W`, which begins at its first byte; nothing is buffered here.
#[derive(Debug)]
#[must_use = "a container is complete only when it is committed or finished"]
pub struct Writer<W> {
    file: String,
    sink: W,
    kind: Kind,
    parameters: Option<ParameterSet>,
    entries: Vec<Entry>,
    names: HashSet<String>,
    section_bytes: u64,
    /// The section that was begun and has not ended.
    open_section: Option<String>,
}

/// The frame around the header of a file.
#[derive(Serialize)]
struct Header<'a, T> {
    parameters: Option<&'a str>,
    content: &'a T,
}

impl Writer<AtomicFile> {
    /// Begins a file that takes the place of `path` when it is [committed](Writer::commit); of the owner alone, if its kind
    /// [is secret](Kind::is_secret).
    ///
    /// # Errors
    /// [`FileError::Io`].
    pub fn create(
        path: &Path,
        kind: Kind,
        parameters: Option<&ParameterSet>,
    ) -> Result<Self, FileError> {
        let sink = AtomicFile::create(path, kind.is_secret())?;
        Self::new(&path.display().to_string(), sink, kind, parameters)
    }

    /// Completes the file and puts it in its place.
    ///
    /// # Errors
    /// Those of [`finish`](Writer::finish); the old file is then still there.
    pub fn commit(self, header: &impl Serialize) -> Result<(), FileError> {
        self.finish(header)?.commit()
    }
}

impl<W: Write + Seek> Writer<W> {
    /// Begins a container at the first byte of `sink`, which errors call `file`.
    ///
    /// # Errors
    /// [`FileError::Io`].
    pub fn new(
        file: &str,
        mut sink: W,
        kind: Kind,
        parameters: Option<&ParameterSet>,
    ) -> Result<Self, FileError> {
        sink.write_all(&[0; PRELUDE_BYTES])
            .map_err(write_error(file))?;
        Ok(Self {
            file: file.to_owned(),
            sink,
            kind,
            parameters: parameters.cloned(),
            entries: Vec::new(),
            names: HashSet::new(),
            section_bytes: 0,
            open_section: None,
        })
    }

    /// Adds a section.
    ///
    /// # Errors
    /// Those of [`section_from`](Writer::section_from).
    pub fn section(&mut self, name: &str, bytes: &[u8]) -> Result<(), FileError> {
        self.section_from(name, |section| section.write(bytes))
    }

    /// Adds a section of little-endian words.
    ///
    /// # Errors
    /// Those of [`section_from`](Writer::section_from).
    pub fn words(&mut self, name: &str, words: &[u32]) -> Result<(), FileError> {
        self.section(name, &words_as_bytes(words))
    }

    /// Adds a section of what `fill` writes, piece by piece.
    ///
    /// # Errors
    /// [`FileError::SectionName`], [`FileError::TooLarge`] for too many sections, [`FileError::Io`], and the errors of `fill`;
    /// after these two the file cannot be finished.
    pub fn section_from<E: From<FileError>>(
        &mut self,
        name: &str,
        fill: impl FnOnce(&mut SectionWriter<'_, W>) -> Result<(), E>,
    ) -> Result<(), E> {
        let fault = name_fault(name).or(self.names.contains(name).then_some("it is taken"));
        if let Some(reason) = fault {
            return Err(E::from(FileError::SectionName {
                file: self.file.clone(),
                section: name.to_owned(),
                reason,
            }));
        }
        let sections = self.entries.len() as u64 + 1;
        check_limit(&self.file, "sections", sections, MAX_SECTIONS as u64)?;
        self.check_finished()?;
        self.open_section = Some(name.to_owned());
        let mut section = SectionWriter {
            file: &self.file,
            sink: &mut self.sink,
            bytes: 0,
            hasher: blake3::Hasher::new(),
        };
        fill(&mut section)?;
        let (bytes, checksum) = (section.bytes, *section.hasher.finalize().as_bytes());
        self.open_section = None;
        self.section_bytes += bytes;
        self.names.insert(name.to_owned());
        self.entries.push(Entry {
            name: name.to_owned(),
            bytes,
            checksum,
        });
        Ok(())
    }

    fn check_finished(&self) -> Result<(), FileError> {
        self.open_section.as_ref().map_or(Ok(()), |section| {
            Err(FileError::Unfinished {
                file: self.file.clone(),
                section: section.clone(),
            })
        })
    }

    /// Writes header, table and prelude, and gives the complete container back.
    ///
    /// # Errors
    /// [`FileError::Unfinished`] after a failed section, [`FileError::Header`] for a header that is not expressible as JSON,
    /// [`FileError::TooLarge`] for one beyond [`MAX_HEADER_BYTES`], [`FileError::Io`].
    pub fn finish(mut self, header: &impl Serialize) -> Result<W, FileError> {
        self.check_finished()?;
        let header = Header {
            parameters: self.parameters.as_ref().map(|set| set.name.as_str()),
            content: header,
        };
        let header = serde_json::to_vec(&header).map_err(|source| FileError::Header {
            file: self.file.clone(),
            source,
        })?;
        let header_bytes = header.len() as u64;
        check_limit(
            &self.file,
            "bytes of the header",
            header_bytes,
            MAX_HEADER_BYTES,
        )?;
        let table = table_to_bytes(&self.entries);
        let prelude = Prelude {
            kind: self.kind.code(),
            fingerprint: self
                .parameters
                .as_ref()
                .map_or([0; 32], |set| set.fingerprint),
            section_bytes: self.section_bytes,
            header_bytes,
            table_bytes: table.len() as u64,
            sections: self.entries.len() as u64,
            header_checksum: *blake3::hash(&header).as_bytes(),
            table_checksum: *blake3::hash(&table).as_bytes(),
        };
        let mut write = || {
            self.sink.write_all(&header)?;
            self.sink.write_all(&table)?;
            self.sink.seek(SeekFrom::Start(0))?;
            self.sink.write_all(&prelude.to_bytes())?;
            self.sink.flush()
        };
        write().map_err(write_error(&self.file))?;
        Ok(self.sink)
    }
}

/// A section being written.
#[derive(Debug)]
pub struct SectionWriter<'a, W> {
    file: &'a str,
    sink: &'a mut W,
    bytes: u64,
    hasher: blake3::Hasher,
}

impl<W: Write> SectionWriter<'_, W> {
    /// Adds a piece.
    ///
    /// # Errors
    /// [`FileError::Io`].
    pub fn write(&mut self, piece: &[u8]) -> Result<(), FileError> {
        self.sink.write_all(piece).map_err(write_error(self.file))?;
        hash_piece(&mut self.hasher, piece);
        self.bytes += piece.len() as u64;
        Ok(())
    }

    /// Adds a piece of little-endian words.
    ///
    /// # Errors
    /// [`FileError::Io`].
    pub fn words(&mut self, piece: &[u32]) -> Result<(), FileError> {
        self.write(&words_as_bytes(piece))
    }
}

fn write_error(file: &str) -> impl FnOnce(io::Error) -> FileError {
    let file = file.to_owned();
    |source| FileError::Io {
        file,
        action: "be written",
        source,
    }
}

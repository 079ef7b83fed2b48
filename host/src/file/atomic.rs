//! A file that takes its place when it is complete, or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use super::FileError;

/// A new file beside the one it will replace.
///
/// Until [`commit`](AtomicFile::commit) the old file stays as it is, and dropping the new one removes it. A program that is killed
/// leaves the old file and a hidden one whose name ends in `.part`. Nothing is buffered, so no copy of a secret stays behind.
#[derive(Debug)]
pub struct AtomicFile {
    file: File,
    part: PathBuf,
    target: PathBuf,
    committed: bool,
}

/// Tells the files of one process apart.
static SERIAL: AtomicU64 = AtomicU64::new(0);

impl AtomicFile {
    /// Opens a new file in the directory of `target`. If `secret`, nobody but its owner may read it (on Unix), from the start.
    ///
    /// # Errors
    /// [`FileError::Io`].
    pub fn create(target: &Path, secret: bool) -> Result<Self, FileError> {
        let Some(name) = target.file_name() else {
            let source = io::Error::new(io::ErrorKind::InvalidInput, "no file name");
            return Err(error(target, "be created")(source));
        };
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let mut part_name = std::ffi::OsString::from(".");
        part_name.push(name);
        part_name.push(format!(".{}-{serial}.part", process::id()));
        let part = target.with_file_name(part_name);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        if secret {
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        }
        #[cfg(not(unix))]
        let _ = secret;
        let file = options.open(&part).map_err(error(&part, "be created"))?;
        Ok(Self {
            file,
            part,
            target: target.to_owned(),
            committed: false,
        })
    }

    /// Waits until the bytes are on the disk, then puts the new file in the place of the old one.
    ///
    /// # Errors
    /// [`FileError::Io`]; the old file is then still there.
    pub fn commit(mut self) -> Result<(), FileError> {
        self.file
            .sync_all()
            .map_err(error(&self.part, "be written to disk"))?;
        fs::rename(&self.part, &self.target).map_err(error(&self.target, "be replaced"))?;
        self.committed = true;
        #[cfg(unix)]
        sync_directory(&self.target).map_err(error(&self.target, "be recorded on disk"))?;
        Ok(())
    }
}

/// Waits until the directory on disk names the file. A file system that cannot do so for directories is left to itself.
#[cfg(unix)]
fn sync_directory(file: &Path) -> io::Result<()> {
    let directory = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    match File::open(directory)?.sync_all() {
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported
            ) =>
        {
            Ok(())
        }
        result => result,
    }
}

fn error(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> FileError {
    let file = path.display().to_string();
    move |source| FileError::Io {
        file,
        action,
        source,
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Seek for AtomicFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if !self.committed {
            // Nobody is left to hear of a failure; the file is one that was never asked for.
            let _ = fs::remove_file(&self.part);
        }
    }
}

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

/// How the name of a file ends that is not complete.
const PART: &str = ".part";

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
        // A file cannot take the place of a directory, which would be found out at the end only.
        if target.is_dir() {
            let source = io::ErrorKind::IsADirectory.into();
            return Err(error(target, "be created")(source));
        }
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let mut part_name = std::ffi::OsString::from(".");
        part_name.push(name);
        part_name.push(format!(".{}-{serial}{PART}", process::id()));
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

    /// Where the file will be.
    #[must_use]
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Writes all that the file shall hold, and [commits](Self::commit) it.
    ///
    /// # Errors
    /// [`FileError::Io`]; the old file is then still there.
    pub fn complete(mut self, bytes: &[u8]) -> Result<(), FileError> {
        let written = self.file.write_all(bytes);
        written.map_err(error(&self.target, "be written"))?;
        self.commit()
    }

    /// Of the name of a file that is not complete, that of the file it was to replace.
    #[must_use]
    pub fn target_of(part: &str) -> Option<&str> {
        let (target, serial) = part
            .strip_prefix('.')?
            .strip_suffix(PART)?
            .rsplit_once('.')?;
        let (process, serial) = serial.split_once('-')?;
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        (is_number(process) && is_number(serial)).then_some(target)
    }

    /// Removes what programs that were killed left beside `target` when they were about to replace it. Only for files that
    /// no other program may be writing.
    ///
    /// # Errors
    /// [`FileError::Io`].
    pub fn sweep(target: &Path) -> Result<(), FileError> {
        let Some(name) = target.file_name().and_then(|name| name.to_str()) else {
            return Ok(());
        };
        let directory = match target.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        for entry in fs::read_dir(directory).map_err(error(directory, "be listed"))? {
            let entry = entry.map_err(error(directory, "be listed"))?;
            let part = entry.file_name();
            if part.to_str().and_then(Self::target_of) == Some(name) {
                let part = entry.path();
                fs::remove_file(&part).map_err(error(&part, "be removed"))?;
            }
        }
        Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_not_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let refused = AtomicFile::create(directory.path(), false).unwrap_err();
        assert!(
            refused.to_string().ends_with("cannot be created"),
            "{refused}"
        );
        let target = directory.path().join("text");
        for text in ["first", "second"] {
            let file = AtomicFile::create(&target, false).unwrap();
            assert_eq!(file.target(), target);
            file.complete(text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&target).unwrap(), text);
        }
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_was_not_completed_is_swept_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("model.vg");
        let unfinished = AtomicFile::create(&target, false).unwrap();
        let name = unfinished.part.file_name().unwrap().to_str().unwrap();
        assert_eq!(AtomicFile::target_of(name), Some("model.vg"));
        // As if the program were killed.
        std::mem::forget(unfinished);
        let others = [
            ".model.vg.x-1.part",
            ".other.vg.7-0.part",
            "model.vg.7-0.part",
        ];
        for other in others {
            fs::write(directory.path().join(other), b"").unwrap();
        }
        AtomicFile::sweep(&target).unwrap();
        let mut left: Vec<_> = fs::read_dir(directory.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        let mut others = others.map(str::to_owned);
        others.sort();
        assert_eq!(left, others);
    }
}

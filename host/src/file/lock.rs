//! A file that one process at a time works with.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::FileError;

/// Keeps a file for one process until this is dropped, or the process is killed.
///
/// What is locked is a file beside it, whose name ends in `.lock`: the file itself may be replaced meanwhile.
#[derive(Debug)]
pub struct FileLock {
    target: PathBuf,
    lock: PathBuf,
    /// Open, and so locked.
    _file: File,
}

impl FileLock {
    /// Keeps `target`, which need not exist.
    ///
    /// # Errors
    /// [`FileError::Busy`] if another process has it, [`FileError::Io`].
    pub fn of(target: &Path) -> Result<Self, FileError> {
        let mut name = target.file_name().unwrap_or_default().to_owned();
        name.push(".lock");
        let lock = target.with_file_name(name);
        let error = |action| {
            let file = lock.display().to_string();
            move |source: io::Error| FileError::Io {
                file,
                action,
                source,
            }
        };
        loop {
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(false);
            let file = options.open(&lock).map_err(error("be created"))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(FileError::Busy {
                        file: target.display().to_string(),
                        lock: lock.display().to_string(),
                    });
                }
                Err(TryLockError::Error(source)) => return Err(error("be locked")(source)),
            }
            // Whoever had it may have removed it after it was opened here.
            if is_at(&file, &lock).map_err(error("be read"))? {
                return Ok(Self {
                    target: target.to_owned(),
                    lock,
                    _file: file,
                });
            }
        }
    }

    /// The file that is kept.
    #[must_use]
    pub fn target(&self) -> &Path {
        &self.target
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        // Whoever comes next makes a new one; one that stays is of no harm.
        let _ = fs::remove_file(&self.lock);
    }
}

/// Whether an open file is the one that has this name now.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let id = |metadata: &fs::Metadata| (metadata.dev(), metadata.ino());
    match fs::metadata(path) {
        Ok(found) => Ok(id(&found) == id(&file.metadata()?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Elsewhere a file that is open is not removed.
#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> io::Result<bool> {
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_has_a_file() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("model.vg.checkpoint");
        let first = FileLock::of(&target).unwrap();
        let error = FileLock::of(&target).unwrap_err();
        assert!(matches!(error, FileError::Busy { .. }), "{error}");
        assert!(error.to_string().contains("model.vg.checkpoint"), "{error}");
        drop(first);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
        // Left by a process that was killed.
        fs::write(directory.path().join("model.vg.checkpoint.lock"), b"").unwrap();
        let second = FileLock::of(&target).unwrap();
        assert_eq!(second.target(), target);
    }
}

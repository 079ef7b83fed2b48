//! Tables for the owner: a line for each row of the data.

use std::io::Write;
use std::path::Path;

use super::super::JobError;
use crate::file::AtomicFile;

/// Writes lines under a head as CSV. They say something about the data: only the owner of the file may read it.
pub(super) fn write_table<const COLUMNS: usize>(
    path: &Path,
    head: [&str; COLUMNS],
    lines: &[[String; COLUMNS]],
) -> Result<(), JobError> {
    let mut table = csv::Writer::from_writer(Vec::new());
    let written = table
        .write_record(head)
        .and_then(|()| lines.iter().try_for_each(|line| table.write_record(line)));
    written.map_err(|error| JobError::io(path, "be written")(error.into()))?;
    let text = table
        .into_inner()
        .map_err(|error| JobError::io(path, "be written")(error.into_error()))?;
    let mut file = AtomicFile::create(path, true)?;
    file.write_all(&text)
        .map_err(JobError::io(path, "be written"))?;
    Ok(file.commit()?)
}

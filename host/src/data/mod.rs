//! Data sets in: tables of features and classes, checked once when they are read.
//!
//! A [`DataSet`] is three [`Table`]s (training, validation, test) of finite 32-bit features and classes below
//! [`MAX_CLASSES`]. It comes from a file in one of the [`FORMATS`], or from the [`digits`](DataSet::digits) inside the
//! program. Parts that a file leaves out are split from its training rows ([`split`]); features are brought to a common
//! scale by [`Normalization`]. Nothing here knows of ciphertexts.

mod covariance;
mod csv;
mod element;
mod error;
mod idx;
mod normalize;
mod npy;
mod npz;
mod parts;
mod room;
mod safetensors;
mod set;
pub mod split;
mod table;

use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;

pub use self::csv::Csv;
pub use covariance::largest_eigenvalue;
pub use error::DataError;
pub use idx::Idx;
pub use normalize::{MAX_MAGNITUDE, Normalization, Scaling};
pub use npy::Npy;
pub use npz::Npz;
pub use safetensors::Safetensors;
pub use set::{DataSet, Loaded};
pub use table::Table;

pub use engine::circuits::packing::MAX_CLASSES;

/// Bytes that can be read from any position: an open file, or bytes in memory.
pub trait Source: Read + Seek {}

impl<T: Read + Seek> Source for T {}

/// A file format from which a data set can be read.
pub trait Format: Sync {
    /// What people call it.
    fn name(&self) -> &'static str;
    /// How its files are named, for messages.
    fn pattern(&self) -> &'static str;
    /// Whether `path` is named like one of its files.
    fn accepts(&self, path: &Path) -> bool;
    /// Reads the parts that a file holds, and where the format keeps them in several files, those beside it.
    ///
    /// Memory is bounded by a small multiple of what the files really hold, whatever they claim, and by what can be had.
    ///
    /// # Errors
    /// Any [`DataError`] but [`UnknownExtension`](DataError::UnknownExtension) and those of splitting.
    fn open(&self, path: &Path) -> Result<Loaded, DataError>;
}

/// Every format, in the order in which errors list them.
pub const FORMATS: &[&dyn Format] = &[&Safetensors, &Npz, &Npy, &Csv, &Idx];

/// Whether a path ends with this extension (lower case, without the dot), in any case.
fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension()
        .is_some_and(|found| found.eq_ignore_ascii_case(extension))
}

/// Opens a file.
fn open_file(path: &Path) -> Result<(String, File), DataError> {
    let file = path.display().to_string();
    match File::open(path) {
        Ok(source) => Ok((file, source)),
        Err(source) => Err(DataError::Io { file, source }),
    }
}

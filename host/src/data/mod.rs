//! Data sets in: tables of features and classes, checked once when they are read.
//!
//! A [`DataSet`] is three [`Table`]s (training, validation, test) of finite 32-bit features and classes below
//! [`MAX_CLASSES`]. It comes from a file in one of the [`FORMATS`], or from the [`digits`](DataSet::digits) inside the
//! program. Parts that a file leaves out are split from its training rows ([`split`]); features are brought to a common
//! scale by [`Normalization`]. Nothing here knows of ciphertexts.

mod covariance;
mod csv;
mod error;
mod normalize;
mod safetensors;
mod set;
pub mod split;
mod table;

use std::io::{Read, Seek};
use std::path::Path;

pub use self::csv::Csv;
pub use covariance::largest_eigenvalue;
pub use error::DataError;
pub use normalize::{MAX_MAGNITUDE, Normalization, Scaling};
pub use safetensors::Safetensors;
pub use set::{DataSet, Loaded};
pub use table::Table;

/// The largest number of classes.
pub const MAX_CLASSES: usize = 64;

/// Bytes that can be read from any position: an open file, or bytes in memory.
pub trait Source: Read + Seek {}

impl<T: Read + Seek> Source for T {}

/// A file format from which a data set can be read.
pub trait Format: Sync {
    /// What people call it.
    fn name(&self) -> &'static str;
    /// The extension of its files, in lower case, without the dot.
    fn extension(&self) -> &'static str;
    /// Whether the extension of `path` is [`extension`](Format::extension), in any case.
    fn accepts(&self, path: &Path) -> bool {
        path.extension()
            .is_some_and(|found| found.eq_ignore_ascii_case(self.extension()))
    }
    /// Reads the parts that `source` holds. Errors call it `file`.
    ///
    /// Memory is bounded by a small multiple of the real length of `source`, whatever it claims.
    ///
    /// # Errors
    /// Any [`DataError`] but [`UnknownExtension`](DataError::UnknownExtension) and those of splitting.
    fn read(&self, file: &str, source: &mut dyn Source) -> Result<Loaded, DataError>;
}

/// Every format, in the order in which errors list them.
pub const FORMATS: &[&dyn Format] = &[&Safetensors, &Csv];

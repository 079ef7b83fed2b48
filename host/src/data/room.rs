//! How much memory a data set may take: it is known before any is taken.

use super::DataError;
use crate::memory::available_bytes;

/// The most that is taken for a table, wherever it fits: 64 GiB.
const MAX_BYTES: u64 = 1 << 36;
/// Features are in memory as they were read, normalized, and in numbers of twice as many bits.
const COPIES: u64 = 4;

/// The most bytes that can be had now.
pub(super) fn limit() -> u64 {
    available_bytes().map_or(MAX_BYTES, |bytes| bytes.min(MAX_BYTES))
}

/// Bytes that a table of so many features takes.
pub(super) fn of_features(count: usize) -> u64 {
    (count as u64).saturating_mul(COPIES * size_of::<f32>() as u64)
}

/// Refuses what takes more bytes than can be had. Errors call it `place`.
pub(super) fn check(place: &str, bytes: u64) -> Result<(), DataError> {
    let limit = limit();
    if bytes <= limit {
        return Ok(());
    }
    Err(DataError::TooLarge {
        place: place.to_owned(),
        bytes,
        limit,
    })
}

/// Makes room behind the elements of `values` for so many more.
pub(super) fn reserve<T>(place: &str, values: &mut Vec<T>, more: usize) -> Result<(), DataError> {
    values.try_reserve(more).map_err(|_| {
        let count = values.len().saturating_add(more);
        DataError::TooLarge {
            place: place.to_owned(),
            bytes: (count as u64).saturating_mul(size_of::<T>() as u64),
            limit: limit(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_has_is_refused() {
        assert!(check("f", 1 << 10).is_ok());
        assert!(check("f", of_features(1 << 10)).is_ok());
        let error = check("f", of_features(1 << 40)).unwrap_err().to_string();
        assert!(
            error.starts_with("f: takes 16777216 MiB of memory, "),
            "{error}"
        );
        assert!(check("f", of_features(usize::MAX)).is_err());
        assert!(reserve("f", &mut Vec::<u64>::new(), usize::MAX / 8).is_err());
    }
}

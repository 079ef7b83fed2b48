//! Elements of tensors, read one after the other: features and labels, each checked where it stands.

use std::io::{ErrorKind, Read};

use half::{bf16, f16};

use super::table::round_to_f32;
use super::{DataError, MAX_CLASSES, room};

/// What kind of number an element is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// IEEE 754, of 2, 4 or 8 bytes.
    Float,
    /// The upper half of a 32-bit IEEE 754 number.
    Brain,
    Unsigned,
    /// In two's complement.
    Signed,
}

/// How the elements of a tensor are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) kind: Kind,
    /// 1, 2, 4 or 8.
    pub(super) bytes: usize,
    pub(super) big_endian: bool,
}

impl Element {
    pub(super) const fn is_float(self) -> bool {
        matches!(self.kind, Kind::Float | Kind::Brain)
    }

    /// The bits of an element, in the low end.
    fn bits(self, bytes: &[u8]) -> u64 {
        let append = |bits: u64, byte: &u8| bits << 8 | u64::from(*byte);
        if self.big_endian {
            bytes.iter().fold(0, append)
        } else {
            bytes.iter().rev().fold(0, append)
        }
    }

    /// The value of an integer.
    fn integer(self, bytes: &[u8]) -> i128 {
        let bits = self.bits(bytes);
        if self.kind == Kind::Signed {
            let unused = 64 - 8 * self.bytes;
            i128::from((bits << unused).cast_signed() >> unused)
        } else {
            i128::from(bits)
        }
    }

    /// The value of any element, rounded to 64 bits.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "an element of two or four bytes has no more bits than that"
    )]
    fn value(self, bytes: &[u8]) -> f64 {
        let bits = self.bits(bytes);
        match (self.kind, self.bytes) {
            (Kind::Float, 2) => f16::from_bits(bits as u16).to_f64(),
            (Kind::Brain, _) => bf16::from_bits(bits as u16).to_f64(),
            (Kind::Float, 4) => f64::from(f32::from_bits(bits as u32)),
            (Kind::Float, _) => f64::from_bits(bits),
            (Kind::Unsigned | Kind::Signed, _) => self.integer(bytes) as f64,
        }
    }
}

/// Bytes are read in pieces of this size; a multiple of every element's.
const PIECE_BYTES: usize = 1 << 16;

/// Bytes of a file, with what errors call it.
pub(super) struct Input<'a> {
    file: &'a str,
    format: &'static str,
    source: &'a mut dyn Read,
}

impl<'a> Input<'a> {
    pub(super) fn new(file: &'a str, format: &'static str, source: &'a mut dyn Read) -> Self {
        Self {
            file,
            format,
            source,
        }
    }

    /// What is wrong with the file.
    pub(super) fn foreign(&self, reason: impl Into<String>) -> DataError {
        DataError::Foreign {
            file: self.file.to_owned(),
            format: self.format,
            reason: reason.into(),
        }
    }

    /// Fills a buffer.
    pub(super) fn fill(&mut self, buffer: &mut [u8]) -> Result<(), DataError> {
        self.source
            .read_exact(buffer)
            .map_err(|source| match source.kind() {
                ErrorKind::UnexpectedEof => self.foreign("it ends too early"),
                // Of decompression.
                ErrorKind::InvalidData | ErrorKind::InvalidInput => {
                    self.foreign(source.to_string())
                }
                _ => DataError::Io {
                    file: self.file.to_owned(),
                    source,
                },
            })
    }

    /// Refuses bytes that are left.
    pub(super) fn end(&mut self) -> Result<(), DataError> {
        match self.source.read(&mut [0]) {
            Ok(0) => Ok(()),
            Ok(_) => Err(self.foreign("it goes on behind its last element")),
            Err(error) => Err(self.foreign(error.to_string())),
        }
    }

    /// `rows * columns` features, row by row.
    pub(super) fn features(
        &mut self,
        place: &str,
        element: Element,
        [rows, columns]: [usize; 2],
    ) -> Result<Vec<f32>, DataError> {
        let count = self.count(place, rows, columns)?;
        self.elements(place, element, count, |at, bytes| {
            finite(place, at / columns, at % columns, element.value(bytes))
        })
    }

    /// The same, stored column by column.
    pub(super) fn transposed_features(
        &mut self,
        place: &str,
        element: Element,
        [rows, columns]: [usize; 2],
    ) -> Result<Vec<f32>, DataError> {
        let count = self.count(place, rows, columns)?;
        let stored = self.elements(place, element, count, |at, bytes| {
            finite(place, at % rows, at / rows, element.value(bytes))
        })?;
        let mut values = Vec::new();
        room::reserve(place, &mut values, count)?;
        for row in 0..rows {
            values.extend(stored[row..].iter().step_by(rows));
        }
        Ok(values)
    }

    /// So many labels, which are as many as rows of features.
    pub(super) fn labels(
        &mut self,
        place: &str,
        element: Element,
        rows: usize,
    ) -> Result<Vec<u16>, DataError> {
        self.elements(place, element, rows, |at, bytes| {
            class(place, at, element.integer(bytes))
        })
    }

    /// How many features there are, if there is room for them.
    fn count(&self, place: &str, rows: usize, columns: usize) -> Result<usize, DataError> {
        let count = rows.checked_mul(columns);
        let count =
            count.ok_or_else(|| self.foreign(format!("{rows} rows of {columns} features")))?;
        room::check(place, room::of_features(count))?;
        Ok(count)
    }

    /// So many elements, each made of its position and its bytes. Room is made as they come.
    fn elements<T>(
        &mut self,
        place: &str,
        element: Element,
        count: usize,
        make: impl Fn(usize, &[u8]) -> Result<T, DataError>,
    ) -> Result<Vec<T>, DataError> {
        let mut values = Vec::new();
        let mut piece = vec![0; PIECE_BYTES];
        while values.len() < count {
            let now = (count - values.len()).min(PIECE_BYTES / element.bytes);
            let bytes = &mut piece[..now * element.bytes];
            self.fill(bytes)?;
            room::reserve(place, &mut values, now)?;
            for bytes in bytes.chunks_exact(element.bytes) {
                values.push(make(values.len(), bytes)?);
            }
        }
        Ok(values)
    }
}

/// A feature, if it is a finite 32-bit number.
fn finite(place: &str, row: usize, column: usize, value: f64) -> Result<f32, DataError> {
    let rounded = round_to_f32(value);
    if rounded.is_finite() {
        return Ok(rounded);
    }
    Err(DataError::NotFinite {
        place: place.to_owned(),
        row,
        column,
        value,
    })
}

/// A label, if it is a class.
fn class(place: &str, row: usize, value: i128) -> Result<u16, DataError> {
    match u16::try_from(value) {
        Ok(class) if usize::from(class) < MAX_CLASSES => Ok(class),
        _ => Err(DataError::Label {
            place: place.to_owned(),
            row,
            value,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_byte_orders_and_signs() {
        let of = |kind, bytes, big_endian| Element {
            kind,
            bytes,
            big_endian,
        };
        assert_eq!(of(Kind::Signed, 2, true).integer(&[0xff, 0xfe]), -2);
        assert_eq!(of(Kind::Signed, 2, false).integer(&[0xfe, 0xff]), -2);
        assert_eq!(of(Kind::Unsigned, 2, true).integer(&[1, 2]), 258);
        assert_eq!(of(Kind::Signed, 8, false).integer(&[0xff; 8]), -1);
        assert_eq!(of(Kind::Float, 4, true).value(&1.5f32.to_be_bytes()), 1.5);
        assert_eq!(
            of(Kind::Float, 8, false).value(&(-2.5f64).to_le_bytes()),
            -2.5
        );
        assert_eq!(
            of(Kind::Float, 2, true).value(&f16::from_f32(0.25).to_be_bytes()),
            0.25
        );
        assert_eq!(of(Kind::Unsigned, 1, false).value(&[200]), 200.0);
    }

    #[test]
    fn columns_become_rows() {
        let bytes: Vec<u8> = vec![1, 2, 3, 4, 5, 6];
        let element = Element {
            kind: Kind::Unsigned,
            bytes: 1,
            big_endian: false,
        };
        let mut source = bytes.as_slice();
        let mut input = Input::new("f", "test", &mut source);
        let values = input.transposed_features("f", element, [3, 2]).unwrap();
        assert_eq!(values, [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
        assert!(input.end().is_ok());
        let error = input
            .features("f", element, [1, 1])
            .unwrap_err()
            .to_string();
        assert_eq!(error, "f: not a sound test file: it ends too early");
    }
}

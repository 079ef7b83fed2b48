//! The safetensors format: `x_train` `[rows, features]` and `y_train` `[rows]`, and alike `x_val`, `y_val`, `x_test`, `y_test`.
//!
//! The header is parsed by the crate `safetensors`; the tensors are then read piece by piece, after the sizes that the header
//! claims were compared with the real length of the file. Metadata `classes`, a JSON list of strings, names the classes.

use std::io::{self, Read, SeekFrom};

use half::{bf16, f16};
use safetensors::tensor::{Dtype, Metadata, TensorInfo};

use super::table::round_to_f32;
use super::{DataError, Format, Loaded, MAX_CLASSES, Source, Table};

/// Files with the extension `safetensors`.
#[derive(Debug, Clone, Copy)]
pub struct Safetensors;

/// The header may have this many bytes; that of a data set has a few hundred.
const MAX_HEADER_BYTES: u64 = 1 << 20;
/// The length of the header stands before it.
const PREFIX_BYTES: u64 = size_of::<u64>() as u64;
/// Tensors are read in pieces of this size; a multiple of every element's.
const PIECE_BYTES: usize = 1 << 16;

const TRAIN: [&str; 2] = ["x_train", "y_train"];
const VALIDATION: [&str; 2] = ["x_val", "y_val"];
const TEST: [&str; 2] = ["x_test", "y_test"];

impl Format for Safetensors {
    fn name(&self) -> &'static str {
        "safetensors"
    }

    fn extension(&self) -> &'static str {
        "safetensors"
    }

    fn read(&self, file: &str, source: &mut dyn Source) -> Result<Loaded, DataError> {
        let mut tensors = Tensors::open(file, source)?;
        let class_names = tensors.class_names();
        Ok(Loaded {
            train: tensors.table(TRAIN)?,
            validation: tensors.optional_table(VALIDATION)?,
            test: tensors.optional_table(TEST)?,
            class_names,
        })
    }
}

/// An open file whose header was checked against its length.
struct Tensors<'a> {
    file: &'a str,
    source: &'a mut dyn Source,
    metadata: Metadata,
    data_start: u64,
}

impl<'a> Tensors<'a> {
    fn open(file: &'a str, source: &'a mut dyn Source) -> Result<Self, DataError> {
        let foreign = |reason: String| DataError::Foreign {
            file: file.to_owned(),
            format: "safetensors",
            reason,
        };
        let io = |source| DataError::Io {
            file: file.to_owned(),
            source,
        };
        let length = source.seek(SeekFrom::End(0)).map_err(io)?;
        source.rewind().map_err(io)?;
        if length < PREFIX_BYTES {
            return Err(foreign(format!("{length} bytes are no header")));
        }
        let mut prefix = [0; size_of::<u64>()];
        source.read_exact(&mut prefix).map_err(io)?;
        let header_bytes = u64::from_le_bytes(prefix);
        if header_bytes > MAX_HEADER_BYTES.min(length - PREFIX_BYTES) {
            return Err(foreign(format!(
                "a header of {header_bytes} bytes in a file of {length}, at most {MAX_HEADER_BYTES} are read"
            )));
        }
        let mut header = Vec::new();
        source
            .take(header_bytes)
            .read_to_end(&mut header)
            .map_err(io)?;
        let metadata: Metadata =
            serde_json::from_slice(&header).map_err(|error| foreign(error.to_string()))?;
        let data_start = PREFIX_BYTES + header_bytes;
        if metadata.data_len() as u64 != length - data_start {
            return Err(foreign(format!(
                "the header lists {} bytes of tensors, the file holds {}",
                metadata.data_len(),
                length - data_start
            )));
        }
        let known = [TRAIN, VALIDATION, TEST].concat();
        let mut names = metadata.offset_keys().into_iter();
        let misspelt = |name: &String| {
            (name.starts_with("x_") || name.starts_with("y_")) && !known.contains(&name.as_str())
        };
        if let Some(tensor) = names.find(misspelt) {
            return Err(DataError::UnknownTensor {
                file: file.to_owned(),
                tensor,
                known: known.join(", "),
            });
        }
        Ok(Self {
            file,
            source,
            metadata,
            data_start,
        })
    }

    fn class_names(&self) -> Option<Vec<String>> {
        let list = self.metadata.metadata().as_ref()?.get("classes")?;
        serde_json::from_str(list).ok()
    }

    fn optional_table(&mut self, names: [&'static str; 2]) -> Result<Option<Table>, DataError> {
        let missing = names.iter().all(|name| self.metadata.info(name).is_none());
        if missing {
            return Ok(None);
        }
        self.table(names).map(Some)
    }

    fn table(&mut self, [x, y]: [&'static str; 2]) -> Result<Table, DataError> {
        let (x_info, y_info) = (self.info(x)?.clone(), self.info(y)?.clone());
        let shape_error = |tensor, info: &TensorInfo, expected| DataError::TensorShape {
            file: self.file.to_owned(),
            tensor,
            found: info.shape.clone(),
            expected,
        };
        let &[rows, columns] = x_info.shape.as_slice() else {
            return Err(shape_error(x, &x_info, "[rows, features]"));
        };
        let &[labels] = y_info.shape.as_slice() else {
            return Err(shape_error(y, &y_info, "[rows]"));
        };
        let place = format!("{}: tensor `{x}`", self.file);
        if rows == 0 || columns == 0 {
            return Err(DataError::Empty {
                place,
                rows,
                columns,
            });
        }
        if labels != rows {
            return Err(DataError::RowCount {
                place,
                rows,
                labels,
            });
        }
        let values = self.features(x, &x_info, columns)?;
        let labels = self.labels(y, &y_info)?;
        Table::new(&place, columns, values, labels)
    }

    fn info(&self, tensor: &'static str) -> Result<&TensorInfo, DataError> {
        self.metadata
            .info(tensor)
            .ok_or_else(|| DataError::MissingTensor {
                file: self.file.to_owned(),
                tensor,
            })
    }

    fn features(
        &mut self,
        tensor: &'static str,
        info: &TensorInfo,
        columns: usize,
    ) -> Result<Vec<f32>, DataError> {
        let (size, decode): (usize, fn(&[u8]) -> f64) = match info.dtype {
            Dtype::F16 => (2, |b| f16::from_le_bytes([b[0], b[1]]).to_f64()),
            Dtype::BF16 => (2, |b| bf16::from_le_bytes([b[0], b[1]]).to_f64()),
            Dtype::F32 => (4, |b| {
                f64::from(f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            }),
            Dtype::F64 => (8, |b| f64::from_bits(zero_extended(b))),
            _ => return Err(self.type_error(tensor, info, "F16, BF16, F32 or F64")),
        };
        let mut values = Vec::with_capacity(elements(info, size));
        let place = format!("{}: tensor `{tensor}`", self.file);
        self.each_element(info, size, |bytes| {
            let value = decode(bytes);
            let rounded = round_to_f32(value);
            if !rounded.is_finite() {
                return Err(DataError::NotFinite {
                    place: place.clone(),
                    row: values.len() / columns,
                    column: values.len() % columns,
                    value,
                });
            }
            values.push(rounded);
            Ok(())
        })?;
        Ok(values)
    }

    fn labels(&mut self, tensor: &'static str, info: &TensorInfo) -> Result<Vec<u16>, DataError> {
        let (size, signed) = match info.dtype {
            Dtype::U8 => (1, false),
            Dtype::U16 => (2, false),
            Dtype::U32 => (4, false),
            Dtype::U64 => (8, false),
            Dtype::I8 => (1, true),
            Dtype::I16 => (2, true),
            Dtype::I32 => (4, true),
            Dtype::I64 => (8, true),
            _ => return Err(self.type_error(tensor, info, "an integer type")),
        };
        let mut labels = Vec::with_capacity(elements(info, size));
        let place = format!("{}: tensor `{tensor}`", self.file);
        self.each_element(info, size, |bytes| {
            let value = if signed {
                i128::from(sign_extended(bytes))
            } else {
                i128::from(zero_extended(bytes))
            };
            match u16::try_from(value) {
                Ok(class) if usize::from(class) < MAX_CLASSES => labels.push(class),
                _ => {
                    return Err(DataError::Label {
                        place: place.clone(),
                        row: labels.len(),
                        value,
                    });
                }
            }
            Ok(())
        })?;
        Ok(labels)
    }

    fn type_error(
        &self,
        tensor: &'static str,
        info: &TensorInfo,
        expected: &'static str,
    ) -> DataError {
        DataError::TensorType {
            file: self.file.to_owned(),
            tensor,
            found: info.dtype.to_string(),
            expected,
        }
    }

    /// Calls `take` with the `size` bytes of each element of the tensor, in order.
    fn each_element(
        &mut self,
        info: &TensorInfo,
        size: usize,
        mut take: impl FnMut(&[u8]) -> Result<(), DataError>,
    ) -> Result<(), DataError> {
        let io = |source: io::Error| DataError::Io {
            file: self.file.to_owned(),
            source,
        };
        let (start, end) = info.data_offsets;
        self.source
            .seek(SeekFrom::Start(self.data_start + start as u64))
            .map_err(io)?;
        let mut piece = vec![0; PIECE_BYTES.min(end - start)];
        let mut left = end - start;
        while left > 0 {
            let bytes = left.min(PIECE_BYTES);
            self.source.read_exact(&mut piece[..bytes]).map_err(io)?;
            for element in piece[..bytes].chunks_exact(size) {
                take(element)?;
            }
            left -= bytes;
        }
        Ok(())
    }
}

/// Elements of `size` bytes in a tensor: by its real bytes, not by its shape.
fn elements(info: &TensorInfo, size: usize) -> usize {
    (info.data_offsets.1 - info.data_offsets.0) / size
}

/// A little-endian unsigned number of at most eight bytes.
fn zero_extended(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |n, &b| n << 8 | u64::from(b))
}

/// A little-endian number of one to eight bytes in two's complement.
fn sign_extended(bytes: &[u8]) -> i64 {
    let unused = 64 - 8 * bytes.len();
    (zero_extended(bytes) << unused).cast_signed() >> unused
}

#[cfg(test)]
mod tests;

//! The safetensors format: `x_train` `[rows, features]` and `y_train` `[rows]`, and alike `x_val`, `y_val`, `x_test`, `y_test`.
//!
//! The header is parsed by the crate `safetensors`; the tensors are then read piece by piece, after the sizes that the header
//! claims were compared with the real length of the file. Metadata `classes`, a JSON list of strings, names the classes.

use std::io::{Read, SeekFrom};
use std::path::Path;

use safetensors::tensor::{Dtype, Metadata, TensorInfo};

use super::element::{Element, Input, Kind};
use super::parts::{PARTS, check_name};
use super::{DataError, Format, Loaded, Source, Table, has_extension, open_file};

/// Files with the extension `safetensors`.
#[derive(Debug, Clone, Copy)]
pub struct Safetensors;

/// The header may have this many bytes; that of a data set has a few hundred.
const MAX_HEADER_BYTES: u64 = 1 << 20;
/// The length of the header stands before it.
const PREFIX_BYTES: u64 = size_of::<u64>() as u64;
/// What errors call the format.
const FORMAT: &str = "safetensors";

impl Format for Safetensors {
    fn name(&self) -> &'static str {
        "safetensors"
    }

    fn pattern(&self) -> &'static str {
        "*.safetensors"
    }

    fn accepts(&self, path: &Path) -> bool {
        has_extension(path, "safetensors")
    }

    fn open(&self, path: &Path) -> Result<Loaded, DataError> {
        let (file, mut source) = open_file(path)?;
        self.read(&file, &mut source)
    }
}

impl Safetensors {
    /// Reads the tensors that `source` holds. Errors call it `file`.
    pub(super) fn read(self, file: &str, source: &mut dyn Source) -> Result<Loaded, DataError> {
        let mut tensors = Tensors::open(file, source)?;
        let class_names = tensors.class_names()?;
        let [train, validation, test] = PARTS;
        Ok(Loaded {
            train: tensors.table(train)?,
            validation: tensors.optional_table(validation)?,
            test: tensors.optional_table(test)?,
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
            format: FORMAT,
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
        for name in metadata.offset_keys() {
            check_name(file, &name)?;
        }
        Ok(Self {
            file,
            source,
            metadata,
            data_start,
        })
    }

    fn class_names(&self) -> Result<Option<Vec<String>>, DataError> {
        let metadata = self.metadata.metadata().as_ref();
        let Some(list) = metadata.and_then(|metadata| metadata.get("classes")) else {
            return Ok(None);
        };
        let names = serde_json::from_str(list).map_err(|error| DataError::Foreign {
            file: self.file.to_owned(),
            format: FORMAT,
            reason: format!("metadata `classes` is no list of strings in JSON: {error}"),
        })?;
        Ok(Some(names))
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
        let element = self::element(&x_info).filter(|element| element.is_float());
        let element =
            element.ok_or_else(|| self.type_error(x, &x_info, "F16, BF16, F32 or F64"))?;
        let values = self
            .at(&x_info)?
            .features(&place, element, [rows, columns])?;
        let element = self::element(&y_info).filter(|element| !element.is_float());
        let element = element.ok_or_else(|| self.type_error(y, &y_info, "an integer type"))?;
        let label_place = format!("{}: tensor `{y}`", self.file);
        let labels = self.at(&y_info)?.labels(&label_place, element, rows)?;
        Table::new(&place, columns, values, labels)
    }

    fn info(&self, tensor: &'static str) -> Result<&TensorInfo, DataError> {
        self.metadata
            .info(tensor)
            .ok_or_else(|| DataError::MissingTensor {
                file: self.file.to_owned(),
                tensor,
                found: self.metadata.offset_keys(),
            })
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

    /// The bytes of a tensor.
    fn at(&mut self, info: &TensorInfo) -> Result<Input<'_>, DataError> {
        let start = self.data_start + info.data_offsets.0 as u64;
        let sought = self.source.seek(SeekFrom::Start(start));
        sought.map_err(|source| DataError::Io {
            file: self.file.to_owned(),
            source,
        })?;
        Ok(Input::new(self.file, FORMAT, &mut self.source))
    }
}

/// How the elements of a tensor are stored; nothing for types that no data set has.
fn element(info: &TensorInfo) -> Option<Element> {
    let (kind, bytes) = match info.dtype {
        Dtype::F16 => (Kind::Float, 2),
        Dtype::BF16 => (Kind::Brain, 2),
        Dtype::F32 => (Kind::Float, 4),
        Dtype::F64 => (Kind::Float, 8),
        Dtype::U8 => (Kind::Unsigned, 1),
        Dtype::U16 => (Kind::Unsigned, 2),
        Dtype::U32 => (Kind::Unsigned, 4),
        Dtype::U64 => (Kind::Unsigned, 8),
        Dtype::I8 => (Kind::Signed, 1),
        Dtype::I16 => (Kind::Signed, 2),
        Dtype::I32 => (Kind::Signed, 4),
        Dtype::I64 => (Kind::Signed, 8),
        _ => return None,
    };
    Some(Element {
        kind,
        bytes,
        big_endian: false,
    })
}

#[cfg(test)]
mod tests;

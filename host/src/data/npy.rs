//! NumPy's format for one array, described in NumPy Enhancement Proposal 1 and the documentation of `numpy.lib.format`.
//!
//! A file named `x_train.npy` holds features `[rows, features]`; the classes `[rows]` are in `y_train.npy` beside it, and
//! `x_val.npy`, `y_val.npy`, `x_test.npy`, `y_test.npy` are read if they are there. In a file of any other name the last
//! column holds the class.

use std::io::Read;
use std::path::Path;

use super::element::{Element, Input, Kind};
use super::parts::PARTS;
use super::{DataError, Format, Loaded, MAX_CLASSES, Table, has_extension, open_file, room};

/// Files with the extension `npy`.
#[derive(Debug, Clone, Copy)]
pub struct Npy;

/// What every file begins with.
const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// A header may have this many bytes; that of a matrix has a hundred.
const MAX_HEADER_BYTES: usize = 1 << 16;

impl Format for Npy {
    fn name(&self) -> &'static str {
        "NumPy array"
    }

    fn pattern(&self) -> &'static str {
        "*.npy"
    }

    fn accepts(&self, path: &Path) -> bool {
        has_extension(path, "npy")
    }

    fn open(&self, path: &Path) -> Result<Loaded, DataError> {
        let [train, validation, test] = PARTS;
        if path.file_stem().is_none_or(|stem| stem != train[0]) {
            return Ok(Loaded {
                train: with_classes(path)?,
                validation: None,
                test: None,
                class_names: None,
            });
        }
        let beside = |name: &str| path.with_file_name(format!("{name}.npy"));
        let part = |[x, y]: [&str; 2]| {
            let (x_path, y_path) = (beside(x), beside(y));
            let (x_file, mut x_source) = open_file(&x_path)?;
            let (y_file, mut y_source) = open_file(&y_path)?;
            let features = features(&x_file, &mut x_source)?;
            features.with_labels(&x_file, &y_file, &mut y_source)
        };
        let optional = |names: [&str; 2]| {
            let there = names.iter().any(|name| beside(name).exists());
            there.then(|| part(names)).transpose()
        };
        Ok(Loaded {
            train: part(train)?,
            validation: optional(validation)?,
            test: optional(test)?,
            class_names: None,
        })
    }
}

/// An array of features, row by row.
pub(super) struct Features {
    values: Vec<f32>,
    columns: usize,
}

/// Reads an array of features.
pub(super) fn features(file: &str, source: &mut dyn Read) -> Result<Features, DataError> {
    let mut input = Input::new(file, "npy", source);
    let header = Header::read(&mut input)?;
    let values = header.features(file, &mut input)?;
    let columns = header.shape[1];
    Ok(Features { values, columns })
}

impl Features {
    /// The table with the array of labels that `source` holds, of the file `y_file`.
    pub(super) fn with_labels(
        self,
        x_file: &str,
        y_file: &str,
        source: &mut dyn Read,
    ) -> Result<Table, DataError> {
        let mut input = Input::new(y_file, "npy", source);
        let header = Header::read(&mut input)?;
        let &[labels] = header.shape.as_slice() else {
            return Err(input.foreign(format!("shape {:?}, expected (rows,)", header.shape)));
        };
        if header.element.is_float() {
            return Err(input.foreign("classes of a floating-point type, expected integers"));
        }
        let rows = self.values.len() / self.columns;
        if labels != rows {
            return Err(DataError::RowCount {
                place: x_file.to_owned(),
                rows,
                labels,
            });
        }
        let labels = input.labels(y_file, header.element, rows)?;
        input.end()?;
        Table::new(x_file, self.columns, self.values, labels)
    }
}

/// A table from an array whose last column is the class.
fn with_classes(path: &Path) -> Result<Table, DataError> {
    let (file, mut source) = open_file(path)?;
    let mut input = Input::new(&file, "npy", &mut source);
    let header = Header::read(&mut input)?;
    let all = header.features(&file, &mut input)?;
    let columns = header.shape[1] - 1;
    if columns == 0 {
        return Err(DataError::Empty {
            place: file,
            rows: header.shape[0],
            columns,
        });
    }
    let (mut values, mut labels) = (Vec::new(), Vec::new());
    room::reserve(&file, &mut values, all.len())?;
    room::reserve(&file, &mut labels, header.shape[0])?;
    for (row, numbers) in all.chunks_exact(columns + 1).enumerate() {
        let class = numbers[columns];
        let found = (0..MAX_CLASSES)
            .zip(0u16..)
            .find(|(known, _)| *known as f32 == class);
        let Some((_, label)) = found else {
            return Err(DataError::Class {
                place: file,
                row,
                column: columns,
                value: class,
            });
        };
        values.extend(&numbers[..columns]);
        labels.push(label);
    }
    Table::new(&file, columns, values, labels)
}

/// What stands in front of the elements.
#[derive(Debug, PartialEq)]
struct Header {
    element: Element,
    column_major: bool,
    shape: Vec<usize>,
}

impl Header {
    fn read(input: &mut Input<'_>) -> Result<Self, DataError> {
        let mut start = [0; 8];
        input.fill(&mut start)?;
        let (magic, version) = start.split_at(MAGIC.len());
        if magic != MAGIC {
            return Err(input.foreign("it does not begin like one"));
        }
        let bytes = match version[0] {
            1 => {
                let mut length = [0; 2];
                input.fill(&mut length)?;
                usize::from(u16::from_le_bytes(length))
            }
            2 | 3 => {
                let mut length = [0; 4];
                input.fill(&mut length)?;
                usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX)
            }
            other => return Err(input.foreign(format!("version {other} is not known"))),
        };
        if bytes > MAX_HEADER_BYTES {
            let reason = format!("a header of {bytes} bytes, at most {MAX_HEADER_BYTES} are read");
            return Err(input.foreign(reason));
        }
        let mut text = vec![0; bytes];
        input.fill(&mut text)?;
        let text = String::from_utf8_lossy(&text);
        Self::parse(&text).map_err(|reason| input.foreign(reason))
    }

    /// Reads the text of a header: `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }` and blanks.
    fn parse(text: &str) -> Result<Self, String> {
        let odd = || format!("its header is `{}`", text.trim());
        let body = text
            .trim()
            .strip_prefix('{')
            .and_then(|text| text.strip_suffix('}'));
        let mut rest = body.ok_or_else(odd)?.trim();
        let (mut element, mut column_major, mut shape) = (None, None, None);
        while !rest.is_empty() {
            let (key, value) = rest.split_once(':').ok_or_else(odd)?;
            let value = value.trim_start();
            // A value ends at the next comma that is not within its parentheses or quotes.
            let close = match value.chars().next() {
                Some('(') => value.find(')').map(|end| end + 1),
                Some(quote @ ('\'' | '"')) => value[1..].find(quote).map(|end| end + 2),
                _ => value.find(',').or(Some(value.len())),
            };
            let (value, behind) = value.split_at(close.ok_or_else(odd)?);
            match key.trim().trim_matches(['\'', '"']) {
                "descr" => element = Some(element_of(value.trim_matches(['\'', '"']))?),
                "fortran_order" => column_major = Some(value.trim() == "True"),
                "shape" => shape = Some(shape_of(value).ok_or_else(odd)?),
                _ => return Err(odd()),
            }
            rest = behind.trim_start().trim_start_matches(',').trim();
        }
        match (element, column_major, shape) {
            (Some(element), Some(column_major), Some(shape)) => Ok(Self {
                element,
                column_major,
                shape,
            }),
            _ => Err(odd()),
        }
    }

    /// The elements of a matrix, row by row.
    fn features(&self, file: &str, input: &mut Input<'_>) -> Result<Vec<f32>, DataError> {
        let &[rows, columns] = self.shape.as_slice() else {
            let found = format!("shape {:?}, expected (rows, features)", self.shape);
            return Err(input.foreign(found));
        };
        if rows == 0 || columns == 0 {
            return Err(DataError::Empty {
                place: file.to_owned(),
                rows,
                columns,
            });
        }
        let values = if self.column_major {
            input.transposed_features(file, self.element, [rows, columns])?
        } else {
            input.features(file, self.element, [rows, columns])?
        };
        input.end()?;
        Ok(values)
    }
}

/// The element of a type description such as `<f4` or `|u1`.
fn element_of(description: &str) -> Result<Element, String> {
    let unknown = || {
        format!("elements of type `{description}`, expected floats of 2, 4 or 8 bytes or integers")
    };
    let mut letters = description.chars();
    let (order, kind) = (letters.next(), letters.next());
    let bytes: usize = letters.as_str().parse().map_err(|_| unknown())?;
    let kind = match (kind, bytes) {
        (Some('f'), 2 | 4 | 8) => Kind::Float,
        (Some('u'), 1 | 2 | 4 | 8) => Kind::Unsigned,
        (Some('i'), 1 | 2 | 4 | 8) => Kind::Signed,
        _ => return Err(unknown()),
    };
    let big_endian = match order {
        Some('<' | '|') => false,
        Some('>') => true,
        _ => return Err(unknown()),
    };
    Ok(Element {
        kind,
        bytes,
        big_endian,
    })
}

/// The numbers of a tuple such as `(3, 4)` or `(3,)`.
fn shape_of(tuple: &str) -> Option<Vec<usize>> {
    let numbers = tuple.strip_prefix('(')?.strip_suffix(')')?.trim();
    let numbers = numbers.strip_suffix(',').unwrap_or(numbers);
    if numbers.is_empty() {
        return Some(Vec::new());
    }
    numbers
        .split(',')
        .map(|number| number.trim().parse().ok())
        .collect()
}

#[cfg(test)]
pub(super) mod tests;

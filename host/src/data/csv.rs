//! Comma-separated values: one row of numbers a line, one of the columns being the class.
//!
//! The first line is a header if one of its cells is `label` (in any case) or if a cell but the last is not a number. If only
//! the last one is not a number, it is a class when some later line has the same, and else a header. The class stands in the
//! column `label`, or else in the last. If all classes are integers, they are the classes; otherwise classes are numbered in
//! the order of their names.

use ::csv::{ReaderBuilder, StringRecord, Trim};
use std::collections::HashMap;
use std::io::{Read, SeekFrom};
use std::path::Path;

use super::table::round_to_f32;
use super::{
    DataError, Format, Loaded, MAX_CLASSES, Source, Table, has_extension, open_file, room,
};

/// Files with the extension `csv`.
#[derive(Debug, Clone, Copy)]
pub struct Csv;

impl Format for Csv {
    fn name(&self) -> &'static str {
        "comma-separated values"
    }

    fn pattern(&self) -> &'static str {
        "*.csv"
    }

    fn accepts(&self, path: &Path) -> bool {
        has_extension(path, "csv")
    }

    fn open(&self, path: &Path) -> Result<Loaded, DataError> {
        let (file, mut source) = open_file(path)?;
        self.read(&file, &mut source)
    }
}

impl Csv {
    /// Reads the rows that `source` holds. Errors call it `file`.
    fn read(self, file: &str, source: &mut dyn Source) -> Result<Loaded, DataError> {
        let io = |source| DataError::Io {
            file: file.to_owned(),
            source,
        };
        let length = source.seek(SeekFrom::End(0)).map_err(io)?;
        room::check(file, length)?;
        source.rewind().map_err(io)?;
        let (limit, mut text) = (room::limit(), Vec::new());
        source.take(limit).read_to_end(&mut text).map_err(io)?;
        room::check(file, bytes_of(&text))?;
        let mut records = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .trim(Trim::All)
            .from_reader(text.as_slice())
            .into_records()
            .map(|record| {
                record.map_err(|error| DataError::Foreign {
                    file: file.to_owned(),
                    format: "csv",
                    reason: error.to_string(),
                })
            });
        let Some(first) = records.next().transpose()? else {
            return Err(DataError::Empty {
                place: file.to_owned(),
                rows: 0,
                columns: 0,
            });
        };
        let role = FirstLine::of(&first);
        let mut rows = Rows::new(file, &text, &first, role)?;
        if role == FirstLine::Data {
            rows.push(&first)?;
        }
        for record in records {
            rows.push(&record?)?;
        }
        if role == FirstLine::HeaderUnlessClassRecurs {
            let (cell, classes) = (last_cell(&first), rows.classes.names.len());
            if rows.classes.ids.contains_key(cell) {
                rows.push_front(&first)?;
            } else if classes < 2 {
                return Err(DataError::TakenForHeader {
                    file: file.to_owned(),
                    cell: cell.to_owned(),
                    classes,
                });
            }
        }
        rows.finish()
    }
}

/// Bytes that reading takes: the text, its longest record (which may be twice in memory, as it grows), and the numbers.
fn bytes_of(text: &[u8]) -> u64 {
    // A cell in quotes may hold ends of lines.
    let longest = if text.contains(&b'"') {
        text.len()
    } else {
        let lines = text.split(|&byte| byte == b'\n');
        lines.map(<[u8]>::len).max().unwrap_or(0)
    };
    let cells = text.iter().filter(|&&byte| matches!(byte, b',' | b'\n'));
    let texts = (text.len() as u64).saturating_add(2 * longest as u64);
    texts.saturating_add(room::of_features(cells.count()))
}

/// What the first line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FirstLine {
    Header,
    Data,
    HeaderUnlessClassRecurs,
}

impl FirstLine {
    fn of(record: &StringRecord) -> Self {
        let number = |cell: &str| cell.parse::<f64>().is_ok();
        let features = record.len().saturating_sub(1);
        if record.iter().any(is_label) || !record.iter().take(features).all(number) {
            Self::Header
        } else if number(last_cell(record)) {
            Self::Data
        } else {
            Self::HeaderUnlessClassRecurs
        }
    }
}

fn is_label(cell: &str) -> bool {
    cell.eq_ignore_ascii_case("label")
}

fn last_cell(record: &StringRecord) -> &str {
    record.iter().next_back().unwrap_or_default()
}

/// The rows read so far.
struct Rows<'a> {
    file: &'a str,
    text: &'a [u8],
    /// Names of the columns, or their numbers from 1.
    names: Vec<String>,
    label: usize,
    values: Vec<f32>,
    ids: Vec<usize>,
    classes: Classes,
}

/// The different classes in order of appearance, each with the byte where it first stands.
#[derive(Default)]
struct Classes {
    ids: HashMap<String, usize>,
    names: Vec<(String, usize)>,
}

impl<'a> Rows<'a> {
    fn new(
        file: &'a str,
        text: &'a [u8],
        first: &StringRecord,
        role: FirstLine,
    ) -> Result<Self, DataError> {
        if first.len() < 2 {
            return Err(DataError::FeatureCount {
                place: format!("{file}: one column (separated by commas?)"),
                found: 0,
                expected: 1,
            });
        }
        let header = |problem| DataError::Header {
            file: file.to_owned(),
            problem,
        };
        let mut labels = (0..first.len()).filter(|&i| is_label(&first[i]));
        let label = labels.next().unwrap_or(first.len() - 1);
        if labels.next().is_some() {
            return Err(header("has more than one column `label`".to_owned()));
        }
        let names: Vec<String> = if role == FirstLine::Header {
            first.iter().map(str::to_owned).collect()
        } else {
            (1..=first.len()).map(|i| i.to_string()).collect()
        };
        if let Some(i) = names.iter().position(String::is_empty) {
            return Err(header(format!(
                "has no name for column {} (a column of row numbers must be removed)",
                i + 1
            )));
        }
        Ok(Self {
            file,
            text,
            names,
            label,
            values: Vec::new(),
            ids: Vec::new(),
            classes: Classes::default(),
        })
    }

    fn push(&mut self, record: &StringRecord) -> Result<(), DataError> {
        let start = start(record);
        if record.len() != self.names.len() {
            return Err(DataError::Ragged {
                file: self.file.to_owned(),
                line: self.line(start),
                found: record.len(),
                expected: self.names.len(),
            });
        }
        for (column, cell) in record.iter().enumerate() {
            if column == self.label {
                let id = self.class_id(start, cell)?;
                self.ids.push(id);
            } else {
                let number = cell.parse().map(round_to_f32);
                match number {
                    Ok(x) if x.is_finite() => self.values.push(x),
                    _ => return Err(self.cell(start, column, cell, "a finite 32-bit number")),
                }
            }
        }
        Ok(())
    }

    /// Adds a row before all others.
    fn push_front(&mut self, record: &StringRecord) -> Result<(), DataError> {
        self.push(record)?;
        self.ids.rotate_right(1);
        self.values.rotate_right(self.names.len() - 1);
        Ok(())
    }

    fn class_id(&mut self, start: usize, name: &str) -> Result<usize, DataError> {
        if let Some(&id) = self.classes.ids.get(name) {
            return Ok(id);
        }
        if name.is_empty() {
            return Err(self.cell(start, self.label, name, "a class"));
        }
        let id = self.classes.names.len();
        if id == MAX_CLASSES {
            return Err(DataError::TooManyClasses {
                file: self.file.to_owned(),
                line: self.line(start),
                column: self.names[self.label].clone(),
                value: name.to_owned(),
            });
        }
        self.classes.ids.insert(name.to_owned(), id);
        self.classes.names.push((name.to_owned(), start));
        Ok(id)
    }

    /// The line, from 1, of the record that begins at the byte `start`.
    fn line(&self, start: usize) -> usize {
        let (before, from) = self.text.split_at(start.min(self.text.len()));
        let blank = from.iter().take_while(|&b| matches!(b, b'\r' | b'\n'));
        before.iter().chain(blank).filter(|&&b| b == b'\n').count() + 1
    }

    fn cell(&self, start: usize, column: usize, value: &str, expected: &'static str) -> DataError {
        DataError::Cell {
            file: self.file.to_owned(),
            line: self.line(start),
            column: self.names[column].clone(),
            value: value.to_owned(),
            expected,
        }
    }

    fn finish(self) -> Result<Loaded, DataError> {
        let (number_of, class_names) = self.number_classes()?;
        let labels = self.ids.iter().map(|&id| number_of[id]).collect();
        Ok(Loaded {
            train: Table::new(self.file, self.names.len() - 1, self.values, labels)?,
            validation: None,
            test: None,
            class_names,
        })
    }

    /// The number of each class in order of appearance, and the names in order of number unless the names are the numbers.
    fn number_classes(&self) -> Result<(Vec<u16>, Option<Vec<String>>), DataError> {
        let names = &self.classes.names;
        let integers: Result<Vec<i128>, _> = names.iter().map(|(name, _)| name.parse()).collect();
        if let Ok(integers) = integers {
            let mut numbers = Vec::with_capacity(names.len());
            for (integer, (name, start)) in integers.into_iter().zip(names) {
                match u16::try_from(integer) {
                    Ok(class) if usize::from(class) < MAX_CLASSES => numbers.push(class),
                    _ => return Err(self.cell(*start, self.label, name, "a class from 0 to 63")),
                }
            }
            return Ok((numbers, None));
        }
        let mut sorted: Vec<&String> = names.iter().map(|(name, _)| name).collect();
        sorted.sort_unstable();
        let numbers = names
            .iter()
            .map(|(name, _)| (0..).zip(&sorted).find(|&(_, other)| *other == name))
            .filter_map(|found| found.map(|(number, _)| number))
            .collect();
        Ok((numbers, Some(sorted.into_iter().cloned().collect())))
    }
}

/// The byte where the parser began to read a record: ends of lines may still stand before its first cell.
fn start(record: &StringRecord) -> usize {
    record
        .position()
        .and_then(|position| usize::try_from(position.byte()).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;

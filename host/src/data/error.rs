//! What can be wrong with a data set.

use std::io;

use super::MAX_CLASSES;

/// Why a data set was refused. Rows and columns of tensors count from 0, lines of text files from 1.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// No format reads files of this name.
    #[error("{file}: data sets with the extension `{extension}` are not known; known are {known}")]
    UnknownExtension {
        /// The file.
        file: String,
        /// Its extension, empty if it has none.
        extension: String,
        /// How files that are read are named.
        known: String,
    },
    /// The operating system refused to open or read the file.
    #[error("{file}: cannot be read")]
    Io {
        /// The file.
        file: String,
        /// The reason.
        #[source]
        source: io::Error,
    },
    /// The file is damaged, truncated or of another format.
    #[error("{file}: not a sound {format} file: {reason}")]
    Foreign {
        /// The file.
        file: String,
        /// The format its extension promises.
        format: &'static str,
        /// What does not fit.
        reason: String,
    },
    /// There is not enough memory for the rows.
    #[error("{place}: takes {} MiB of memory, {} MiB can be had", bytes >> 20, limit >> 20)]
    TooLarge {
        /// The file and the part of it.
        place: String,
        /// Bytes that are needed.
        bytes: u64,
        /// Bytes that can be had.
        limit: u64,
    },
    /// A tensor is missing.
    #[error("{file}: there is no tensor `{tensor}`; there {}", listed(found))]
    MissingTensor {
        /// The file.
        file: String,
        /// The tensor that was looked for.
        tensor: &'static str,
        /// Those that there are.
        found: Vec<String>,
    },
    /// A tensor is named like features or labels, but is neither; perhaps misspelt.
    #[error("{file}: tensor `{tensor}` is none of {known}")]
    UnknownTensor {
        /// The file.
        file: String,
        /// The tensor found.
        tensor: String,
        /// The names that are read.
        known: String,
    },
    /// A tensor has elements of the wrong type.
    #[error("{file}: tensor `{tensor}` has elements of type {found}, expected {expected}")]
    TensorType {
        /// The file.
        file: String,
        /// The tensor.
        tensor: &'static str,
        /// Its type.
        found: String,
        /// The types that are read.
        expected: &'static str,
    },
    /// A tensor has the wrong number of dimensions.
    #[error("{file}: tensor `{tensor}` has shape {found:?}, expected {expected}")]
    TensorShape {
        /// The file.
        file: String,
        /// The tensor.
        tensor: &'static str,
        /// Its shape.
        found: Vec<usize>,
        /// The shape that is read.
        expected: &'static str,
    },
    /// Features and labels have different numbers of rows.
    #[error("{place}: {rows} rows of features but {labels} labels")]
    RowCount {
        /// The file and the part of it.
        place: String,
        /// Rows of features.
        rows: usize,
        /// Labels.
        labels: usize,
    },
    /// The number of values is no multiple of the number of columns.
    #[error("{place}: {values} values do not fill rows of {columns} columns")]
    Fill {
        /// The file and the part of it.
        place: String,
        /// Values.
        values: usize,
        /// Columns.
        columns: usize,
    },
    /// Two tables that belong together have different numbers of features.
    #[error("{place}: {found} features in a row, expected {expected}")]
    FeatureCount {
        /// The file and the part of it.
        place: String,
        /// Features found.
        found: usize,
        /// Features expected.
        expected: usize,
    },
    /// A feature is NaN, infinite, or too large for a 32-bit float.
    #[error("{place}: row {row}, column {column} is {value}, not a finite 32-bit number")]
    NotFinite {
        /// The file and the part of it.
        place: String,
        /// The row.
        row: usize,
        /// The column.
        column: usize,
        /// What stands there.
        value: f64,
    },
    /// A label is not a class.
    #[error("{place}: the label of row {row} is {value}, not a class from 0 to {}", MAX_CLASSES - 1)]
    Label {
        /// The file and the part of it.
        place: String,
        /// The row.
        row: usize,
        /// What stands there.
        value: i128,
    },
    /// A number in the column of classes is not a class.
    #[error("{place}: row {row}, column {column} is {value}, not a class from 0 to {}", MAX_CLASSES - 1)]
    Class {
        /// The file and the part of it.
        place: String,
        /// The row.
        row: usize,
        /// The column.
        column: usize,
        /// What stands there.
        value: f32,
    },
    /// A cell of a text file is not what its column holds.
    #[error("{file}: line {line}, column `{column}` is `{value}`, expected {expected}")]
    Cell {
        /// The file.
        file: String,
        /// The line.
        line: usize,
        /// The name of the column, or its number counted from 1.
        column: String,
        /// What stands there.
        value: String,
        /// What may stand there.
        expected: &'static str,
    },
    /// A column of a text file has no name, or is not the only one of its name.
    #[error("{file}: the header {problem}")]
    Header {
        /// The file.
        file: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A line of a text file has too many or too few cells.
    #[error("{file}: line {line} has {found} cells, the first has {expected}")]
    Ragged {
        /// The file.
        file: String,
        /// The line.
        line: usize,
        /// Cells found.
        found: usize,
        /// Cells in the first line.
        expected: usize,
    },
    /// A table without rows or without columns.
    #[error("{place}: empty, {rows} rows of {columns} features")]
    Empty {
        /// The file and the part of it.
        place: String,
        /// Rows.
        rows: usize,
        /// Columns.
        columns: usize,
    },
    /// All training rows have the same class.
    #[error("{place}: every row has class {class}, at least two classes are needed")]
    OneClass {
        /// The file and the part of it.
        place: String,
        /// The name of the only class.
        class: String,
    },
    /// A text file with fewer than two classes, unless its first line is a row.
    #[error(
        "{file}: line 1 is taken for a header, because its last cell `{cell}` is neither a number nor the class of another line; \
         then there {}, at least two are needed",
        if *classes == 1 { "is one class" } else { "are no rows" }
    )]
    TakenForHeader {
        /// The file.
        file: String,
        /// The last cell of the first line.
        cell: String,
        /// Classes of the other lines.
        classes: usize,
    },
    /// Names of the classes that are not one for each of them.
    #[error("{file}: {found} names of classes, expected from {classes} to {MAX_CLASSES}")]
    ClassNames {
        /// The file.
        file: String,
        /// Names there are.
        found: usize,
        /// Classes there are.
        classes: usize,
    },
    /// A text file has more classes than are supported.
    #[error(
        "{file}: line {line}: `{value}` is one class too many, at most {MAX_CLASSES} are read (is `{column}` the class?)"
    )]
    TooManyClasses {
        /// The file.
        file: String,
        /// The line.
        line: usize,
        /// The column that holds the class.
        column: String,
        /// The class.
        value: String,
    },
    /// There are too few rows to set some aside: no class has two.
    #[error("{place}: {rows} rows are too few to set some aside for the {part} part")]
    TooFewRows {
        /// The file and the part of it.
        place: String,
        /// The part wanted.
        part: &'static str,
        /// Rows there are.
        rows: usize,
    },
    /// A row was asked for that a table does not have.
    #[error("row {row} of a table of {rows} rows")]
    NoSuchRow {
        /// The row.
        row: usize,
        /// Rows there are.
        rows: usize,
    },
    /// A normalization read from outside has a scale that is not positive, or a value that is not finite.
    #[error("normalization: {what} of column {column} is {value}")]
    Normalization {
        /// `mean` or `scale`.
        what: &'static str,
        /// The column.
        column: usize,
        /// Its value.
        value: f32,
    },
}

/// What there is instead of what was looked for: `are a, b`, or `is nothing`.
fn listed(names: &[String]) -> String {
    /// A message names no more.
    const MOST: usize = 12;
    if names.is_empty() {
        return "is nothing".to_owned();
    }
    let mut text = format!("are {}", names[..names.len().min(MOST)].join(", "));
    if names.len() > MOST {
        text += &format!(" and {} more", names.len() - MOST);
    }
    text
}

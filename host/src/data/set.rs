//! Three tables that belong together.

use std::io::Cursor;
use std::path::Path;

use super::split::{TEST_SHARE, TEST_STREAM, VALIDATION_SHARE, VALIDATION_STREAM, stratified};
use super::{DataError, FORMATS, MAX_CLASSES, Normalization, Safetensors, Scaling, Table, split};

/// What a file holds: training rows, and perhaps the other parts.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// Training rows, and those of the missing parts.
    pub train: Table,
    /// Rows for choosing when to stop.
    pub validation: Option<Table>,
    /// Rows for the final accuracy.
    pub test: Option<Table>,
    /// Names of the classes, if the file has any.
    pub class_names: Option<Vec<String>>,
}

/// Training, validation and test rows of the same features and classes.
///
/// At least two classes occur in the training rows.
#[derive(Debug, Clone, PartialEq)]
pub struct DataSet {
    name: String,
    class_names: Vec<String>,
    train: Table,
    /// For each training row the one that it was loaded as.
    train_rows: Vec<usize>,
    validation: Table,
    test: Table,
}

impl DataSet {
    /// The handwritten digits inside the program: 1,257, 180 and 360 rows of 64 features in `[0, 1]`, ten classes.
    ///
    /// Source and licence: `digits.md` beside the data.
    ///
    /// # Errors
    /// None, unless the program itself is damaged.
    pub fn digits() -> Result<Self, DataError> {
        const BYTES: &[u8] = include_bytes!("digits.safetensors");
        let loaded = Safetensors.read("digits", &mut Cursor::new(BYTES))?;
        Self::new("digits", loaded, split::DEFAULT_SEED)
    }

    /// Reads the file with the format its extension names, and completes it as [`new`](DataSet::new) does.
    ///
    /// # Errors
    /// [`DataError::UnknownExtension`], [`DataError::Io`], and any other [`DataError`] for what the file holds.
    pub fn open(path: &Path, seed: u64) -> Result<Self, DataError> {
        let file = path.display().to_string();
        let Some(format) = FORMATS.iter().find(|format| format.accepts(path)) else {
            let known: Vec<_> = FORMATS
                .iter()
                .map(|format| format!("`{}`", format.pattern()))
                .collect();
            return Err(DataError::UnknownExtension {
                file,
                extension: path
                    .extension()
                    .map(|found| found.to_string_lossy().into_owned())
                    .unwrap_or_default(),
                known: known.join(", "),
            });
        };
        let loaded = format.open(path)?;
        let name = path.file_stem().map(|stem| stem.to_string_lossy());
        Self::completed(&file, &name.unwrap_or_default(), loaded, seed)
    }

    /// Completes what was loaded: a missing test part is a fifth of the training rows, a missing validation part then an eighth of
    /// those left, both stratified by class and fixed by `seed`.
    ///
    /// # Errors
    /// [`DataError::FeatureCount`], [`DataError::OneClass`], [`DataError::TooFewRows`], [`DataError::ClassNames`]; they call the set
    /// `name`.
    pub fn new(name: &str, loaded: Loaded, seed: u64) -> Result<Self, DataError> {
        Self::completed(name, name, loaded, seed)
    }

    /// The set `name` of what was loaded from `place`, as errors call it.
    fn completed(place: &str, name: &str, loaded: Loaded, seed: u64) -> Result<Self, DataError> {
        let Loaded {
            train,
            validation,
            test,
            class_names,
        } = loaded;
        for (part, table) in [("validation", &validation), ("test", &test)] {
            let found = table.as_ref().map_or(train.columns(), Table::columns);
            if found != train.columns() {
                return Err(DataError::FeatureCount {
                    place: format!("{place}: {part} part"),
                    found,
                    expected: train.columns(),
                });
            }
        }
        let occurring = train.class_counts();
        if occurring.iter().filter(|&&rows| rows > 0).count() < 2 {
            let class = occurring.len() - 1;
            let named = class_names.as_ref().and_then(|names| names.get(class));
            return Err(DataError::OneClass {
                place: format!("{place}: training part"),
                class: named.map_or_else(|| class.to_string(), Clone::clone),
            });
        }
        let mut train_rows: Vec<usize> = (0..train.rows()).collect();
        let mut set_aside = |from: Table, given: Option<Table>, part, share, stream| {
            if let Some(given) = given {
                return Ok((from, given));
            }
            let parts = stratified(place, part, from.labels(), share, seed, stream)?;
            train_rows = parts.kept.iter().map(|&row| train_rows[row]).collect();
            Ok((from.select(&parts.kept)?, from.select(&parts.aside)?))
        };
        let (train, test) = set_aside(train, test, "test", TEST_SHARE, TEST_STREAM)?;
        let (train, validation) = set_aside(
            train,
            validation,
            "validation",
            VALIDATION_SHARE,
            VALIDATION_STREAM,
        )?;
        let classes = [&train, &validation, &test]
            .map(|table| table.class_counts().len())
            .into_iter()
            .fold(0, usize::max);
        let class_names =
            class_names.unwrap_or_else(|| (0..classes).map(|class| class.to_string()).collect());
        if !(classes..=MAX_CLASSES).contains(&class_names.len()) {
            return Err(DataError::ClassNames {
                file: place.to_owned(),
                found: class_names.len(),
                classes,
            });
        }
        Ok(Self {
            name: name.to_owned(),
            class_names,
            train,
            train_rows,
            validation,
            test,
        })
    }

    /// Where it comes from: the name of a file without extension, or of a set inside the program.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Number of classes; labels are below it.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.class_names.len()
    }

    /// What each class is called; its number, where the file says nothing.
    #[must_use]
    pub fn class_names(&self) -> &[String] {
        &self.class_names
    }

    /// Features in a row.
    #[must_use]
    pub fn features(&self) -> usize {
        self.train.columns()
    }

    /// Rows to learn from.
    #[must_use]
    pub fn train(&self) -> &Table {
        &self.train
    }

    /// For each training row the one that it was, from 0, among the training rows of what was loaded: before the rows for
    /// validation and test were taken out of them, if they were.
    #[must_use]
    pub fn train_rows(&self) -> &[usize] {
        &self.train_rows
    }

    /// Rows for choosing when to stop.
    #[must_use]
    pub fn validation(&self) -> &Table {
        &self.validation
    }

    /// Rows for the final accuracy.
    #[must_use]
    pub fn test(&self) -> &Table {
        &self.test
    }

    /// What no other set has: a checksum of all rows and labels.
    #[must_use]
    pub fn checksum(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        for table in [&self.train, &self.validation, &self.test] {
            let sizes = [self.classes(), table.rows(), table.columns()];
            for size in sizes {
                hasher.update(&(size as u64).to_le_bytes());
            }
            hasher.update_rayon(bytemuck::cast_slice(table.values()));
            hasher.update(bytemuck::cast_slice(table.labels()));
        }
        *hasher.finalize().as_bytes()
    }

    /// The same set with features normalized by what the training rows say, and that normalization.
    ///
    /// # Errors
    /// [`DataError::NotFinite`] if a row of another part lies beyond 32-bit numbers then.
    pub fn normalized(&self, scaling: Scaling) -> Result<(Self, Normalization), DataError> {
        let fit = Normalization::fit(&self.train, scaling);
        let part = |part: &str, table| fit.apply(&format!("{}: {part} part", self.name), table);
        let set = Self {
            name: self.name.clone(),
            class_names: self.class_names.clone(),
            train: part("training", &self.train)?,
            train_rows: self.train_rows.clone(),
            validation: part("validation", &self.validation)?,
            test: part("test", &self.test)?,
        };
        Ok((set, fit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_training_row_is_known_by_where_it_was() {
        let table = |rows: u16| {
            let values = (0..rows).map(f32::from).collect();
            Table::new("t", 1, values, (0..rows).map(|row| row % 2).collect()).unwrap()
        };
        let given = |test| Loaded {
            train: table(40),
            validation: None,
            test,
            class_names: None,
        };
        for (test, rows) in [(None, 28), (Some(table(4)), 35)] {
            let set = DataSet::new("t", given(test), 5).unwrap();
            assert_eq!((set.train().rows(), set.train_rows().len()), (rows, rows));
            let values = set.train().values();
            for (&row, value) in set.train_rows().iter().zip(values) {
                assert_eq!(row as f32, *value);
            }
            let (normalized, _) = set.normalized(Scaling::Columns).unwrap();
            assert_eq!(normalized.train_rows(), set.train_rows());
        }
    }
}

//! NumPy's archives: a zip file of arrays, `x_train` `[rows, features]` and `y_train` `[rows]`, and alike `x_val`, `y_val`,
//! `x_test`, `y_test`. The members may be compressed. Other arrays are ignored.

use std::io::{ErrorKind, Read, Seek};
use std::path::Path;

use zip::ZipArchive;
use zip::result::ZipError;

use super::npy::{self, PARTS};
use super::{DataError, Format, Loaded, Source, Table, has_extension, open_file};

/// Files with the extension `npz`.
#[derive(Debug, Clone, Copy)]
pub struct Npz;

impl Format for Npz {
    fn name(&self) -> &'static str {
        "NumPy archive"
    }

    fn pattern(&self) -> &'static str {
        "*.npz"
    }

    fn accepts(&self, path: &Path) -> bool {
        has_extension(path, "npz")
    }

    fn open(&self, path: &Path) -> Result<Loaded, DataError> {
        let (file, mut source) = open_file(path)?;
        self.read(&file, &mut source)
    }
}

impl Npz {
    fn read(self, file: &str, source: &mut dyn Source) -> Result<Loaded, DataError> {
        let mut archive = ZipArchive::new(source).map_err(|error| unsound(file, error))?;
        let [train, validation, test] = PARTS;
        Ok(Loaded {
            train: part(file, &mut archive, train)?,
            validation: optional(file, &mut archive, validation)?,
            test: optional(file, &mut archive, test)?,
            class_names: None,
        })
    }
}

fn optional<R: Read + Seek>(
    file: &str,
    archive: &mut ZipArchive<R>,
    names: [&'static str; 2],
) -> Result<Option<Table>, DataError> {
    let there = |name: &str| archive.index_for_name(&format!("{name}.npy")).is_some();
    if names.into_iter().any(there) {
        return part(file, archive, names).map(Some);
    }
    Ok(None)
}

fn part<R: Read + Seek>(
    file: &str,
    archive: &mut ZipArchive<R>,
    names: [&'static str; 2],
) -> Result<Table, DataError> {
    let [x, y] = names;
    // One member is open at a time. Labels are few.
    let mut labels = Vec::new();
    let mut member = open(file, archive, y)?;
    let limit = MAX_LABEL_BYTES;
    let read = (&mut member).take(limit + 1).read_to_end(&mut labels);
    read.map_err(|error| unsound(file, error.into()))?;
    if labels.len() as u64 > limit {
        return Err(DataError::Foreign {
            file: file.to_owned(),
            format: "npz",
            reason: format!("`{y}` has more than {limit} bytes"),
        });
    }
    drop(member);
    let mut member = open(file, archive, x)?;
    let places = names.map(|name| format!("{file}: array `{name}`"));
    npy::table(
        places.each_ref().map(String::as_str),
        [&mut member, &mut labels.as_slice()],
    )
}

/// The largest array of labels that is read.
const MAX_LABEL_BYTES: u64 = 1 << 30;

fn open<'a, R: Read + Seek>(
    file: &str,
    archive: &'a mut ZipArchive<R>,
    name: &'static str,
) -> Result<impl Read + use<'a, R>, DataError> {
    archive
        .by_name(&format!("{name}.npy"))
        .map_err(|error| match error {
            ZipError::FileNotFound => DataError::MissingTensor {
                file: file.to_owned(),
                tensor: name,
            },
            other => unsound(file, other),
        })
}

fn unsound(file: &str, error: ZipError) -> DataError {
    match error {
        ZipError::Io(source)
            if !matches!(
                source.kind(),
                ErrorKind::UnexpectedEof | ErrorKind::InvalidData
            ) =>
        {
            DataError::Io {
                file: file.to_owned(),
                source,
            }
        }
        other => DataError::Foreign {
            file: file.to_owned(),
            format: "npz",
            reason: other.to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use zip::write::SimpleFileOptions;
    use zip::{CompressionMethod, ZipWriter};

    use super::super::npy::tests::array;
    use super::*;

    fn archive(members: &[(&str, Vec<u8>)], method: CompressionMethod) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default().compression_method(method);
        for (name, bytes) in members {
            writer.start_file(*name, options).unwrap();
            writer.write_all(bytes).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn floats(values: &[f32]) -> Vec<u8> {
        values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect()
    }

    fn members() -> Vec<(&'static str, Vec<u8>)> {
        let x = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        vec![
            ("x_train.npy", array("<f4", false, "(3, 2)", &floats(&x))),
            ("y_train.npy", array("|u1", false, "(3,)", &[0, 2, 1])),
            (
                "x_test.npy",
                array("<f4", false, "(1, 2)", &floats(&x[..2])),
            ),
            (
                "y_test.npy",
                array("<i8", false, "(1,)", &1i64.to_le_bytes()),
            ),
            ("notes.npy", b"anything".to_vec()),
        ]
    }

    #[test]
    fn stored_and_compressed_arrays_are_read() {
        for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
            let bytes = archive(&members(), method);
            let loaded = Npz.read("f", &mut Cursor::new(bytes)).unwrap();
            assert_eq!(loaded.train.values(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
            assert_eq!(loaded.train.labels(), [0, 2, 1]);
            assert_eq!(loaded.test.unwrap().labels(), [1]);
            assert!(loaded.validation.is_none());
        }
    }

    #[test]
    fn what_is_missing_or_damaged_is_named() {
        let refusal = |bytes: Vec<u8>| {
            Npz.read("f", &mut Cursor::new(bytes))
                .unwrap_err()
                .to_string()
        };
        let without = |name: &str| {
            let mut members = members();
            members.retain(|member| member.0 != name);
            refusal(archive(&members, CompressionMethod::Stored))
        };
        assert_eq!(without("y_train.npy"), "f: there is no tensor `y_train`");
        assert_eq!(without("x_test.npy"), "f: there is no tensor `x_test`");
        assert!(refusal(b"no archive".to_vec()).starts_with("f: not a sound npz file"));
        let bytes = archive(&members(), CompressionMethod::Deflated);
        for cut in [bytes.len() / 4, bytes.len() / 2, bytes.len() - 1] {
            assert!(refusal(bytes[..cut].to_vec()).starts_with("f"), "{cut}");
        }
        let mut bad = members();
        bad[0].1 = array(
            "<f4",
            false,
            "(3, 2)",
            &floats(&[1.0, 2.0, 3.0, f32::NAN, 5.0, 6.0]),
        );
        assert_eq!(
            refusal(archive(&bad, CompressionMethod::Deflated)),
            "f: array `x_train`: row 1, column 1 is NaN, not a finite 32-bit number"
        );
    }
}

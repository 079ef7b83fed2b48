//! NumPy's archives: a zip file of arrays, `x_train` `[rows, features]` and `y_train` `[rows]`, and alike `x_val`, `y_val`,
//! `x_test`, `y_test`. The members may be compressed. Arrays of other names are ignored, unless they begin with `x_` or `y_`.

use std::io::{ErrorKind, Read, Seek};
use std::path::Path;

use zip::ZipArchive;
use zip::result::ZipError;

use super::npy;
use super::parts::{PARTS, check_name};
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
        for name in arrays(&archive) {
            check_name(file, &name)?;
        }
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
    let [x_place, y_place] = names.map(|name| format!("{file}: array `{name}`"));
    // One member is open at a time.
    let features = npy::features(&x_place, &mut open(file, archive, x)?)?;
    features.with_labels(&x_place, &y_place, &mut open(file, archive, y)?)
}

/// Names of the members that are arrays.
fn arrays<R: Read + Seek>(archive: &ZipArchive<R>) -> Vec<String> {
    let names = archive.file_names();
    names
        .filter_map(|name| Some(name.ok()?.strip_suffix(".npy")?.to_owned()))
        .collect()
}

fn open<'a, R: Read + Seek>(
    file: &str,
    archive: &'a mut ZipArchive<R>,
    name: &'static str,
) -> Result<impl Read + use<'a, R>, DataError> {
    let Some(index) = archive.index_for_name(&format!("{name}.npy")) else {
        return Err(DataError::MissingTensor {
            file: file.to_owned(),
            tensor: name,
            found: arrays(archive),
        });
    };
    archive
        .by_index(index)
        .map_err(|error| unsound(file, error))
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
        assert_eq!(
            without("y_train.npy"),
            "f: there is no tensor `y_train`; there are x_train, x_test, y_test, notes"
        );
        assert!(without("x_test.npy").starts_with("f: there is no tensor `x_test`; there are "));
        let mut misspelt = members();
        misspelt[4].0 = "x_valid.npy";
        assert_eq!(
            refusal(archive(&misspelt, CompressionMethod::Stored)),
            "f: tensor `x_valid` is none of x_train, y_train, x_val, y_val, x_test, y_test"
        );
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
        let mut longer = members();
        longer[1].1 = array("|u1", false, "(4,)", &[0, 2, 1, 1]);
        assert_eq!(
            refusal(archive(&longer, CompressionMethod::Deflated)),
            "f: array `x_train`: 3 rows of features but 4 labels"
        );
    }

    #[test]
    fn what_a_member_claims_takes_no_memory() {
        let refusal = |at: usize, bytes: Vec<u8>| {
            let mut members = members();
            members[at].1 = bytes;
            let bytes = archive(&members, CompressionMethod::Deflated);
            let error = Npz.read("f", &mut Cursor::new(bytes)).unwrap_err();
            error.to_string()
        };
        let zeros = vec![0; 1 << 20];
        let claimed = array("|u1", false, "(1099511627776, 64)", &zeros);
        let text = refusal(0, claimed);
        assert!(
            text.starts_with("f: array `x_train`: takes 1073741824 MiB"),
            "{text}"
        );
        let text = refusal(0, array("|u1", false, "(3, 2)", &zeros));
        assert!(
            text.ends_with("it goes on behind its last element"),
            "{text}"
        );
        let text = refusal(1, array("|u1", false, "(1099511627776,)", &zeros));
        assert!(
            text.contains("3 rows of features but 1099511627776 labels"),
            "{text}"
        );
    }
}

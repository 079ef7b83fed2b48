//! The format of the MNIST files (`idx`): images and labels in two files, each perhaps compressed by gzip.
//!
//! The file that is named holds the training images, for instance `train-images-idx3-ubyte.gz`. The labels are in the file
//! with `labels` and `idx1` in its name, and test rows in those with `t10k` in the place of `train`, if they are there.
//! Bytes from 0 to 255 become features from 0 to 1.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;

use super::element::{Element, Input, Kind};
use super::{DataError, Format, Loaded, Table, open_file};

/// Files named like those of MNIST.
#[derive(Debug, Clone, Copy)]
pub struct Idx;

/// The type of elements that is read: unsigned bytes.
const BYTES: u8 = 8;
/// The most dimensions of images.
const MAX_DIMENSIONS: u8 = 4;

impl Format for Idx {
    fn name(&self) -> &'static str {
        "MNIST idx"
    }

    fn pattern(&self) -> &'static str {
        "*images*idx3-ubyte[.gz]"
    }

    fn accepts(&self, path: &Path) -> bool {
        let name = name(path);
        let name = name.strip_suffix(".gz").unwrap_or(&name);
        name.contains("images") && name.ends_with("-ubyte") && name.contains("idx")
    }

    fn open(&self, path: &Path) -> Result<Loaded, DataError> {
        let test = name(path).replace("train", "t10k");
        let test = path.with_file_name(&test);
        let test = (test != path && test.exists()).then(|| images_and_labels(&test));
        Ok(Loaded {
            train: images_and_labels(path)?,
            validation: None,
            test: test.transpose()?,
            class_names: None,
        })
    }
}

fn name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// The file of labels for one of images.
fn labels_of(path: &Path) -> PathBuf {
    let name = name(path).replace("images", "labels");
    path.with_file_name(name.replace("idx3", "idx1"))
}

fn images_and_labels(path: &Path) -> Result<Table, DataError> {
    let (file, source) = open_file(path)?;
    let mut source = unpacked(path, source);
    let mut input = Input::new(&file, "idx", &mut source);
    let shape = shape(&mut input)?;
    let (rows, columns) = match shape.as_slice() {
        [rows, size @ ..] if !size.is_empty() => {
            let columns = size
                .iter()
                .try_fold(1usize, |all, &side| all.checked_mul(side));
            (
                *rows,
                columns.ok_or_else(|| input.foreign(format!("shape {shape:?}")))?,
            )
        }
        _ => return Err(input.foreign(format!("shape {shape:?}, expected (rows, height, width)"))),
    };
    if rows == 0 || columns == 0 {
        return Err(DataError::Empty {
            place: file,
            rows,
            columns,
        });
    }
    let bytes = Element {
        kind: Kind::Unsigned,
        bytes: 1,
        big_endian: true,
    };
    let mut values = input.features(&file, bytes, [rows, columns])?;
    input.end()?;
    for value in &mut values {
        *value /= 255.0;
    }
    let path = labels_of(path);
    let (labels_file, source) = open_file(&path)?;
    let mut source = unpacked(&path, source);
    let mut input = Input::new(&labels_file, "idx", &mut source);
    let shape = self::shape(&mut input)?;
    let &[labels] = shape.as_slice() else {
        return Err(input.foreign(format!("shape {shape:?}, expected (rows,)")));
    };
    if labels != rows {
        return Err(DataError::RowCount {
            place: file,
            rows,
            labels,
        });
    }
    let labels = input.labels(&labels_file, bytes, rows)?;
    input.end()?;
    Table::new(&file, columns, values, labels)
}

/// The bytes of a file, decompressed if its name ends in `.gz`.
fn unpacked(path: &Path, source: File) -> Box<dyn Read> {
    let source = BufReader::new(source);
    if super::has_extension(path, "gz") {
        Box::new(GzDecoder::new(source))
    } else {
        Box::new(source)
    }
}

/// Two zeros, the type of the elements, the number of dimensions, then each as a 32-bit number.
fn shape(input: &mut Input<'_>) -> Result<Vec<usize>, DataError> {
    let mut start = [0; 4];
    input.fill(&mut start)?;
    let [0, 0, kind, dimensions] = start else {
        return Err(input.foreign("it does not begin with two zeros"));
    };
    if kind != BYTES {
        return Err(input.foreign(format!("elements of type {kind}, expected {BYTES} (bytes)")));
    }
    if !(1..=MAX_DIMENSIONS).contains(&dimensions) {
        return Err(input.foreign(format!("{dimensions} dimensions")));
    }
    let mut size = |_| {
        let mut size = [0; 4];
        input.fill(&mut size)?;
        Ok(usize::try_from(u32::from_be_bytes(size)).unwrap_or(usize::MAX))
    };
    (0..dimensions).map(&mut size).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn idx(shape: &[u32], data: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0, 0, BYTES, u8::try_from(shape.len()).unwrap()];
        bytes.extend(shape.iter().flat_map(|size| size.to_be_bytes()));
        bytes.extend(data);
        bytes
    }

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn images_find_their_labels_and_their_test_rows() {
        let images = idx(&[2, 2, 2], &[0, 51, 102, 255, 255, 0, 0, 0]);
        let labels = idx(&[2], &[3, 9]);
        for (end, pack) in [("", false), (".gz", true)] {
            let directory = tempfile::tempdir().unwrap();
            let write = |name: &str, bytes: &[u8]| {
                let bytes = if pack { packed(bytes) } else { bytes.to_vec() };
                std::fs::write(directory.path().join(format!("{name}{end}")), bytes).unwrap();
            };
            write("train-images-idx3-ubyte", &images);
            write("train-labels-idx1-ubyte", &labels);
            let path = directory
                .path()
                .join(format!("train-images-idx3-ubyte{end}"));
            assert!(Idx.accepts(&path));
            let loaded = Idx.open(&path).unwrap();
            assert_eq!(
                loaded.train.values(),
                [0.0, 0.2, 0.4, 1.0, 1.0, 0.0, 0.0, 0.0]
            );
            assert_eq!(
                (loaded.train.columns(), loaded.train.labels()),
                (4, &[3, 9][..])
            );
            assert!(loaded.test.is_none());
            write("t10k-images-idx3-ubyte", &images);
            write("t10k-labels-idx1-ubyte", &idx(&[3], &[1, 1, 1]));
            let error = Idx.open(&path).unwrap_err().to_string();
            assert!(
                error.ends_with("2 rows of features but 3 labels"),
                "{error}"
            );
            write("t10k-labels-idx1-ubyte", &labels);
            assert_eq!(Idx.open(&path).unwrap().test.unwrap().rows(), 2);
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("train-images.idx3-ubyte.gz");
        let labels = directory.path().join("train-labels.idx1-ubyte.gz");
        let refusal = |images: &[u8], label_bytes: &[u8]| {
            std::fs::write(&path, images).unwrap();
            std::fs::write(&labels, label_bytes).unwrap();
            assert!(Idx.accepts(&path));
            Idx.open(&path).unwrap_err().to_string()
        };
        let sound = packed(&idx(&[1, 1, 2], &[1, 2]));
        let of_images = |bytes: &[u8]| refusal(bytes, &sound);
        assert!(of_images(b"text").contains("not a sound idx file"));
        assert!(of_images(&packed(&[0, 0, 9, 1, 0, 0, 0, 0])).contains("type 9"));
        assert!(of_images(&packed(&idx(&[3], &[0; 3]))).contains("[3]"));
        assert!(of_images(&packed(&idx(&[0, 1, 2], &[]))).contains("empty"));
        assert!(of_images(&packed(&idx(&[9, 9, 9], &[0; 9]))).contains("ends too early"));
        assert!(of_images(&packed(&idx(&[u32::MAX; 4], &[0; 9]))).contains("not a sound"));
        let claimed = of_images(&packed(&idx(&[u32::MAX, 1 << 12, 1], &[0; 9])));
        assert!(claimed.contains("MiB of memory"), "{claimed}");
        assert!(of_images(&sound[..sound.len() / 2]).contains("not a sound idx file"));
        let too_high = refusal(&sound, &packed(&idx(&[1], &[64])));
        assert!(too_high.ends_with("the label of row 0 is 64, not a class from 0 to 63"));
    }
}

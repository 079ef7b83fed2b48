use std::io::Cursor;

use half::{bf16, f16};
use proptest::prelude::*;
use safetensors::tensor::{Dtype, TensorView, serialize};

use super::super::DataSet;
use super::*;

/// A file of the named tensors.
fn file(tensors: &[(&str, Dtype, &[usize], &[u8])]) -> Vec<u8> {
    let views = tensors.iter().map(|&(name, dtype, shape, data)| {
        (name, TensorView::new(dtype, shape.to_vec(), data).unwrap())
    });
    serialize(views, None).unwrap()
}

fn f32s(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|x| x.to_le_bytes()).collect()
}

fn read(bytes: &[u8]) -> Result<Loaded, DataError> {
    Safetensors.read("f", &mut Cursor::new(bytes))
}

/// The message for a file of one table with the given tensors.
fn refusal(x: (Dtype, &[usize], &[u8]), y: (Dtype, &[usize], &[u8])) -> String {
    let bytes = file(&[("x_train", x.0, x.1, x.2), ("y_train", y.0, y.1, y.2)]);
    read(&bytes).unwrap_err().to_string()
}

fn small() -> Vec<u8> {
    let x: Vec<f32> = (0..24).map(|i| i as f32).collect();
    let y: Vec<u8> = (0..12).map(|i| i % 3).collect();
    file(&[
        ("x_train", Dtype::F32, &[12, 2], &f32s(&x)),
        ("y_train", Dtype::U8, &[12], &y),
        ("x_test", Dtype::F32, &[2, 2], &f32s(&x[..4])),
        ("y_test", Dtype::U8, &[2], &y[..2]),
    ])
}

#[test]
fn the_digits_are_all_there() {
    let digits = DataSet::digits().unwrap();
    assert_eq!((digits.classes(), digits.features()), (10, 64));
    let rows = [digits.train(), digits.validation(), digits.test()].map(Table::rows);
    assert_eq!(rows, [1257, 180, 360]);
    for table in [digits.train(), digits.validation(), digits.test()] {
        assert!(table.values().iter().all(|&x| {
            let grey = x * 16.0;
            (0.0..=16.0).contains(&grey) && grey.fract() == 0.0
        }));
        assert_eq!(table.class_counts().len(), 10);
    }
    // Sums of pixels and of labels over the whole set.
    let sum = |f: fn(&Table) -> f64| f(digits.train()) + f(digits.validation()) + f(digits.test());
    let pixels = sum(|t| t.values().iter().map(|&x| f64::from(x) * 16.0).sum());
    let labels = sum(|t| t.labels().iter().map(|&y| f64::from(y)).sum());
    assert_eq!((pixels, labels), (561_718.0, 8_070.0));
}

#[test]
fn every_type_of_element_is_read() {
    let x = [0.5f32, -2.0, 3.25, 0.0];
    let encoded: [(Dtype, Vec<u8>); 4] = [
        (Dtype::F32, f32s(&x)),
        (
            Dtype::F64,
            x.iter().flat_map(|&v| f64::from(v).to_le_bytes()).collect(),
        ),
        (
            Dtype::F16,
            x.iter()
                .flat_map(|&v| f16::from_f32(v).to_le_bytes())
                .collect(),
        ),
        (
            Dtype::BF16,
            x.iter()
                .flat_map(|&v| bf16::from_f32(v).to_le_bytes())
                .collect(),
        ),
    ];
    for (dtype, x_bytes) in encoded {
        for (label, size) in [
            (Dtype::U8, 1),
            (Dtype::I8, 1),
            (Dtype::U16, 2),
            (Dtype::I16, 2),
            (Dtype::U32, 4),
            (Dtype::I32, 4),
            (Dtype::U64, 8),
            (Dtype::I64, 8),
        ] {
            let mut y_bytes = vec![0; 2 * size];
            y_bytes[size] = 63;
            let bytes = file(&[
                ("x_train", dtype, &[2, 2], &x_bytes),
                ("y_train", label, &[2], &y_bytes),
            ]);
            let train = read(&bytes).unwrap().train;
            assert_eq!(train.values(), x);
            assert_eq!(train.labels(), [0, 63]);
        }
    }
}

#[test]
fn wrong_shapes_and_types_are_named() {
    let x = f32s(&[1.0; 4]);
    let (two, four) = ((Dtype::U8, &[2usize][..], &[0, 1][..]), f32s(&[0.0; 2]));
    let cases = [
        (
            refusal((Dtype::F32, &[4], &x), two),
            "f: tensor `x_train` has shape [4], expected [rows, features]",
        ),
        (
            refusal((Dtype::F32, &[2, 2], &x), (Dtype::U8, &[1, 2], &[0, 1])),
            "f: tensor `y_train` has shape [1, 2], expected [rows]",
        ),
        (
            refusal((Dtype::F32, &[4, 1], &x), two),
            "f: tensor `x_train`: 4 rows of features but 2 labels",
        ),
        (
            refusal((Dtype::F32, &[2, 0], &[]), two),
            "f: tensor `x_train`: empty, 2 rows of 0 features",
        ),
        (
            refusal((Dtype::F32, &[0, 2], &[]), (Dtype::U8, &[0], &[])),
            "f: tensor `x_train`: empty, 0 rows of 2 features",
        ),
        (
            refusal((Dtype::I32, &[2, 2], &x), two),
            "f: tensor `x_train` has elements of type I32, expected F16, BF16, F32 or F64",
        ),
        (
            refusal((Dtype::F32, &[2, 2], &x), (Dtype::F32, &[2], &four)),
            "f: tensor `y_train` has elements of type F32, expected an integer type",
        ),
    ];
    for (found, expected) in cases {
        assert_eq!(found, expected);
    }
}

#[test]
fn bad_values_are_named() {
    let y = (Dtype::U8, &[2usize][..], &[0, 1][..]);
    for (bad, shown) in [
        (f32::NAN, "NaN"),
        (f32::INFINITY, "inf"),
        (f32::NEG_INFINITY, "-inf"),
    ] {
        let x = f32s(&[0.0, 0.0, 0.0, bad]);
        assert_eq!(
            refusal((Dtype::F32, &[2, 2], &x), y),
            format!("f: tensor `x_train`: row 1, column 1 is {shown}, not a finite 32-bit number")
        );
    }
    let large: Vec<u8> = [0.0, 1e39]
        .iter()
        .flat_map(|x: &f64| x.to_le_bytes())
        .collect();
    assert!(refusal((Dtype::F64, &[2, 1], &large), y).contains("row 1, column 0 is 1000000"));
    let x = f32s(&[0.0; 2]);
    let label = |dtype, bytes: &[u8]| refusal((Dtype::F32, &[2, 1], &x), (dtype, &[2], bytes));
    assert_eq!(
        label(Dtype::I16, &[0, 0, 0xff, 0xff]),
        "f: tensor `y_train`: the label of row 1 is -1, not a class from 0 to 63"
    );
    assert!(label(Dtype::U8, &[64, 0]).contains("row 0 is 64"));
    let most = u64::MAX.to_le_bytes();
    assert!(label(Dtype::U64, &[most, most].concat()).contains("is 18446744073709551615,"));
}

#[test]
fn missing_and_misspelt_tensors_are_named() {
    let x = f32s(&[1.0; 4]);
    let message = |tensors: &[_]| read(&file(tensors)).unwrap_err().to_string();
    assert_eq!(
        message(&[]),
        "f: there is no tensor `x_train`; there is nothing"
    );
    let train = [
        ("x_train", Dtype::F32, &[2usize, 2][..], &x[..]),
        ("y_train", Dtype::U8, &[2][..], &[0, 1][..]),
    ];
    assert_eq!(
        message(&train[..1]),
        "f: there is no tensor `y_train`; there are x_train"
    );
    let mut more = train.to_vec();
    more.push(("x_val", Dtype::F32, &[2, 2], &x));
    assert!(message(&more).starts_with("f: there is no tensor `y_val`; there are "));
    more[2].0 = "x_validation";
    assert!(message(&more).starts_with("f: tensor `x_validation` is none of x_train, y_train,"));
    more[2].0 = "identifiers";
    assert!(read(&file(&more)).is_ok());
}

#[test]
fn parts_must_agree_and_hold_two_classes() {
    let x = f32s(&[1.0; 6]);
    let y = [0, 1, 0];
    let bytes = file(&[
        ("x_train", Dtype::F32, &[3, 2], &x),
        ("y_train", Dtype::U8, &[3], &y),
        ("x_test", Dtype::F32, &[2, 3], &x),
        ("y_test", Dtype::U8, &[2], &y[..2]),
    ]);
    let message = |bytes: &[u8]| {
        DataSet::new("f", read(bytes).unwrap(), 0)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        message(&bytes),
        "f: test part: 3 features in a row, expected 2"
    );
    let bytes = file(&[
        ("x_train", Dtype::F32, &[3, 2], &x),
        ("y_train", Dtype::U8, &[3], &[5, 5, 5]),
    ]);
    assert_eq!(
        message(&bytes),
        "f: training part: every row has class 5, at least two classes are needed"
    );
}

/// A file of these labels, with this in its metadata of classes.
fn with_classes(labels: &[u8], names: &str) -> Vec<u8> {
    let x = vec![0; 4 * labels.len()];
    let view = |dtype, shape: &[usize], data| TensorView::new(dtype, shape.to_vec(), data).unwrap();
    let views = [
        ("x_train", view(Dtype::F32, &[labels.len(), 1], &x)),
        ("y_train", view(Dtype::U8, &[labels.len()], labels)),
    ];
    let metadata = [("classes".to_owned(), names.to_owned())];
    serialize(views, Some(metadata.into())).unwrap()
}

#[test]
fn names_of_classes_are_one_for_each() {
    let set = |names: &str| {
        let loaded = read(&with_classes(&[0, 1, 0, 1], names))?;
        DataSet::new("f", loaded, 0)
    };
    assert_eq!(set(r#"["a", "b"]"#).unwrap().class_names(), ["a", "b"]);
    assert_eq!(set(r#"["a", "b", "none"]"#).unwrap().classes(), 3);
    let refusal = |names: &str| set(names).unwrap_err().to_string();
    assert_eq!(
        refusal(r#"["a"]"#),
        "f: 1 names of classes, expected from 2 to 64"
    );
    for bad in ["a, b", "[1, 2]", r#"{"0": "a"}"#, ""] {
        let text = refusal(bad);
        assert!(
            text.starts_with(
                "f: not a sound safetensors file: metadata `classes` is no list of strings in JSON"
            ),
            "{text}"
        );
    }
}

#[test]
fn the_only_class_is_named() {
    let loaded = read(&with_classes(&[1; 3], r#"["cat", "dog"]"#)).unwrap();
    assert_eq!(
        DataSet::new("f", loaded, 0).unwrap_err().to_string(),
        "f: training part: every row has class dog, at least two classes are needed"
    );
}

#[test]
fn errors_behind_the_reading_name_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("cats.safetensors");
    std::fs::write(&path, with_classes(&[0, 1, 0, 1], r#"["a"]"#)).unwrap();
    let error = DataSet::open(&path, 0).unwrap_err().to_string();
    assert!(error.contains("cats.safetensors: 1 names"), "{error}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_hole_of_256_gibibytes_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("hole.safetensors");
    let (rows, bytes) = (1u64 << 32, 1u64 << 38);
    let header = format!(
        r#"{{"x_train":{{"dtype":"F64","shape":[{rows},8],"data_offsets":[0,{bytes}]}},"y_train":{{"dtype":"U8","shape":[{rows}],"data_offsets":[{bytes},{}]}}}}"#,
        bytes + rows
    );
    let mut start = (header.len() as u64).to_le_bytes().to_vec();
    start.extend(header.as_bytes());
    std::fs::write(&path, &start).unwrap();
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    if file.set_len(start.len() as u64 + bytes + rows).is_err() {
        // Not every file system has files of this size.
        return;
    }
    let error = DataSet::open(&path, 0).unwrap_err().to_string();
    assert!(
        error.contains("tensor `x_train`: takes 524288 MiB of memory"),
        "{error}"
    );
}

#[test]
fn missing_parts_are_split_by_class() {
    let x: Vec<f32> = (0..100).map(|i| i as f32).collect();
    let y: Vec<u8> = (0..100).map(|i| u8::from(i % 4 == 0)).collect();
    let bytes = file(&[
        ("x_train", Dtype::F32, &[100, 1], &f32s(&x)),
        ("y_train", Dtype::U8, &[100], &y),
    ]);
    let set = |seed| DataSet::new("f", read(&bytes).unwrap(), seed).unwrap();
    let parts = set(3);
    let counts = [parts.train(), parts.validation(), parts.test()].map(Table::class_counts);
    assert_eq!(counts, [[52, 18], [8, 2], [15, 5]].map(|c| c.to_vec()));
    assert_eq!(parts, set(3));
    assert_ne!(parts, set(4));
}

#[test]
fn every_truncation_is_refused() {
    let whole = small();
    assert!(read(&whole).is_ok());
    for length in 0..whole.len() {
        assert!(read(&whole[..length]).is_err(), "{length} bytes");
    }
    let mut longer = whole;
    longer.push(0);
    assert!(read(&longer).is_err());
}

#[test]
fn absurd_claims_are_refused_before_memory_is_taken() {
    let with_header = |header: &str| {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes
    };
    let huge = 1u64 << 60;
    // Eight tensors of the largest size, whose end is within eight bytes of the largest offset.
    let size = (1u64 << 61) - 1;
    let chain: Vec<String> = (0..8)
        .map(|i| {
            let (start, end) = (i * size, (i + 1) * size);
            format!(r#""t{i}":{{"dtype":"U8","shape":[{size}],"data_offsets":[{start},{end}]}}"#)
        })
        .collect();
    for header in [
        format!(r#"{{"x_train":{{"dtype":"F32","shape":[{huge},1],"data_offsets":[0,{}]}}}}"#, huge * 4),
        r#"{"x_train":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}"#.to_owned(),
        r#"{"x_train":{"dtype":"F32","shape":[4611686018427387904,0],"data_offsets":[0,0]},"y_train":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}"#.to_owned(),
        format!("{{{}}}", chain.join(",")),
        "[".repeat(100_000),
    ] {
        assert!(read(&with_header(&header)).is_err());
    }
    assert!(read(&u64::MAX.to_le_bytes()).is_err());
}

proptest! {
    #[test]
    fn random_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(read(&bytes).is_err());
    }

    #[test]
    fn a_changed_file_gives_an_error_or_a_data_set(
        at in any::<prop::sample::Index>(),
        bit in 0u8..8,
        keep in any::<prop::sample::Index>(),
    ) {
        let mut bytes = small();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        if let Ok(loaded) = read(&bytes) {
            let _ = DataSet::new("f", loaded, 0);
        }
        bytes.truncate(keep.index(bytes.len()));
        prop_assert!(read(&bytes).is_err());
    }
}

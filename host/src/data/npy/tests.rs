use proptest::prelude::*;

use super::*;

/// The bytes of an array.
pub(in crate::data) fn array(descr: &str, fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
    let order = if fortran { "True" } else { "False" };
    let header = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}");
    // NumPy fills up to 64 bytes.
    let header = format!("{header:<117}\n");
    let mut bytes = MAGIC.to_vec();
    bytes.extend([1, 0]);
    bytes.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

fn doubles(values: &[f64]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

fn write(directory: &Path, name: &str, bytes: &[u8]) -> std::path::PathBuf {
    let path = directory.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn a_matrix_with_classes_in_both_orders() {
    let directory = tempfile::tempdir().unwrap();
    let rows = array(
        "<f8",
        false,
        "(2, 3)",
        &doubles(&[1.5, -2.0, 0.0, 3.0, 4.0, 7.0]),
    );
    let columns = array(
        "<f8",
        true,
        "(2, 3)",
        &doubles(&[1.5, 3.0, -2.0, 4.0, 0.0, 7.0]),
    );
    for bytes in [rows, columns] {
        let path = write(directory.path(), "all.npy", &bytes);
        let loaded = Npy.open(&path).unwrap();
        assert_eq!(loaded.train.values(), [1.5, -2.0, 3.0, 4.0]);
        assert_eq!(loaded.train.labels(), [0, 7]);
        assert!(loaded.test.is_none());
    }
}

#[test]
fn parts_are_in_files_side_by_side() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path();
    let x = array(
        ">f4",
        false,
        "(2, 1)",
        &[1.0f32, 2.0].map(f32::to_be_bytes).concat(),
    );
    let path = write(place, "x_train.npy", &x);
    let error = Npy.open(&path).unwrap_err();
    assert!(matches!(&error, DataError::Io { file, .. } if file.ends_with("y_train.npy")));
    write(
        place,
        "y_train.npy",
        &array("<i4", false, "(2,)", &[0, 0, 0, 0, 1, 0, 0, 0]),
    );
    let loaded = Npy.open(&path).unwrap();
    assert_eq!(
        (loaded.train.values(), loaded.train.labels()),
        (&[1.0, 2.0][..], &[0, 1][..])
    );
    assert!(loaded.validation.is_none() && loaded.test.is_none());
    write(place, "x_test.npy", &x);
    assert!(
        Npy.open(&path).is_err(),
        "labels of the test part are missing"
    );
    write(
        place,
        "y_test.npy",
        &array("|i1", false, "(2,)", &[5, 0xff]),
    );
    let error = Npy.open(&path).unwrap_err().to_string();
    assert!(
        error.ends_with("y_test.npy: the label of row 1 is -1, not a class from 0 to 63"),
        "{error}"
    );
}

#[test]
fn what_does_not_fit_is_refused_where_it_stands() {
    let directory = tempfile::tempdir().unwrap();
    let refusal = |bytes: &[u8]| {
        let path = write(directory.path(), "f.npy", bytes);
        let text = Npy.open(&path).unwrap_err().to_string();
        text.split_once("f.npy: ").unwrap().1.to_owned()
    };
    let of = |values: &[f64], shape: &str| refusal(&array("<f8", false, shape, &doubles(values)));
    assert_eq!(
        of(&[1.0, 0.0, f64::INFINITY, 1.0], "(2, 2)"),
        "row 1, column 0 is inf, not a finite 32-bit number"
    );
    assert_eq!(
        of(&[1.0, 0.5], "(1, 2)"),
        "row 0, column 1 is 0.5, not a class from 0 to 63"
    );
    assert_eq!(
        of(&[1.0, 64.0], "(1, 2)"),
        "row 0, column 1 is 64, not a class from 0 to 63"
    );
    assert_eq!(
        of(&[1.0, 0.0], "(2,)"),
        "not a sound npy file: shape [2], expected (rows, features)"
    );
    assert_eq!(of(&[1.0], "(1, 1)"), "empty, 1 rows of 0 features");
    assert_eq!(of(&[], "(0, 3)"), "empty, 0 rows of 3 features");
    assert_eq!(
        of(&[1.0], "(2, 2)"),
        "not a sound npy file: it ends too early"
    );
    assert_eq!(
        of(&[1.0, 0.0, 1.0], "(1, 2)"),
        "not a sound npy file: it goes on behind its last element"
    );
    let huge = format!("({}, {})", usize::MAX, 4);
    assert!(of(&[1.0], &huge).contains("rows of 4 features"));
    assert!(of(&[1.0], "(99999999999, 99)").contains("MiB of memory"));
    assert!(refusal(&array("<c8", false, "(1, 2)", &[])).contains("`<c8`"));
    assert!(refusal(&array("|O", false, "(1, 2)", &[])).contains("`|O`"));
    assert!(refusal(b"PK\x03\x04 and so on").contains("does not begin"));
    assert!(refusal(b"\x93NUMPY\x02\x00\xff\xff\xff\xff").contains("header of 4294967295 bytes"));
}

proptest! {
    #[test]
    fn no_header_panics(text in "[{}()',: a-z0-9<>|]{0,80}", cut in 0usize..40) {
        let _ = Header::parse(&text);
        let sound = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }";
        let _ = Header::parse(&sound[..cut]);
        let _ = Header::parse(&format!("{{'descr': '{text}'}}"));
    }
}

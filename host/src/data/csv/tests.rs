use std::io::Cursor;
use std::path::Path;

use proptest::prelude::*;

use super::super::DataSet;
use super::*;

fn read(text: &str) -> Result<Loaded, DataError> {
    Csv.read("f.csv", &mut Cursor::new(text.as_bytes()))
}

/// Labels, values and class names.
fn parts(text: &str) -> (Vec<u16>, Vec<f32>, Vec<String>) {
    let loaded = read(text).unwrap();
    (
        loaded.train.labels().to_vec(),
        loaded.train.values().to_vec(),
        loaded.class_names.unwrap_or_default(),
    )
}

fn refusal(text: &str) -> String {
    read(text).unwrap_err().to_string()
}

#[test]
fn the_label_column_is_found() {
    let none = Vec::<String>::new();
    assert_eq!(
        parts("a,label,b\n1,0,2\n3,1,4\n"),
        (vec![0, 1], vec![1.0, 2.0, 3.0, 4.0], none.clone())
    );
    assert_eq!(
        parts("a,Label\r\n1, 1\r\n 3,0\r\n"),
        (vec![1, 0], vec![1.0, 3.0], none.clone())
    );
    assert_eq!(
        parts("a,b\n1,1\n3,0\n"),
        (vec![1, 0], vec![1.0, 3.0], none.clone())
    );
    assert_eq!(parts("1,1\n-3e-1,0\n"), (vec![1, 0], vec![1.0, -0.3], none));
}

#[test]
fn classes_by_name_are_sorted() {
    let names = vec!["ant".to_owned(), "cat".to_owned()];
    let expected = (vec![1, 0, 1], vec![1.0, 2.0, 3.0], names.clone());
    assert_eq!(parts("x,kind\n1,cat\n2,ant\n3,cat\n"), expected);
    // Without a header: the class of the first line occurs again.
    assert_eq!(parts("1,cat\n2,ant\n3,cat\n"), expected);
    // Columns named by numbers: it does not.
    assert_eq!(
        parts("0,kind\n2,cat\n3,ant\n"),
        (vec![1, 0], vec![2.0, 3.0], names)
    );
    assert_eq!(
        parts("0,target\n2,1\n3,0\n"),
        (vec![1, 0], vec![2.0, 3.0], Vec::new())
    );
}

#[test]
fn bad_cells_are_named() {
    let cases = [
        ("", "f.csv: empty, 0 rows of 0 features"),
        ("a,label\n", "f.csv: empty, 0 rows of 1 features"),
        (
            "1;2;3\n",
            "f.csv: one column (separated by commas?): 0 features in a row, expected 1",
        ),
        (
            "a,label\n1,0\nnan,1\n",
            "f.csv: line 3, column `a` is `nan`, expected a finite 32-bit number",
        ),
        (
            "a,label\n1e39,0\n",
            "f.csv: line 2, column `a` is `1e39`, expected a finite 32-bit number",
        ),
        (
            "1,2,0\n1,,1\n",
            "f.csv: line 2, column `2` is ``, expected a finite 32-bit number",
        ),
        (
            "a,label\n1,0\n2,\n",
            "f.csv: line 3, column `label` is ``, expected a class",
        ),
        (
            "a,label\n1,0\n2,-1\n",
            "f.csv: line 3, column `label` is `-1`, expected a class from 0 to 63",
        ),
        (
            "a,label\n1,0\n2,64\n",
            "f.csv: line 3, column `label` is `64`, expected a class from 0 to 63",
        ),
        (
            "a,label\r\n1,0\r\n2\r\n",
            "f.csv: line 3 has 1 cells, the first has 2",
        ),
        (
            "a,label\n1,0\n\n2\n",
            "f.csv: line 4 has 1 cells, the first has 2",
        ),
        (
            "a,label\n1,0\n2,1,1\n",
            "f.csv: line 3 has 3 cells, the first has 2",
        ),
        (
            "label,a,label\n0,1,0\n",
            "f.csv: the header has more than one column `label`",
        ),
        (
            ",a,label\n0,1,0\n",
            "f.csv: the header has no name for column 1 (a column of row numbers must be removed)",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(refusal(text), expected);
    }
    for (text, then) in [
        ("1,2,a\n3,4,b\n", "there is one class"),
        ("1,2,a\n", "there are no rows"),
    ] {
        assert_eq!(
            refusal(text),
            format!(
                "f.csv: line 1 is taken for a header, because its last cell `a` is neither a number nor the class of another \
                 line; then {then}, at least two are needed"
            )
        );
    }
    let continuous: String = (0..65).map(|i| format!("1,{i}.5\n")).collect();
    assert_eq!(
        refusal(&continuous),
        "f.csv: line 65: `64.5` is one class too many, at most 64 are read (is `2` the class?)"
    );
}

#[test]
fn foreign_bytes_are_refused() {
    let mut source = Cursor::new(b"a,label\n\xff,0\n");
    let error = Csv.read("f.csv", &mut source).unwrap_err().to_string();
    assert!(error.starts_with("f.csv: not a sound csv file:"), "{error}");
}

#[test]
fn the_memory_of_a_text_is_known_before_it_is_taken() {
    // The text, twice its longest line, and six cells in four copies.
    assert_eq!(bytes_of(b"1,2,3\n4,5,66\n"), 13 + 2 * 6 + 6 * 16);
    assert_eq!(bytes_of(b"1,\"\n\"\n"), 6 + 2 * 6 + 3 * 16);
    #[cfg(target_os = "linux")]
    {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("hole.csv");
        let file = std::fs::File::create(&path).unwrap();
        // Not every file system has files of this size.
        if file.set_len(1 << 40).is_ok() {
            let error = DataSet::open(&path, 0).unwrap_err().to_string();
            assert!(error.contains("hole.csv: takes 1048576 MiB"), "{error}");
        }
    }
}

#[test]
fn the_sample_file_is_read_and_split() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/tests/data/tiny.csv");
    let set = DataSet::open(&path, 0).unwrap();
    assert_eq!((set.name(), set.classes(), set.features()), ("tiny", 3, 2));
    assert_eq!(set.class_names(), ["a", "b", "c"]);
    let counts = [set.train(), set.validation(), set.test()].map(Table::class_counts);
    assert_eq!(counts[2].iter().sum::<usize>(), 4);
    assert_eq!(counts[1].iter().sum::<usize>(), 2);
    assert_eq!(counts[0].iter().sum::<usize>(), 12);
}

#[test]
fn unknown_extensions_are_refused_with_the_known_ones() {
    let message = |path: &str| DataSet::open(Path::new(path), 0).unwrap_err().to_string();
    assert_eq!(
        message("a/b.xlsx"),
        "a/b.xlsx: data sets with the extension `xlsx` are not known; known are `*.safetensors`, `*.npz`, \
         `*.npy`, `*.csv`, `*images*idx3-ubyte[.gz]`"
    );
    assert!(message("b").contains("extension ``"));
    assert!(message("missing.CSV").contains("cannot be read"));
}

proptest! {
    #[test]
    fn any_bytes_give_an_error_or_a_data_set(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(loaded) = Csv.read("f", &mut Cursor::new(bytes)) {
            let _ = DataSet::new("f", loaded, 0);
        }
    }

    #[test]
    fn any_text_of_cells_gives_an_error_or_a_data_set(text in "([0-9a-c.\"]{0,3}[,\n]){0,40}") {
        if let Ok(loaded) = read(&text) {
            let _ = DataSet::new("f", loaded, 0);
        }
    }

    #[test]
    fn numbers_survive_the_way_through_text(
        values in prop::collection::vec(prop::num::f32::NORMAL | prop::num::f32::ZERO, 2..40),
    ) {
        let text: String = values.iter().map(|x| format!("{x},1\n")).collect();
        prop_assert_eq!(parts(&text).1, values);
    }
}

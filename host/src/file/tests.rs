use std::fs;
use std::io::Cursor;

use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use super::layout::{PRELUDE_BYTES, Prelude};
use super::*;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Note {
    step: u64,
    rate: f64,
}

const NOTE: Note = Note {
    step: u64::MAX,
    rate: 0.1 + 0.2,
};

const ANY: Expected<'static> = Expected {
    kind: None,
    parameters: None,
    max_section_bytes: 1 << 20,
};

fn set(name: &str) -> ParameterSet {
    ParameterSet {
        name: name.to_owned(),
        fingerprint: *blake3::hash(name.as_bytes()).as_bytes(),
    }
}

/// A container of two words and three bytes.
fn small() -> Vec<u8> {
    let sink = Cursor::new(Vec::new());
    let mut writer = Writer::new("x.vg", sink, Kind::Model, Some(&set("toy"))).unwrap();
    writer.words("weights", &[5, 96]).unwrap();
    writer.section("note", b"abc").unwrap();
    writer.finish(&NOTE).unwrap().into_inner()
}

fn open<'a>(
    bytes: &'a [u8],
    expected: &Expected<'_>,
) -> Result<Reader<Cursor<&'a [u8]>>, FileError> {
    Reader::new("x.vg", Cursor::new(bytes), expected)
}

/// Opens and reads everything.
fn check(bytes: &[u8]) -> Result<(), FileError> {
    open(bytes, &ANY)?.verify()
}

fn message<T>(result: Result<T, FileError>) -> String {
    result
        .err()
        .map(|error| error.to_string())
        .unwrap_or_default()
}

/// The container with another prelude, whose checksum fits.
fn with_prelude(change: impl FnOnce(&mut Prelude)) -> Vec<u8> {
    let mut bytes = small();
    let mut prelude = Prelude::from_bytes("", &bytes, 0).unwrap();
    change(&mut prelude);
    bytes[..PRELUDE_BYTES].copy_from_slice(&prelude.to_bytes());
    bytes
}

#[test]
fn what_was_written_is_read() {
    let bytes = small();
    let toy = set("toy");
    let expected = Expected {
        kind: Some(Kind::Model),
        parameters: Some(&toy),
        max_section_bytes: 8,
    };
    let mut reader = open(&bytes, &expected).unwrap();
    assert_eq!(reader.kind(), Kind::Model);
    assert_eq!(reader.parameters(), Some(&toy));
    assert_eq!(reader.header::<Note>().unwrap(), NOTE);
    let sections: Vec<_> = reader.sections().collect();
    assert_eq!(sections, [("weights", 8), ("note", 3)]);
    assert_eq!(reader.section("note", 64).unwrap(), b"abc");
    assert_eq!(reader.words("weights").unwrap(), [5, 96]);
    let layout = |moduli| ResidueLayout {
        polynomials: 1,
        moduli,
        degree: 2,
    };
    assert_eq!(reader.residues("weights", &layout(&[97])).unwrap(), [5, 96]);
    assert_eq!(
        message(reader.residues("weights", &layout(&[96]))),
        "x.vg: section `weights`: residue 1 of limb 0 of polynomial 0 is 96, not below its modulus 96"
    );
    assert_eq!(
        message(reader.residues("weights", &layout(&[97, 97]))),
        "x.vg: section `weights` has 8 bytes, expected 16"
    );
    assert_eq!(
        message(reader.words("note")),
        "x.vg: section `note` has 3 bytes, expected 4"
    );
    assert_eq!(
        message(reader.section("bias", 64)),
        "x.vg: there is no section `bias`"
    );
    assert_eq!(
        message(reader.section("note", 2)),
        "x.vg: bytes of section `note` 3, the limit is 2"
    );
    assert!(message(reader.header::<Vec<u8>>()).starts_with("x.vg: header: invalid type"));
    reader.verify().unwrap();
}

#[test]
fn sections_go_in_and_come_out_in_pieces() {
    let sink = Cursor::new(Vec::new());
    let mut writer = Writer::new("x", sink, Kind::Checkpoint, None).unwrap();
    writer
        .section_from("long", |section| {
            for i in 0..100 {
                section.words(&[i; 7])?;
            }
            Ok::<(), FileError>(())
        })
        .unwrap();
    writer.section("empty", &[]).unwrap();
    let bytes = writer.finish(&()).unwrap().into_inner();
    let mut reader = open(&bytes, &ANY).unwrap();
    let whole = reader.section("long", 1 << 20).unwrap();
    assert_eq!(whole.len(), 2800);
    for piece_bytes in [0, 1, 3, 1000, 2800, 5000] {
        let mut pieces = Vec::new();
        reader
            .section_in_pieces("long", piece_bytes, |piece| {
                pieces.extend_from_slice(piece);
                Ok::<(), FileError>(())
            })
            .unwrap();
        assert_eq!(pieces, whole);
    }
    assert!(reader.section("empty", 64).unwrap().is_empty());
    assert_eq!(reader.parameters(), None);
}

#[test]
fn another_kind_or_parameter_set_is_refused_by_name() {
    let bytes = small();
    let kind = Some(Kind::EvaluationKeys);
    assert_eq!(
        message(open(&bytes, &Expected { kind, ..ANY })),
        "x.vg holds an encrypted model, not evaluation keys"
    );
    let other = set("boot-39");
    let parameters = Some(&other);
    let found = message(open(&bytes, &Expected { parameters, ..ANY }));
    assert_eq!(
        found,
        format!(
            "x.vg was made for parameter set {}, not for parameter set {other}",
            set("toy")
        )
    );
    let free = Writer::new("x", Cursor::new(Vec::new()), Kind::ClearModel, None).unwrap();
    let free = free.finish(&()).unwrap().into_inner();
    assert!(
        message(open(&free, &Expected { parameters, ..ANY }))
            .starts_with("x.vg was made for no parameter set, not for")
    );
    let unnamed = open(&with_prelude(|p| p.kind = 999), &ANY).map(drop);
    assert_eq!(message(unnamed), "x.vg: unknown kind of file 999");
    let hidden = Writer::new(
        "x",
        Cursor::new(Vec::new()),
        Kind::Model,
        Some(&set("\u{1b}[2J")),
    );
    let hidden = hidden.unwrap().finish(&()).unwrap().into_inner();
    assert_eq!(
        message(open(&hidden, &ANY)),
        "x.vg: inconsistent header: the name of the parameter set: it has a character that is not visible ASCII"
    );
    let codes: std::collections::HashSet<u32> = Kind::ALL.iter().map(|k| k.code()).collect();
    assert_eq!(codes.len(), Kind::ALL.len());
}

#[test]
fn every_flipped_bit_is_found() {
    let whole = small();
    check(&whole).unwrap();
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << bit;
            assert!(check(&bytes).is_err(), "bit {bit} of byte {at}");
        }
    }
    let mut bytes = whole;
    bytes[PRELUDE_BYTES + 9] ^= 1;
    assert_eq!(
        message(check(&bytes)),
        "x.vg: the checksum of the section `note` does not match: damaged"
    );
    assert_eq!(
        open(&bytes, &ANY).unwrap().words("weights").unwrap(),
        [5, 96]
    );
}

#[test]
fn every_truncation_and_any_more_bytes_are_refused() {
    let whole = small();
    for length in 0..whole.len() {
        assert!(open(&whole[..length], &ANY).is_err(), "{length} bytes");
    }
    assert_eq!(
        message(open(&whole[..whole.len() - 1], &ANY)),
        format!(
            "x.vg: {} bytes, expected {}: truncated or damaged",
            whole.len() - 1,
            whole.len()
        )
    );
    let longer = [&whole[..], &[0]].concat();
    assert!(matches!(open(&longer, &ANY), Err(FileError::Length { .. })));
}

#[test]
fn foreign_files_are_refused() {
    for foreign in [&b""[..], b"PK\x03\x04", b"x_train,label\n", &[0; 400]] {
        assert_eq!(message(check(foreign)), "x.vg: not a veilgrad file");
    }
    let mut newer = small();
    newer[8] = 2;
    assert_eq!(
        message(check(&newer)),
        "x.vg: format version 2, this program reads version 1"
    );
}

#[test]
fn oversized_claims_are_refused_before_memory_is_taken() {
    let claims: [fn(&mut Prelude); 7] = [
        |p| p.header_bytes = u64::MAX,
        |p| p.header_bytes = MAX_HEADER_BYTES,
        |p| p.table_bytes = u64::MAX,
        |p| p.table_bytes += 1,
        |p| p.sections = u64::MAX,
        |p| p.section_bytes = u64::MAX,
        |p| p.section_bytes += 1,
    ];
    for claim in claims {
        let error = check(&with_prelude(claim)).unwrap_err();
        assert!(
            matches!(error, FileError::TooLarge { .. } | FileError::Length { .. }),
            "{error}"
        );
    }
    let fewer = check(&with_prelude(|p| p.sections = 1)).unwrap_err();
    assert!(matches!(
        fewer,
        FileError::TooLarge { .. } | FileError::Inconsistent { .. }
    ));
    let bytes = small();
    let small_limit = Expected {
        max_section_bytes: 7,
        ..ANY
    };
    assert_eq!(
        message(open(&bytes, &small_limit)),
        "x.vg: bytes of section `weights` 8, the limit is 7"
    );
}

#[test]
fn bad_names_and_headers_are_not_written() {
    let writer = || Writer::new("x", Cursor::new(Vec::new()), Kind::Model, None).unwrap();
    let mut names = writer();
    names.section("a", &[]).unwrap();
    let long = "n".repeat(65);
    for (name, reason) in [
        ("", "it is empty"),
        ("a", "it is taken"),
        (long.as_str(), "it is too long"),
        ("a b", "it has a character that is not visible ASCII"),
        ("\u{e9}", "it has a character that is not visible ASCII"),
    ] {
        assert_eq!(
            message(names.section(name, &[])),
            format!("x: a section cannot be named `{name}`: {reason}")
        );
    }
    names.section("after", &[]).unwrap();
    assert_eq!(
        message(writer().finish(&"h".repeat(1 << 20))),
        "x: bytes of the header 1048608, the limit is 1048576"
    );
    let mut broken = writer();
    let stop = || FileError::Foreign {
        file: String::new(),
    };
    assert!(broken.section_from("half", |_| Err(stop())).is_err());
    assert_eq!(
        message(broken.section("next", &[])),
        "x: section `half` was not written to its end"
    );
    assert!(matches!(
        broken.finish(&()),
        Err(FileError::Unfinished { .. })
    ));
}

#[test]
fn an_interrupted_write_leaves_the_old_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x.vg");
    let write = |word, commit| {
        let mut writer = Writer::create(&path, Kind::Checkpoint, None).unwrap();
        writer.words("step", &[word]).unwrap();
        if commit {
            writer.commit(&()).unwrap();
        }
    };
    let read = || Reader::open(&path, &ANY).unwrap().words("step").unwrap();
    write(1, true);
    write(2, false);
    assert_eq!(read(), [1]);
    write(3, true);
    assert_eq!(read(), [3]);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    let nowhere = directory.path().join("missing/x.vg");
    let error = message(Writer::create(&nowhere, Kind::Model, None));
    assert!(error.ends_with(": cannot be created"), "{error}");
    assert!(message(Reader::open(&nowhere, &ANY)).ends_with("x.vg: cannot be opened"));
}

#[cfg(unix)]
#[test]
fn a_secret_key_is_of_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("key.vg");
    fs::write(&path, b"an older file, open to all").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    let mode_of =
        |entry: &std::path::Path| fs::metadata(entry).unwrap().permissions().mode() & 0o777;
    let mut writer = Writer::create(&path, Kind::SecretKey, Some(&set("toy"))).unwrap();
    writer.words("secret", &[0, 1, 96]).unwrap();
    for entry in fs::read_dir(directory.path()).unwrap() {
        let entry = entry.unwrap().path();
        assert_eq!(mode_of(&entry) == 0o600, entry != path);
    }
    writer.commit(&()).unwrap();
    assert_eq!(mode_of(&path), 0o600);
}

proptest! {
    #[test]
    fn any_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..500)) {
        prop_assert!(check(&bytes).is_err());
    }

    #[test]
    fn any_bytes_after_a_sound_prelude_are_refused(
        tail in prop::collection::vec(any::<u8>(), 0..200),
        sections in 0u64..4,
        split in any::<prop::sample::Index>(),
    ) {
        // Checksums that fit: the parsers of header and table see the random bytes.
        let middle = split.index(tail.len() + 1);
        let (header, table) = tail.split_at(middle);
        let prelude = Prelude {
            kind: Kind::Job.code(),
            fingerprint: [0; 32],
            section_bytes: 0,
            header_bytes: header.len() as u64,
            table_bytes: table.len() as u64,
            sections,
            header_checksum: *blake3::hash(header).as_bytes(),
            table_checksum: *blake3::hash(table).as_bytes(),
        };
        prop_assert!(check(&[&prelude.to_bytes(), header, table].concat()).is_err());
        let header = br#"{"parameters":null,"content":0}"#;
        let prelude = Prelude {
            header_bytes: header.len() as u64,
            header_checksum: *blake3::hash(header).as_bytes(),
            ..prelude
        };
        let bytes = [&prelude.to_bytes(), &header[..], table].concat();
        let sound = sections == 0 && table.is_empty();
        prop_assert_eq!(check(&bytes).is_ok(), sound);
    }

    #[test]
    fn any_sections_survive(
        sections in prop::collection::btree_map("[a-z0-9/._-]{1,64}", prop::collection::vec(any::<u8>(), 0..50), 0..10),
        kind in prop::sample::select(Kind::ALL.to_vec()),
    ) {
        let mut writer = Writer::new("x", Cursor::new(Vec::new()), kind, None).unwrap();
        for (name, bytes) in &sections {
            writer.section(name, bytes).unwrap();
        }
        let bytes = writer.finish(&sections.len()).unwrap().into_inner();
        let mut reader = open(&bytes, &ANY).unwrap();
        prop_assert_eq!(reader.header::<usize>().unwrap(), sections.len());
        prop_assert_eq!(reader.sections().len(), sections.len());
        for (name, bytes) in &sections {
            prop_assert_eq!(&reader.section(name, 1 << 20).unwrap(), bytes);
        }
    }
}

//! What each crate must not mention: the walls of the house.

use std::fs;
use std::path::{Path, PathBuf};

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs" || e == "wgsl") {
            files.push(path);
        }
    }
    files
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// Lines of code (not of comments) of a file or folder that hold a word.
fn mentions(place: &str, word: &str) -> Vec<String> {
    let path = root().join(place);
    let files = if path.is_dir() {
        sources(&path)
    } else {
        vec![path]
    };
    assert!(!files.is_empty(), "{place} has no sources");
    let mut found = Vec::new();
    for file in files {
        for (i, line) in fs::read_to_string(&file).unwrap().lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            if code.contains(word) {
                found.push(format!("{}:{}: {}", file.display(), i + 1, line.trim()));
            }
        }
    }
    found
}

#[track_caller]
fn never(place: &str, words: &[&str]) {
    for word in words {
        let found = mentions(place, word);
        assert!(
            found.is_empty(),
            "{place} mentions {word}:\n{}",
            found.join("\n")
        );
    }
}

#[test]
fn the_engine_knows_no_machine() {
    never("engine/src", &["wgpu", "rayon", "std::fs", "std::thread"]);
}

#[test]
fn the_host_knows_no_terminal() {
    never("host/src", &["clap", "anyhow", "println!", "eprintln!"]);
}

#[test]
fn the_command_line_knows_no_arithmetic() {
    never("cli/src", &["engine::"]);
}

#[test]
fn unsafe_code_stays_where_it_belongs() {
    let allowed = [
        "host/src/cpu/simd/ifma.rs",
        "host/src/cpu/simd/avx512.rs",
        "host/src/cpu/simd/avx2.rs",
        "host/src/cpu/memory.rs",
    ];
    for found in mentions("host/src", "unsafe") {
        assert!(allowed.iter().any(|file| found.contains(file)), "{found}");
    }
}

#[test]
fn the_server_cannot_name_the_secret_key() {
    for place in [
        "engine/src/protocol/server.rs",
        "engine/src/protocol/server_prune.rs",
        "engine/src/prune",
        "engine/src/ckks/evaluator",
        "engine/src/circuits",
        "engine/src/train",
        "host/src/job/train",
        "host/src/job/prune/merge.rs",
        "host/src/job/prune/rounds.rs",
        "host/src/job/prune/score.rs",
        "host/src/job/exchange/server.rs",
    ] {
        never(place, &["SecretKey", "Decryptor", "secret"]);
    }
}

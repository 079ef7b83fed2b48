//! A process that may not have the memory it asks for.

use std::fs::File;
use std::io::Write;
use std::process::Command;

use super::place::{PROGRAM, Place};

#[test]
fn a_data_set_beyond_the_limit_of_memory_is_refused_by_name() {
    let place = Place::new();
    // Three GiB, none of which are on the disk.
    let (rows, bytes) = (3u64 << 20, 3u64 << 30);
    let header = format!(
        r#"{{"x_train":{{"dtype":"F32","shape":[{rows},256],"data_offsets":[0,{bytes}]}},"y_train":{{"dtype":"U8","shape":[{rows}],"data_offsets":[{bytes},{}]}}}}"#,
        bytes + rows
    );
    let path = place.path("hole.safetensors");
    let mut file = File::create(&path).unwrap();
    file.write_all(&(header.len() as u64).to_le_bytes())
        .unwrap();
    file.write_all(header.as_bytes()).unwrap();
    file.set_len(8 + header.len() as u64 + bytes + rows)
        .unwrap();
    // Two GiB of address space.
    let script = "ulimit -v 2097152; exec \"$0\" \"$@\"";
    let mut shell = Command::new("sh");
    shell.args(["-c", script, PROGRAM, "simulate", "--data"]);
    let output = shell.arg(&path).args(["--threads", "1"]).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    for words in ["hole.safetensors", "MiB of memory"] {
        assert!(told.contains(words), "{told}");
    }
}

//! Assembles every kernel in both forms of the product and validates it with naga; a bad shader fails the build. Writes the table of
//! kernels.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, error, fs};

use naga::valid::{Capabilities, ValidationFlags, Validator};

#[path = "src/assemble.rs"]
pub mod assemble;
#[path = "src/layout.rs"]
pub mod layout;

/// The shared text that the form of the product decides, and what replaces it where the adapter has 64-bit integers.
const WORD: (&str, &str) = ("word", "word_wide");

fn main() -> Result<(), Box<dyn error::Error>> {
    println!("cargo::rerun-if-changed=wgsl");
    println!("cargo::rerun-if-changed=src");
    let halves = read(Path::new("wgsl/shared"))?;
    let mut wide = halves.clone();
    let text = wide.remove(WORD.1).ok_or("wgsl/shared has no word_wide")?;
    wide.insert(WORD.0.to_owned(), text);
    let mut table = String::from("&[\n");
    for (name, text) in read(Path::new("wgsl"))? {
        let halves = validated(&name, &text, &halves, Capabilities::empty())?;
        let wide = validated(&name, &text, &wide, Capabilities::SHADER_INT64)?;
        writeln!(
            table,
            "Kernel {{ name: {name:?}, halves: {halves:?}, wide: {wide:?} }},"
        )?;
    }
    table.push(']');
    let out = PathBuf::from(env::var("OUT_DIR")?).join("kernels.rs");
    Ok(fs::write(out, table)?)
}

/// The whole text of a kernel, if it is sound.
fn validated(
    name: &str,
    text: &str,
    shared: &BTreeMap<String, String>,
    capabilities: Capabilities,
) -> Result<String, Box<dyn error::Error>> {
    let source = assemble::assemble(text, shared, &layout::constants())
        .map_err(|error| format!("wgsl/{name}.wgsl: {error}"))?;
    let module = naga::front::wgsl::parse_str(&source)
        .map_err(|e| format!("wgsl/{name}.wgsl: {}", e.emit_to_string(&source)))?;
    Validator::new(ValidationFlags::all(), capabilities)
        .validate(&module)
        .map_err(|e| format!("wgsl/{name}.wgsl: {}", e.emit_to_string(&source)))?;
    let entry = module.entry_points.iter().find(|e| e.name == "main");
    entry.ok_or(format!("wgsl/{name}.wgsl has no entry point main"))?;
    Ok(source)
}

/// The WGSL files of a folder by name.
fn read(folder: &Path) -> Result<BTreeMap<String, String>, Box<dyn error::Error>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if let (Some("wgsl"), Some(stem)) = (
            path.extension().and_then(|e| e.to_str()),
            path.file_stem().and_then(|s| s.to_str()),
        ) {
            files.insert(stem.to_owned(), fs::read_to_string(&path)?);
        }
    }
    Ok(files)
}

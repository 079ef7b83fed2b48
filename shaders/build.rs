//! Assembles every kernel and validates it with naga; a bad shader fails the build. Writes the table of kernels.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, error, fs};

use naga::valid::{Capabilities, ValidationFlags, Validator};

#[path = "src/assemble.rs"]
pub mod assemble;
#[path = "src/layout.rs"]
pub mod layout;

fn main() -> Result<(), Box<dyn error::Error>> {
    println!("cargo::rerun-if-changed=wgsl");
    println!("cargo::rerun-if-changed=src");
    let shared = read(Path::new("wgsl/shared"))?;
    let mut table = String::from("&[\n");
    for (name, text) in read(Path::new("wgsl"))? {
        let source =
            assemble::assemble(&text, &shared, &layout::constants()).map_err(|missing| {
                format!("wgsl/{name}.wgsl imports {missing}, which is not in wgsl/shared")
            })?;
        let module = naga::front::wgsl::parse_str(&source)
            .map_err(|e| format!("wgsl/{name}.wgsl: {}", e.emit_to_string(&source)))?;
        Validator::new(ValidationFlags::all(), Capabilities::empty())
            .validate(&module)
            .map_err(|e| format!("wgsl/{name}.wgsl: {}", e.emit_to_string(&source)))?;
        let entry = module.entry_points.iter().find(|e| e.name == "main");
        let size = entry
            .ok_or(format!("wgsl/{name}.wgsl has no entry point main"))?
            .workgroup_size;
        writeln!(
            table,
            "Kernel {{ name: {name:?}, workgroup_size: {size:?}, source: {source:?} }},"
        )?;
    }
    table.push(']');
    fs::write(
        PathBuf::from(env::var("OUT_DIR")?).join("kernels.rs"),
        table,
    )?;
    Ok(())
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

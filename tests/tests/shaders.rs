//! Every kernel has a head that says what it does, its twin exists, and its file is short.

use std::fs;
use std::path::{Path, PathBuf};

use shaders::ProductForm;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// The functions of a type.
fn body<'a>(text: &'a str, owner: &str) -> &'a str {
    let (_, rest) = text.split_once(&format!("\nimpl {owner} {{")).unwrap();
    rest.split_once("\n}\n").map_or(rest, |(body, _)| body)
}

#[test]
fn every_twin_points_at_a_function() {
    assert!(!shaders::KERNELS.is_empty());
    for kernel in shaders::KERNELS {
        let source = kernel.source(ProductForm::Halves);
        let line = source
            .lines()
            .find_map(|line| line.strip_prefix("// Twin: "));
        let line = line.unwrap_or_else(|| panic!("{} names no twin", kernel.name));
        let (file, function) = line.trim_end_matches('.').split_once(", ").unwrap();
        let text = fs::read_to_string(root().join(file)).unwrap();
        // `Type::function` where a file has functions of the same name.
        let (scope, function) = match function.split_once("::") {
            Some((owner, function)) => (body(&text, owner), function),
            None => (text.as_str(), function),
        };
        assert!(
            scope.contains(&format!("fn {function}(")),
            "{}: {line}",
            kernel.name
        );
        assert!(
            source.contains("// Grid: "),
            "{} names no grid",
            kernel.name
        );
        assert_eq!(shaders::kernel(kernel.name), Some(kernel));
    }
}

#[test]
fn every_kernel_is_in_the_table_of_the_readme() {
    let readme = fs::read_to_string(root().join("shaders/README.md")).unwrap();
    for kernel in shaders::KERNELS {
        let row = format!("| `{}` |", kernel.name);
        assert!(readme.contains(&row), "{row}");
    }
}

#[test]
fn wide_products_are_in_one_form_only() {
    for kernel in shaders::KERNELS {
        assert!(
            !kernel.source(ProductForm::Halves).contains("u64"),
            "{}",
            kernel.name
        );
    }
    let wide = shaders::KERNELS
        .iter()
        .filter(|kernel| kernel.halves != kernel.wide);
    assert!(wide.count() > 10);
}

#[test]
fn shaders_are_short() {
    for folder in ["shaders/wgsl", "shaders/wgsl/shared"] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let lines = fs::read_to_string(&path).unwrap().lines().count();
                assert!(lines < 200, "{}: {lines} lines", path.display());
            }
        }
    }
}

#[test]
fn shared_numbers_are_those_of_the_engine() {
    assert_eq!(shaders::layout::FRACTION_BITS, engine::ring::FRACTION_BITS);
}

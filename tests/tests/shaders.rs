//! Every kernel has a head that says what it does, and its twin exists.

use std::fs;
use std::path::Path;

#[test]
fn every_twin_points_at_a_function() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    assert!(!shaders::KERNELS.is_empty());
    for kernel in shaders::KERNELS {
        let line = kernel
            .source
            .lines()
            .find_map(|line| line.strip_prefix("// Twin: "));
        let line = line.unwrap_or_else(|| panic!("{} names no twin", kernel.name));
        let (file, function) = line.trim_end_matches('.').split_once(", ").unwrap();
        let text = fs::read_to_string(root.join(file)).unwrap();
        assert!(
            text.contains(&format!("fn {function}(")),
            "{}: {line}",
            kernel.name
        );
        assert!(
            kernel.source.contains("// Grid: "),
            "{} names no grid",
            kernel.name
        );
        assert_eq!(
            kernel.workgroup_size,
            [shaders::layout::WORKGROUP_SIZE, 1, 1]
        );
        assert_eq!(shaders::kernel(kernel.name), Some(kernel));
    }
}

//! WGSL kernels and the data layouts that Rust and WGSL share. Knows no device and no scheme.
#![forbid(unsafe_code)]

pub mod assemble;
pub mod layout;

/// A compute kernel: assembled, validated when this crate was built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kernel {
    /// The name of its file.
    pub name: &'static str,
    /// Threads of a workgroup.
    pub workgroup_size: [u32; 3],
    /// The whole text; the entry point is `main`.
    pub source: &'static str,
}

/// All kernels, by name.
pub const KERNELS: &[Kernel] = include!(concat!(env!("OUT_DIR"), "/kernels.rs"));

/// The kernel of this name.
#[must_use]
pub fn kernel(name: &str) -> Option<&'static Kernel> {
    KERNELS.iter().find(|kernel| kernel.name == name)
}

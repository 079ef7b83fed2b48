//! Every constant that Rust and WGSL share; Rust is the only source.

/// Threads of a workgroup.
pub const WORKGROUP_SIZE: u32 = 256;

/// The constants as WGSL declarations, prepended to every kernel.
#[must_use]
pub fn constants() -> String {
    format!("const WORKGROUP_SIZE: u32 = {WORKGROUP_SIZE}u;\n")
}

//! WGSL kernels and the data layouts that Rust and WGSL share.
#![forbid(unsafe_code)]

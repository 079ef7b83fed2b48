//! The processor: vector kernels over rows of residues, and the memory the rows live in.

pub mod memory;
pub mod simd;

//! The machine: threads and vector instructions, GPUs, memory, data sets, files and jobs.
//!
//! Implements the backend trait of [`engine`]; knows nothing of the terminal.

pub mod cpu;
pub mod data;
pub mod file;
#[cfg(feature = "gpu")]
pub mod gpu;
pub mod job;
pub mod launch;
mod memory;
pub mod profile;

//! RNS-CKKS with 32-bit residues, and encrypted training on top of it.
//!
//! Mathematics only: no threads, no devices, no files. Each module uses only those to its left:
//!
//! `arith ← ring ← backend ← ckks ← circuits ← bootstrap ← train ← prune ← protocol`
#![forbid(unsafe_code)]

pub mod arith;
pub mod backend;
pub mod bootstrap;
pub mod circuits;
pub mod ckks;
pub mod protocol;
pub mod prune;
pub mod ring;
pub mod train;

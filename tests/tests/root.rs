//! One binary for all suites.

mod hygiene;
mod laws;
mod parity;
mod precision;
mod shaders;
mod train;

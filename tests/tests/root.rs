//! One binary for all suites.

mod cli;
mod hygiene;
mod jobs;
mod laws;
mod parity;
mod precision;
mod shaders;
mod train;

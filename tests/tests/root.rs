//! One binary for all suites.

mod laws;
mod parity;
mod precision;

//! One binary for all suites.

mod laws;
mod precision;

//! One binary for all suites.

mod cli;
mod precision;

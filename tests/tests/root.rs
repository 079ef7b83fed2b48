//! One binary for all suites.

mod precision;

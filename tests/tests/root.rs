//! One binary for all suites.

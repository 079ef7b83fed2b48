//! Fixtures of the test suites.

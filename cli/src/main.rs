//! `veilgrad`: train classifiers on data that stays encrypted.
#![forbid(unsafe_code)]

fn main() {}

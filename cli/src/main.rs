//! `veilgrad`: train classifiers on data that stays encrypted.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(veilgrad::run_process(std::env::args_os()))
}

//! The command line: parses, calls one job of [`host`], prints, and gives an exit code.
//!
//! | file | holds |
//! |---|---|
//! | `args/` | exactly what the user may type; its doc comments are the help texts |
//! | `values.rs` | what the value of one option may be |
//! | `resolve.rs` | arguments → the configuration of a job |
//! | `commands.rs` | one function for each command |
//! | `streams.rs` | standard output and standard error, and what happens when nobody reads them |
//! | `progress.rs` | what a running job tells: bars, lines, or JSON |
//! | `units.rs` | numbers with their units |
//! | `devices.rs` | the devices of the machine |
//! | `profile.rs` | kernels and their times |
//! | `prune.rs` | choices of rows and what they cost |
//! | `plan.rs`, `calibrate.rs` | what a training will take; what operations take |
//! | `sets.rs` | parameter sets: the table of all, the levels of one |
//! | `sweep.rs` | the table and the plot of accuracy by rows kept |
//! | `print/` | plans and reports: text for people, JSON lines for programs |
//! | `report/` | `--report`: figures as SVG, the page around them |
#![forbid(unsafe_code)]

mod args;
mod calibrate;
mod commands;
mod devices;
mod plan;
mod print;
mod profile;
mod progress;
mod prune;
mod report;
mod resolve;
mod sets;
mod streams;
mod sweep;
mod units;
mod values;

use std::ffi::OsString;
use std::io::{IsTerminal, Write};

use clap::Parser;

use crate::args::Args;
use crate::streams::{Failure, Streams};

/// Exit code: the command did what it was asked to do.
pub const DONE: u8 = 0;
/// Exit code: the job failed; standard error says why.
pub const FAILED: u8 = 1;
/// Exit code: the command line asks for something that cannot be, or is not allowed.
pub const USAGE: u8 = 2;

/// Runs one command line, program name first, and returns its exit code: [`DONE`], [`FAILED`] or [`USAGE`].
///
/// Results go to `out`, messages and progress to `err`, the latter as plain lines. Nothing panics when either is closed.
pub fn run<I>(args: I, out: &mut dyn Write, err: &mut dyn Write) -> u8
where
    I: IntoIterator,
    I::Item: Into<OsString>,
{
    let args = args.into_iter().map(Into::into).collect();
    dispatch(args, Streams::new(out, err))
}

/// [`run`] on the standard streams of this process: with progress bars where standard error is a terminal.
pub fn run_process<I>(args: I) -> u8
where
    I: IntoIterator,
    I::Item: Into<OsString>,
{
    let args = args.into_iter().map(Into::into).collect();
    let (mut out, mut err) = (std::io::stdout().lock(), std::io::stderr());
    let bars = err.is_terminal();
    dispatch(args, Streams::new(&mut out, &mut err).with_bars(bars))
}

fn dispatch(args: Vec<OsString>, mut streams: Streams<'_>) -> u8 {
    let wants_json = args.iter().skip(1).any(|arg| arg == "--json");
    let code = match Args::try_parse_from(args) {
        Ok(args) => match commands::execute(args.command, &mut streams) {
            Ok(()) => DONE,
            Err(failure) => {
                print::failure(&mut streams, &failure, wants_json);
                match failure {
                    Failure::Usage(_) => USAGE,
                    Failure::Job(_) => FAILED,
                }
            }
        },
        Err(message) if message.use_stderr() => {
            print::usage(&mut streams, &message, wants_json);
            USAGE
        }
        Err(help) => {
            streams.out(&help.render());
            DONE
        }
    };
    streams.finish(code)
}

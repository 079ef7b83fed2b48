//! Standard output and standard error, and what happens when nobody reads them.

use std::fmt::Display;
use std::io::{ErrorKind, Write};

use host::job::JobError;

use crate::{DONE, FAILED};

/// Why a command did not do what it was asked to do.
pub(crate) enum Failure {
    /// The command line has to change. The text says how.
    Usage(String),
    /// The job failed.
    Job(anyhow::Error),
}

impl From<JobError> for Failure {
    fn from(error: JobError) -> Self {
        match error {
            // The command line asks for what there is not.
            JobError::Option { .. } | JobError::UnknownParams { .. } => {
                Self::Usage(error.to_string())
            }
            error => Self::Job(error.into()),
        }
    }
}

/// The two streams of a command.
///
/// A reader that closes standard output (`veilgrad params | head -1`) has what it wants: later output goes nowhere, and
/// a job that is running goes on, for it may still have a model to write. Any other failure of standard output, such as a
/// full disk, is kept and turns the exit code of a successful command into [`FAILED`].
pub(crate) struct Streams<'a> {
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
    bars: bool,
    closed: bool,
    lost: Option<std::io::Error>,
}

impl<'a> Streams<'a> {
    /// On these writers, without progress bars.
    pub(crate) fn new(out: &'a mut dyn Write, err: &'a mut dyn Write) -> Self {
        Self {
            out,
            err,
            bars: false,
            closed: false,
            lost: None,
        }
    }

    /// With progress bars on the terminal behind the standard error of this process.
    pub(crate) fn with_bars(self, bars: bool) -> Self {
        Self { bars, ..self }
    }

    /// Whether progress is drawn instead of written in lines.
    pub(crate) fn bars(&self) -> bool {
        self.bars
    }

    /// Writes `text` to standard output as it is.
    pub(crate) fn out(&mut self, text: &dyn Display) {
        if self.closed {
            return;
        }
        // Formatted first: half a JSON line would be worse than none.
        let text = text.to_string();
        if let Err(error) = self.out.write_all(text.as_bytes()) {
            self.close(error);
        }
    }

    /// Writes one line to standard output and hands it on to its reader.
    pub(crate) fn out_line(&mut self, line: &dyn Display) {
        self.out(&format_args!("{line}\n"));
        self.flush();
    }

    /// Writes one line to standard error. There is nobody to tell when that fails.
    pub(crate) fn err_line(&mut self, line: &dyn Display) {
        let line = format!("{line}\n");
        let _ = self.err.write_all(line.as_bytes());
        let _ = self.err.flush();
    }

    /// The exit code after `code`, once all output is out.
    pub(crate) fn finish(mut self, code: u8) -> u8 {
        self.flush();
        match self.lost.take() {
            Some(error) => {
                self.err_line(&format_args!("error: cannot write the output: {error}"));
                if code == DONE { FAILED } else { code }
            }
            None => code,
        }
    }

    fn flush(&mut self) {
        if !self.closed
            && let Err(error) = self.out.flush()
        {
            self.close(error);
        }
    }

    fn close(&mut self, error: std::io::Error) {
        self.closed = true;
        if error.kind() != ErrorKind::BrokenPipe {
            self.lost = Some(error);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream that takes nothing.
    struct Failing(ErrorKind);

    impl Write for Failing {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Err(self.0.into())
        }
    }

    #[test]
    fn a_closed_pipe_is_no_failure_and_a_full_disk_is() {
        for (kind, code) in [
            (ErrorKind::BrokenPipe, DONE),
            (ErrorKind::StorageFull, FAILED),
        ] {
            let (mut out, mut err) = (Failing(kind), Vec::new());
            let mut streams = Streams::new(&mut out, &mut err);
            streams.out_line(&"first");
            streams.out_line(&"second");
            assert_eq!(streams.finish(DONE), code);
            assert_eq!(err.is_empty(), code == DONE);
        }
    }

    #[test]
    fn nothing_happens_when_both_are_closed() {
        let mut out = Failing(ErrorKind::BrokenPipe);
        let mut err = Failing(ErrorKind::BrokenPipe);
        let mut streams = Streams::new(&mut out, &mut err);
        streams.err_line(&"told to nobody");
        streams.out_line(&"told to nobody");
        assert_eq!(streams.finish(FAILED), FAILED);
    }
}

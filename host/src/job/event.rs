//! What a job tells while it runs.

use std::time::Instant;

use super::{
    ActivationReport, EarlierReport, EpochReport, PlanReport, PruneReport, StepReport, SweepRow,
    ValidationReport,
};

/// Whoever listens to a job. Called on the thread that started it.
pub trait Observer {
    /// Something happened.
    fn event(&mut self, event: &Event<'_>);
}

/// What happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The parameter set and the plan, before anything expensive is made.
    Plan(&'a PlanReport),
    /// A stage with a known number of parts begins.
    StageBegun {
        /// The stage.
        stage: Stage,
        /// Its parts.
        parts: usize,
    },
    /// So many parts of a stage are finished.
    StageProgress {
        /// The stage.
        stage: Stage,
        /// Finished parts.
        done: usize,
    },
    /// A stage is over. One that fails does not say so.
    StageEnded {
        /// The stage.
        stage: Stage,
        /// How long it took.
        seconds: f64,
    },
    /// A training step is over.
    Step(&'a StepReport),
    /// The job goes on from where an earlier process was ended, after this.
    Earlier(&'a EarlierReport),
    /// An epoch was measured.
    Epoch(&'a EpochReport),
    /// An activation was measured.
    Activation(&'a ActivationReport),
    /// It was decided whether a training goes on.
    Validation(&'a ValidationReport),
    /// Samples were chosen and merged.
    Prune(&'a PruneReport),
    /// A line of a sweep over shares and rules.
    Sweep(&'a SweepRow),
    /// A line worth telling.
    Note(String),
}

/// A part of a job that takes time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// Reading and normalizing data.
    Data,
    /// Making or reading keys.
    Keys,
    /// Encrypting the training set.
    Encrypt,
    /// Training, or on the owner's side: answering.
    Train,
    /// Decrypting the model.
    Decrypt,
    /// Measuring accuracy.
    Evaluate,
    /// Measuring what operations take.
    Calibrate,
}

/// A stage that runs, and who is told of it.
pub(super) struct Running<'a> {
    observer: &'a mut dyn Observer,
    stage: Stage,
    done: usize,
    begun: Instant,
}

impl<'a> Running<'a> {
    pub(super) fn begin(observer: &'a mut dyn Observer, stage: Stage, parts: usize) -> Self {
        observer.event(&Event::StageBegun { stage, parts });
        Self {
            observer,
            stage,
            done: 0,
            begun: Instant::now(),
        }
    }

    /// One more part is finished.
    pub(super) fn advance(&mut self) {
        self.done += 1;
        let (stage, done) = (self.stage, self.done);
        self.observer.event(&Event::StageProgress { stage, done });
    }

    pub(super) fn observer(&mut self) -> &mut dyn Observer {
        self.observer
    }

    /// The stage is over; how many seconds it took.
    pub(super) fn end(self) -> f64 {
        let (stage, seconds) = (self.stage, self.begun.elapsed().as_secs_f64());
        self.observer.event(&Event::StageEnded { stage, seconds });
        seconds
    }
}

/// Runs `work` as a stage of one part.
pub(super) fn stage<T, E>(
    observer: &mut dyn Observer,
    stage: Stage,
    work: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    let mut running = Running::begin(observer, stage, 1);
    let result = work()?;
    running.advance();
    running.end();
    Ok(result)
}

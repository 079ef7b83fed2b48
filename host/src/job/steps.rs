//! The steps of a training on the server's side, one after the other, each kept before the next begins.

use engine::backend::Backend;
use engine::ckks::{Ciphertext, Params};
use engine::protocol::{ReceivedBatch, Server};

use super::checkpoint::{Checkpoint, Progress};
use super::event::Running;
use super::exchange::Conversation;
use super::phases::PhaseClock;
use super::report::{EarlierReport, step_report};
use super::task::Schedule;
use super::{EpochReport, Event, JobError, Observer, ValidationReport};

/// What came of a training.
pub(super) struct Trained<B: Backend> {
    /// The state after the last step, or after the best epoch.
    pub(super) state: Ciphertext<B>,
    /// Steps that were done.
    pub(super) steps: usize,
    /// The epoch that the state is from, where the owner was asked.
    pub(super) best_epoch: Option<usize>,
}

/// Asks the owner about the state after an epoch, which has been refreshed.
pub(super) type Ask<'a, B> =
    dyn FnMut(usize, &Ciphertext<B>) -> Result<ValidationReport, JobError> + 'a;

/// Gives the batch of a step. The state is what the step begins with: samples may be chosen by it.
pub(super) type NextBatch<'a, B> =
    dyn FnMut(usize, &Ciphertext<B>, &mut Running<'_>) -> Result<ReceivedBatch<B>, JobError> + 'a;

/// Looks at the state after an epoch.
pub(super) type Measure<'a, B> =
    dyn FnMut(usize, &Ciphertext<B>) -> Result<EpochReport, JobError> + 'a;

/// How long a training is, and how far it has come.
pub(super) struct Course<'a, B> {
    pub(super) params: &'a Params,
    pub(super) schedule: &'a Schedule,
    /// Steps that the state at the start has behind it.
    pub(super) behind: usize,
    pub(super) checkpoint: &'a Checkpoint,
    pub(super) clock: &'a PhaseClock<'a, B>,
    /// With the owner, where there is one to talk to.
    pub(super) talk: Option<&'a Conversation>,
}

/// What is done after each epoch.
pub(super) struct AfterEpoch<'a, B: Backend> {
    /// Asks whether to go on.
    pub(super) ask: Option<&'a mut Ask<'a, B>>,
    /// Tells how good the model is.
    pub(super) measure: Option<&'a mut Measure<'a, B>>,
}

impl<B: Backend> Course<'_, B> {
    /// What was kept is not asked for again.
    fn settle(&self) {
        if let Some(talk) = self.talk {
            talk.settle();
        }
    }
}

/// Tells what an earlier process did, if one did anything.
pub(super) fn tell_of_earlier(
    checkpoint: &Checkpoint,
    schedule: &Schedule,
    observer: &mut dyn Observer,
) {
    let history = checkpoint.history();
    let steps = (0..).zip(&history.steps);
    observer.event(&Event::Earlier(&EarlierReport {
        steps: steps
            .map(|(step, seconds)| step_report(schedule, step, seconds))
            .collect(),
        epochs: history.epochs,
        validations: history.validations,
    }));
}

/// All steps of a training that the checkpoint has not behind it, with a refresh between two, until the owner stops it if
/// there is somebody to ask.
pub(super) fn run_steps<B: Backend>(
    backend: &B,
    server: &Server<'_, B>,
    course: &Course<'_, B>,
    start: Ciphertext<B>,
    batch: &mut NextBatch<'_, B>,
    mut after_epoch: AfterEpoch<'_, B>,
    running: &mut Running<'_>,
) -> Result<Trained<B>, JobError> {
    let Course {
        params,
        schedule,
        behind,
        checkpoint,
        clock,
        ..
    } = course;
    let steps = schedule.steps();
    let resumed = checkpoint.resume(backend, params)?;
    let Progress {
        steps: mut done,
        mut state,
        mut best,
        mut verdict,
    } = resumed.unwrap_or_else(|| Progress::begin(start));
    (0..done).for_each(|_| running.advance());
    loop {
        let over = schedule.ends_epoch(done);
        let epoch = schedule.epochs_before(done);
        if let (Some(measure), true) = (after_epoch.measure.as_mut(), over)
            && checkpoint.history().epochs.len() < epoch
        {
            let report = measure(epoch, &state)?;
            checkpoint.measured(report.clone());
            running.observer().event(&Event::Epoch(&report));
        }
        if let (Some(ask), None, true) = (after_epoch.ask.as_mut(), verdict, over) {
            let report = ask(epoch, &state)?;
            verdict = Some(checkpoint.judged(&report)?);
            course.settle();
            running.observer().event(&Event::Validation(&report));
            if report.best {
                best = Some((epoch, state.clone()));
            }
        }
        if done == steps || verdict.is_some_and(|verdict| verdict.stop) {
            break;
        }
        let next = batch(done, &state, running)?;
        clock.take();
        state = server.step(&state, &next, behind + done)?;
        let step = done;
        done += 1;
        let is_asked = after_epoch.ask.is_some() && schedule.ends_epoch(done);
        if done < steps || is_asked {
            state = server.refresh(&state)?;
        }
        verdict = None;
        let mut seconds = clock.take();
        checkpoint.keep(backend, done, &state, seconds)?;
        course.settle();
        let keeping = clock.take();
        checkpoint.add_to_last_step(keeping);
        seconds += keeping;
        let report = step_report(schedule, step, &seconds);
        running.observer().event(&Event::Step(&report));
        running.advance();
    }
    let (best_epoch, state) = match best {
        Some((epoch, state)) => (Some(epoch), state),
        None => (None, state),
    };
    Ok(Trained {
        state,
        steps: done,
        best_epoch,
    })
}

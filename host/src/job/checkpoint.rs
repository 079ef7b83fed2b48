//! How far a training has come, in host memory: what another device goes on from when one fails.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::arith::Word;
use engine::backend::Backend;
use engine::ckks::{Ciphertext, EvalError, Level, Params};
use engine::train::Verdict;

use super::ValidationReport;

/// The last consistent state of a training, and the one after its best epoch.
#[derive(Debug, Default)]
pub(super) struct Checkpoint(Mutex<Option<Kept>>);

#[derive(Debug)]
struct Kept {
    steps: usize,
    state: Arc<State>,
    verdict: Option<Verdict>,
    best: Option<(usize, Arc<State>)>,
}

#[derive(Debug)]
struct State {
    level: Level,
    batch: usize,
    halves: [Vec<Word>; 2],
}

/// How far a training has come, on a device.
pub(super) struct Progress<B: Backend> {
    /// Steps that need not be done again.
    pub(super) steps: usize,
    /// The state after them.
    pub(super) state: Ciphertext<B>,
    /// What the owner said of that state; nothing if nobody has asked.
    pub(super) verdict: Option<Verdict>,
    /// The best epoch so far and the state after it, where the owner was asked.
    pub(super) best: Option<(usize, Ciphertext<B>)>,
}

impl<B: Backend> Progress<B> {
    /// None yet.
    pub(super) const fn begin(start: Ciphertext<B>) -> Self {
        Self {
            steps: 0,
            state: start,
            verdict: None,
            best: None,
        }
    }
}

impl Checkpoint {
    /// Keeps the state after so many steps. Waits for the device.
    pub(super) fn keep<B: Backend>(
        &self,
        backend: &B,
        steps: usize,
        state: &Ciphertext<B>,
    ) -> Result<(), EvalError> {
        let state = Arc::new(State {
            level: state.level(),
            batch: state.batch(backend),
            halves: state.download(backend)?,
        });
        let mut kept = self.kept();
        let best = kept.take().and_then(|before| before.best);
        *kept = Some(Kept {
            steps,
            state,
            verdict: None,
            best,
        });
        Ok(())
    }

    /// Keeps what the owner said of the state that was kept last, so that it is asked once.
    pub(super) fn judged(&self, report: &ValidationReport) -> Verdict {
        let verdict = Verdict {
            best: report.best,
            stop: report.stop,
        };
        if let Some(kept) = self.kept().as_mut() {
            kept.verdict = Some(verdict);
            if verdict.best {
                kept.best = Some((report.epoch, Arc::clone(&kept.state)));
            }
        }
        verdict
    }

    /// What was kept; nothing before the first step is done.
    pub(super) fn resume<B: Backend>(
        &self,
        backend: &B,
        params: &Params,
    ) -> Result<Option<Progress<B>>, EvalError> {
        let kept = self.kept();
        let Some(kept) = kept.as_ref() else {
            return Ok(None);
        };
        let best = kept.best.as_ref();
        let best =
            best.map(|(epoch, state)| Ok::<_, EvalError>((*epoch, state.upload(backend, params)?)));
        Ok(Some(Progress {
            steps: kept.steps,
            state: kept.state.upload(backend, params)?,
            verdict: kept.verdict,
            best: best.transpose()?,
        }))
    }

    /// Steps that need not be done again.
    pub(super) fn steps(&self) -> usize {
        self.kept().as_ref().map_or(0, |kept| kept.steps)
    }

    fn kept(&self) -> MutexGuard<'_, Option<Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn upload<B: Backend>(&self, backend: &B, params: &Params) -> Result<Ciphertext<B>, EvalError> {
        let halves = [self.halves[0].as_slice(), &self.halves[1]];
        Ciphertext::upload(backend, params, self.level, self.batch, halves)
    }
}

//! How far a training has come, in host memory: what another device goes on from when one fails.

use std::sync::{Mutex, PoisonError};

use engine::arith::Word;
use engine::backend::Backend;
use engine::ckks::{Ciphertext, EvalError, Level, Params};

/// The last consistent state of a training.
#[derive(Debug, Default)]
pub(super) struct Checkpoint(Mutex<Option<State>>);

#[derive(Debug)]
struct State {
    steps: usize,
    level: Level,
    batch: usize,
    halves: [Vec<Word>; 2],
}

impl Checkpoint {
    /// Keeps the state after so many steps. Waits for the device.
    pub(super) fn keep<B: Backend>(
        &self,
        backend: &B,
        steps: usize,
        state: &Ciphertext<B>,
    ) -> Result<(), EvalError> {
        let kept = State {
            steps,
            level: state.level(),
            batch: state.batch(backend),
            halves: state.download(backend)?,
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept);
        Ok(())
    }

    /// The state that was kept, and the steps before it; nothing before the first.
    pub(super) fn resume<B: Backend>(
        &self,
        backend: &B,
        params: &Params,
    ) -> Result<Option<(usize, Ciphertext<B>)>, EvalError> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(State {
            steps,
            level,
            batch,
            halves,
        }) = kept.as_ref()
        else {
            return Ok(None);
        };
        let halves = [halves[0].as_slice(), &halves[1]];
        let state = Ciphertext::upload(backend, params, *level, *batch, halves)?;
        Ok(Some((*steps, state)))
    }

    /// Steps that need not be done again.
    pub(super) fn steps(&self) -> usize {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().map_or(0, |state| state.steps)
    }
}

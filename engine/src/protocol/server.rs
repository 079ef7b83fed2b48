//! The server: holds evaluation keys and ciphertexts, and nothing that could open them.

use super::program::Program;
use super::{Plan, ReceivedBatch};
use crate::backend::Backend;
use crate::circuits::{Ciphertexts, PlainVector, Refresh, Watch};
use crate::ckks::{Ciphertext, EvalError, Evaluator};

/// Runs the program of one training on ciphertexts.
pub struct Server<'a, B: Backend> {
    pub(super) machine: Ciphertexts<'a, B>,
    pub(super) program: Program<PlainVector<B>>,
}

impl<'a, B: Backend> Server<'a, B> {
    /// Prepares the masks of a plan. `refresher` leads to the owner, or bootstraps.
    ///
    /// # Errors
    /// [`EvalError::SlotCount`] if the plan is for another number of slots.
    pub fn new(
        evaluator: Evaluator<'a, B>,
        refresher: &'a dyn Refresh<B>,
        plan: &Plan,
        learning_rate: f64,
    ) -> Result<Self, EvalError> {
        let machine = Ciphertexts::new(evaluator, refresher);
        let program = Program::new(&machine, plan, learning_rate)?;
        Ok(Self { machine, program })
    }

    /// The same, with somebody who is told of each change of phase.
    #[must_use]
    pub fn watched_by(mut self, watch: &'a dyn Watch) -> Self {
        self.machine = self.machine.watched_by(watch);
        self
    }

    /// The state after step number `number`, counted from zero. It has no levels left for another one.
    ///
    /// # Errors
    /// [`EvalError::LevelExhausted`] for a state that was not refreshed, [`EvalError::MissingRotation`] and
    /// [`EvalError::MissingKey`] for keys of another plan; those of the device.
    pub fn step(
        &self,
        state: &Ciphertext<B>,
        batch: &ReceivedBatch<B>,
        number: usize,
    ) -> Result<Ciphertext<B>, EvalError> {
        self.program.step(&self.machine, state, batch, number)
    }

    /// The logits of validation samples under the weights of a state that has been refreshed: for each set of feature tiles a
    /// vector, at level 0.
    ///
    /// # Errors
    /// [`EvalError::LevelRaised`] for a state without levels, [`EvalError::Empty`] without features; those of the device.
    pub fn validation_logits(
        &self,
        state: &Ciphertext<B>,
        features: &[Vec<Ciphertext<B>>],
    ) -> Result<Ciphertext<B>, EvalError> {
        let program = &self.program;
        program.validation_logits(&self.machine, state, features)
    }

    /// The same state with the levels of a step.
    ///
    /// # Errors
    /// [`EvalError::Refresh`], [`EvalError::OutOfRange`] for weights beyond [`WEIGHT_BOUND`](super::WEIGHT_BOUND); those of
    /// the device.
    pub fn refresh(&self, state: &Ciphertext<B>) -> Result<Ciphertext<B>, EvalError> {
        self.program.refresh(&self.machine, state)
    }
}

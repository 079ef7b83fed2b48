//! Functions of the logits, as polynomials.

mod sigmoid;

pub use sigmoid::Sigmoid;

use super::Slots;
use crate::ckks::EvalError;

/// What turns logits into probabilities, on slot vectors and in the clear.
pub trait Activation {
    /// What the logits are multiplied by before [`apply`](Self::apply).
    fn input_scale(&self) -> f64;
    /// Levels of [`apply`](Self::apply).
    fn depth(&self) -> usize;
    /// Probabilities from scaled logits.
    ///
    /// # Errors
    /// Those of the machine.
    fn apply<S: Slots>(&self, machine: &S, scaled: &S::Vector) -> Result<S::Vector, EvalError>;
    /// What [`apply`](Self::apply) makes of a sample's logits, in the clear and without noise.
    fn approximate(&self, logits: &mut [f64]);
    /// The function that is approximated.
    fn exact(&self, logits: &mut [f64]);
}

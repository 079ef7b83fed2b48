//! Functions of the logits, as polynomials.
//!
//! An approximation takes logits in class columns (see [`packing`](super::packing)) to probabilities. It names its
//! [stages](super::Stage), so that a plan can say where it is refreshed.

mod choice;
mod classes;
mod sigmoid;
mod softmax;
mod softmax_max;
#[cfg(test)]
mod tests;

pub use choice::{Activation, ActivationChoice, ActivationError};
pub use classes::{ClassMask, Classes};
pub use sigmoid::Sigmoid;
pub use softmax::Softmax;
pub use softmax_max::SoftmaxMax;

use super::{Course, Slots, Stage};
use crate::ckks::EvalError;

/// What turns logits into probabilities, on slot vectors and in the clear.
pub trait Approximation {
    /// The size of the largest logit that it holds for.
    fn range(&self) -> f64;
    /// What the logits are multiplied by before [`apply`](Self::apply).
    fn input_scale(&self) -> f64;
    /// The largest distance between [`approximate`](Self::approximate) and [`exact`](Self::exact) in the range.
    fn max_error(&self) -> f64;
    /// The parts of [`apply`](Self::apply).
    fn stages(&self) -> Vec<Stage>;
    /// Levels of all parts.
    fn depth(&self) -> usize {
        self.stages().iter().map(|stage| stage.depth).sum()
    }
    /// Known vectors that [`apply`](Self::apply) needs, in the order of their use.
    fn masks(&self) -> Vec<ClassMask>;
    /// Probabilities from scaled logits; zero for classes that are padding, as long as their logits are zero.
    ///
    /// # Errors
    /// Those of the machine.
    fn apply<S: Slots>(
        &self,
        machine: &S,
        classes: &Classes<S::Plain>,
        course: &mut Course<'_>,
        scaled: &S::Vector,
    ) -> Result<S::Vector, EvalError>;
    /// What [`apply`](Self::apply) makes of a sample's logits, in the clear and without noise.
    fn approximate(&self, logits: &mut [f64]);
    /// The function that is approximated.
    fn exact(&self, logits: &mut [f64]);
    /// The loss of a sample, which training makes smaller: the gradient by the logits is `exact` less the one-hot label.
    ///
    /// # Range
    /// `label` is the index of one of the logits.
    fn loss(&self, logits: &[f64], label: usize) -> f64;
}

/// The cross entropy of the softmax of a sample's logits.
fn cross_entropy(logits: &[f64], label: usize) -> f64 {
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logits.iter().map(|logit| (logit - largest).exp()).sum();
    sum.ln() + largest - logits[label]
}

/// The softmax of a sample's logits.
fn softmax(logits: &mut [f64]) {
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    for logit in logits.iter_mut() {
        *logit = (*logit - largest).exp();
    }
    let sum: f64 = logits.iter().sum();
    for value in logits {
        *value /= sum;
    }
}

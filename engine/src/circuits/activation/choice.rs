//! What a configuration may name.

use super::{Approximation, ClassMask, Classes, Sigmoid, Softmax, SoftmaxMax, softmax_max};
use crate::circuits::packing::MAX_CLASSES;
use crate::circuits::{Course, Slots, Stage};
use crate::ckks::EvalError;

/// An activation with all that it depends on but the number of classes. Public.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "name", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ActivationChoice {
    /// [`Sigmoid`]: each class against all others.
    Sigmoid {
        /// The largest logit.
        range: f64,
        /// The degree of the polynomial.
        degree: usize,
    },
    /// [`Softmax`]: by normalizing and squaring.
    Softmax {
        /// The largest logit.
        range: f64,
    },
    /// [`SoftmaxMax`]: HETAL's, for logits up to 128.
    SoftmaxMax,
}

/// Why an activation cannot be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ActivationError {
    /// A range that is no range.
    #[error("logits of up to {found} are beyond the activation, which is made for up to {largest}")]
    Range {
        /// The range asked for.
        found: f64,
        /// The largest there is.
        largest: f64,
    },
    /// A degree of the sigmoid that is not odd, or too high.
    #[error("the degree of the sigmoid is {found}; it must be odd and at most {largest}")]
    Degree {
        /// The degree asked for.
        found: usize,
        /// The highest there is.
        largest: usize,
    },
    /// Too many classes.
    #[error("{activation} is made for up to {largest} classes, not for {found}")]
    Classes {
        /// The activation.
        activation: &'static str,
        /// Classes.
        found: usize,
        /// The most there may be.
        largest: usize,
    },
}

/// The highest degree of a sigmoid.
const MAX_DEGREE: usize = 255;

impl ActivationChoice {
    /// The largest logit that an activation can be made for.
    pub const MAX_RANGE: f64 = 128.0;

    /// What it is called.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Sigmoid { .. } => "sigmoid",
            Self::Softmax { .. } => "softmax",
            Self::SoftmaxMax => "softmax-max",
        }
    }

    /// The activation for so many classes.
    ///
    /// # Errors
    /// [`ActivationError`].
    pub fn build(self, classes: usize) -> Result<Activation, ActivationError> {
        let largest = Self::MAX_RANGE;
        let in_range = |range: f64| {
            if range > 0.0 && range <= largest {
                Ok(range)
            } else {
                Err(ActivationError::Range {
                    found: range,
                    largest,
                })
            }
        };
        let few_classes = |largest: usize| {
            if (2..=largest).contains(&classes) {
                Ok(classes)
            } else {
                Err(ActivationError::Classes {
                    activation: self.name(),
                    found: classes,
                    largest,
                })
            }
        };
        Ok(match self {
            Self::Sigmoid { range, degree } => {
                if degree % 2 == 0 || degree > MAX_DEGREE {
                    return Err(ActivationError::Degree {
                        found: degree,
                        largest: MAX_DEGREE,
                    });
                }
                Activation::Sigmoid(Sigmoid::new(in_range(range)?, degree))
            }
            Self::Softmax { range } => {
                Activation::Softmax(Softmax::new(in_range(range)?, few_classes(MAX_CLASSES)?))
            }
            Self::SoftmaxMax => {
                Activation::SoftmaxMax(SoftmaxMax::new(few_classes(softmax_max::MAX_CLASSES)?))
            }
        })
    }
}

/// One of the activations.
#[derive(Clone, Debug)]
pub enum Activation {
    /// Each class against all others.
    Sigmoid(Sigmoid),
    /// By normalizing and squaring.
    Softmax(Softmax),
    /// HETAL's.
    SoftmaxMax(SoftmaxMax),
}

/// The same expression of whichever activation it is.
macro_rules! each {
    ($self:expr, $activation:ident => $value:expr) => {
        match $self {
            Activation::Sigmoid($activation) => $value,
            Activation::Softmax($activation) => $value,
            Activation::SoftmaxMax($activation) => $value,
        }
    };
}

impl Approximation for Activation {
    fn range(&self) -> f64 {
        each!(self, of => of.range())
    }

    fn input_scale(&self) -> f64 {
        each!(self, of => of.input_scale())
    }

    fn max_error(&self) -> f64 {
        each!(self, of => of.max_error())
    }

    fn stages(&self) -> Vec<Stage> {
        each!(self, of => of.stages())
    }

    fn masks(&self) -> Vec<ClassMask> {
        each!(self, of => of.masks())
    }

    fn apply<S: Slots>(
        &self,
        machine: &S,
        classes: &Classes<S::Plain>,
        course: &mut Course<'_>,
        scaled: &S::Vector,
    ) -> Result<S::Vector, EvalError> {
        each!(self, of => of.apply(machine, classes, course, scaled))
    }

    fn approximate(&self, logits: &mut [f64]) {
        each!(self, of => of.approximate(logits));
    }

    fn exact(&self, logits: &mut [f64]) {
        each!(self, of => of.exact(logits));
    }

    fn loss(&self, logits: &[f64], label: usize) -> f64 {
        each!(self, of => of.loss(logits, label))
    }
}

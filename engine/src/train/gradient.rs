//! Forward pass and gradient of a batch.

use crate::circuits::Slots;
use crate::circuits::activation::Activation;
use crate::circuits::matmul::{Gradient, Matmul, SampleMask};
use crate::circuits::packing::{Layout, WeightSet};
use crate::ckks::EvalError;

/// A linear layer with an activation, prepared on a machine whose plain vectors are `P`.
#[derive(Clone, Debug)]
pub struct Head<A, P> {
    activation: A,
    matmul: Matmul<P>,
    /// Minus the activation of zero in the columns of classes that are padding; nothing without such.
    padding: Option<P>,
}

impl<A: Activation, P: Clone> Head<A, P> {
    /// Prepares the masks.
    ///
    /// # Errors
    /// [`EvalError::SlotCount`] if the layout is for another number of slots.
    pub fn new<S: Slots<Plain = P>>(
        machine: &S,
        layout: &Layout,
        activation: A,
    ) -> Result<Self, EvalError> {
        let padded = layout.padded_classes();
        let padding = if layout.classes() == padded {
            None
        } else {
            let mut at_zero = vec![0.0; padded];
            activation.approximate(&mut at_zero);
            let value = |class: usize| {
                if class < layout.classes() {
                    0.0
                } else {
                    -at_zero[class]
                }
            };
            let class = |column: usize| column / layout.class_columns();
            Some(machine.plain(&layout.tile(|_, column| value(class(column))))?)
        };
        let matmul = Matmul::new(machine, layout, activation.input_scale())?;
        Ok(Self {
            activation,
            matmul,
            padding,
        })
    }

    /// The activation.
    #[must_use]
    pub const fn activation(&self) -> &A {
        &self.activation
    }

    /// The products and their layout.
    #[must_use]
    pub const fn matmul(&self) -> &Matmul<P> {
        &self.matmul
    }

    /// Levels of [`logits`](Self::logits).
    #[must_use]
    pub fn logits_depth(&self) -> usize {
        self.matmul.expand_depth() + self.matmul.logits_depth()
    }

    /// The logits of a batch under one weight set of the state, in class columns, times the activation's input scale.
    ///
    /// # Errors
    /// Those of the machine.
    pub fn logits<S: Slots<Plain = P>>(
        &self,
        machine: &S,
        state: &S::Vector,
        set: WeightSet,
        features: &[S::Vector],
    ) -> Result<S::Vector, EvalError> {
        let weights = self.matmul.expand(machine, state, set)?;
        self.matmul.logits(machine, features, &weights)
    }

    /// `P - Y` from scaled logits: zero for classes that are padding, as long as their logits are zero.
    ///
    /// A small error in the weights of such a class has a gradient that makes it smaller, like in any class.
    ///
    /// # Cost
    /// The activation's.
    ///
    /// # Errors
    /// Those of the machine.
    pub fn residual<S: Slots<Plain = P>>(
        &self,
        machine: &S,
        scaled_logits: &S::Vector,
        labels: &S::Vector,
    ) -> Result<S::Vector, EvalError> {
        let probabilities = self.activation.apply(machine, scaled_logits)?;
        let residual = machine.sub(&probabilities, labels)?;
        match &self.padding {
            Some(padding) => machine.add_plain(&residual, padding),
            None => Ok(residual),
        }
    }

    /// The sum of the gradients of the samples that count, at the look-ahead weights.
    ///
    /// # Errors
    /// Those of the machine.
    pub fn gradient<S: Slots<Plain = P>>(
        &self,
        machine: &S,
        state: &S::Vector,
        features: &[S::Vector],
        labels: &S::Vector,
        counted: &SampleMask<P>,
    ) -> Result<Gradient<S::Vector>, EvalError> {
        let logits = self.logits(machine, state, WeightSet::LookAhead, features)?;
        let residual = self.residual(machine, &logits, labels)?;
        self.matmul.gradient(machine, &residual, features, counted)
    }
}

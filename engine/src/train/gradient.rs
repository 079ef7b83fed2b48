//! Forward pass and gradient of a batch.

use crate::circuits::activation::{Approximation, Classes};
use crate::circuits::matmul::{Gradient, Matmul, SampleMask};
use crate::circuits::packing::{Layout, WeightSet};
use crate::circuits::{Aside, Course, Phase, Slots, Stage};
use crate::ckks::{EvalError, Level};

/// What probabilities are bounded by at a refresh: they are one at most, but for the error of the activation.
pub(crate) const PROBABILITY_BOUND: f64 = 1.5;

/// A linear layer with an activation, prepared on a machine whose plain vectors are `P`.
#[derive(Clone, Debug)]
pub struct Head<A, P> {
    activation: A,
    matmul: Matmul<P>,
    classes: Classes<P>,
    /// Those of the activation, and what comes behind it.
    stages: Vec<Stage>,
}

impl<A: Approximation, P: Clone> Head<A, P> {
    /// Prepares the masks.
    ///
    /// # Errors
    /// [`EvalError::SlotCount`] if the layout is for another number of slots.
    pub fn new<S: Slots<Plain = P>>(
        machine: &S,
        layout: &Layout,
        activation: A,
    ) -> Result<Self, EvalError> {
        let classes = Classes::new(machine, layout, &activation.masks())?;
        let matmul = Matmul::new(machine, layout, activation.input_scale())?;
        let mut stages = activation.stages();
        stages.push(Stage {
            depth: matmul.gradient_depth() + super::optimizer::DEPTH,
            work: layout.backward_key_switches(),
            vectors: 1,
            bound: PROBABILITY_BOUND,
            aside: Aside::Nothing,
        });
        Ok(Self {
            activation,
            matmul,
            classes,
            stages,
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

    /// The stages of a step behind the logits: those of the activation, then gradient and update.
    #[must_use]
    pub fn stages(&self) -> &[Stage] {
        &self.stages
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

    /// `P - Y` from scaled logits: zero for classes that are padding, as long as their logits are zero. `refreshes` are
    /// those of a plan for [`stages`](Self::stages).
    ///
    /// A small error in the weights of padding does no harm: one against all, its gradient makes it smaller; in a softmax
    /// it does not count.
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
        refreshes: &[Option<Level>],
    ) -> Result<S::Vector, EvalError> {
        let mut course = Course::new(&self.stages, refreshes);
        let (classes, activation) = (&self.classes, &self.activation);
        machine.within(Phase::Activation, || {
            let probabilities = activation.apply(machine, classes, &mut course, scaled_logits)?;
            let [probabilities] = course.enter(machine, [probabilities])?;
            machine.sub(&probabilities, labels)
        })
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
        refreshes: &[Option<Level>],
    ) -> Result<Gradient<S::Vector>, EvalError> {
        let logits = self.logits(machine, state, WeightSet::LookAhead, features)?;
        let residual = self.residual(machine, &logits, labels, refreshes)?;
        self.matmul.gradient(machine, &residual, features, counted)
    }
}

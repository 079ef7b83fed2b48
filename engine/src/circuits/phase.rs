//! What a part of a program is for: the division of a step's operations and of its time.

/// A part of a training step. A program tells its machine in which one it is ([`Slots::within`](super::Slots::within)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Phase {
    /// Weights to all rows, the residual to all columns of a class, diagonals of the gradient into their groups: no
    /// arithmetic on samples, but what the products of matrices need.
    Spreading,
    /// The product `X W^T`.
    Logits,
    /// From logits to probabilities, and what is left of the labels.
    Activation,
    /// The product `(P - Y)^T X`.
    Gradient,
    /// The next weights and look-ahead weights.
    Update,
    /// Levels given back, by the data owner or by bootstrapping, wherever in a step. A machine enters it by itself.
    Refresh,
}

impl Phase {
    /// Every phase, in the order in which a step first enters them.
    pub const ALL: [Self; 6] = [
        Self::Spreading,
        Self::Logits,
        Self::Activation,
        Self::Gradient,
        Self::Update,
        Self::Refresh,
    ];

    /// The name, as people read it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Spreading => "spreading and packing",
            Self::Logits => "logits",
            Self::Activation => "activation",
            Self::Gradient => "gradient",
            Self::Update => "update",
            Self::Refresh => "refreshes",
        }
    }
}

/// Whoever is told in which phase a machine works. Work is queued in order, but need not be done when this is called.
pub trait Watch {
    /// The machine is in this phase from now on; in none, between programs.
    fn enter(&self, phase: Option<Phase>);
}

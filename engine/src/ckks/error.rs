//! What an operation on ciphertexts refuses.

use super::Level;
use crate::ring::Rotation;

/// Why an operation on ciphertexts (or on clear slots in their place) was refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EvalError {
    /// Not enough levels left.
    #[error("{op} needs {needed} but the ciphertext is at {left}")]
    LevelExhausted {
        /// The operation.
        op: &'static str,
        /// The lowest level it works at.
        needed: Level,
        /// The level of the operand.
        left: Level,
    },
    /// A level was asked for that is above the operand's, or above the highest one.
    #[error("{op} cannot raise {from} to {to}")]
    LevelRaised {
        /// The operation.
        op: &'static str,
        /// The level of the operand.
        from: Level,
        /// The level asked for.
        to: Level,
    },
    /// The evaluation keys hold no key for this rotation.
    #[error("no Galois key for a rotation by {} slots at {level}", rotation.0)]
    MissingRotation {
        /// The rotation.
        rotation: Rotation,
        /// The level of the operand.
        level: Level,
    },
    /// The evaluation keys hold no key of this kind.
    #[error("no {kind} key at {level}")]
    MissingKey {
        /// Which key.
        kind: &'static str,
        /// The level of the operand.
        level: Level,
    },
    /// Operands whose batch sizes do not fit.
    #[error("{op}: batches of {left} and {right} do not fit")]
    Batch {
        /// The operation.
        op: &'static str,
        /// Batch of the left operand.
        left: usize,
        /// Batch of the right operand.
        right: usize,
    },
    /// A slot vector of the wrong length.
    #[error("{op}: {found} values for {slots} slots")]
    SlotCount {
        /// The operation.
        op: &'static str,
        /// Values given.
        found: usize,
        /// Slots there are.
        slots: usize,
    },
    /// A value outside the range that an operation promises its precision for.
    #[error("{op}: a value of size {found:.3} is outside the promised range {bound:.3}")]
    OutOfRange {
        /// The operation.
        op: &'static str,
        /// The largest magnitude met.
        found: f64,
        /// The largest magnitude allowed.
        bound: f64,
    },
    /// A plaintext that was encoded for another scale.
    #[error("{op}: scale 2^{found:.6} where 2^{expected:.6} is needed")]
    ScaleMismatch {
        /// The operation.
        op: &'static str,
        /// `log2` of the plaintext's scale.
        found: f64,
        /// `log2` of the scale needed.
        expected: f64,
    },
    /// An empty list of operands.
    #[error("{op} of nothing")]
    Empty {
        /// The operation.
        op: &'static str,
    },
    /// What the backend refused.
    #[error(transparent)]
    Backend(#[from] crate::backend::BackendError),
    /// The refresh of a ciphertext failed on the owner's side.
    #[error("refresh: {0}")]
    Refresh(String),
}

//! What a backend refuses or fails at.

/// Why a backend did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BackendError {
    /// Operands over limbs that do not fit.
    #[error("{op}: an operand with {found} limbs lacks limbs of one with {expected}")]
    Basis {
        /// The operation.
        op: &'static str,
        /// Limbs needed.
        expected: usize,
        /// Limbs found.
        found: usize,
    },
    /// Operands whose batches do not fit.
    #[error("{op}: batches of {left} and {right} polynomials do not fit")]
    Batch {
        /// The operation.
        op: &'static str,
        /// Batch of the left operand.
        left: usize,
        /// Batch of the right operand.
        right: usize,
    },
    /// A word count that is not that of the shape.
    #[error("{op}: {found} words where the shape has {expected}")]
    Words {
        /// The operation.
        op: &'static str,
        /// Words needed.
        expected: usize,
        /// Words given.
        found: usize,
    },
    /// An empty list of operands.
    #[error("{op} of nothing")]
    Empty {
        /// The operation.
        op: &'static str,
    },
    /// No memory left on the device.
    #[error("out of memory: {bytes} bytes were asked for")]
    OutOfMemory {
        /// Bytes asked for.
        bytes: usize,
    },
    /// A fault of the backend itself.
    #[error("internal fault: {0}")]
    Internal(String),
    /// The device is gone.
    #[error("the device was lost")]
    DeviceLost,
}

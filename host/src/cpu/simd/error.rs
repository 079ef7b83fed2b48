//! What a kernel refuses.

/// Why a kernel or one of its tables was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KernelError {
    /// A degree that no kernel handles.
    #[error("degree {0} is not a power of two in [2^10, 2^16]")]
    Degree(usize),
    /// A modulus without the roots of unity that the degree needs.
    #[error("modulus {modulus} has no primitive {order}-th root of unity equal to {root}")]
    Root {
        /// The modulus.
        modulus: u32,
        /// Twice the degree.
        order: usize,
        /// The word that should have been a root.
        root: u32,
    },
    /// A modulus too small for the estimate of a base conversion.
    #[error("source modulus {0} of a base conversion is not above 2^24")]
    SmallSource(u32),
    /// Lists or rows of unequal or unsupported length.
    #[error("{operation} got {found} {what} where {expected} were expected")]
    Length {
        /// The operation.
        operation: &'static str,
        /// What was counted.
        what: &'static str,
        /// How many there should have been.
        expected: usize,
        /// How many there were.
        found: usize,
    },
    /// An even Galois element.
    #[error("{0} is not a Galois element: it is even")]
    GaloisElement(u32),
}

/// The error unless `found` is `expected`.
pub(super) fn check_length(
    operation: &'static str,
    what: &'static str,
    expected: usize,
    found: usize,
) -> Result<(), KernelError> {
    if expected == found {
        Ok(())
    } else {
        Err(KernelError::Length {
            operation,
            what,
            expected,
            found,
        })
    }
}

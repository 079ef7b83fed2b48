//! What packing refuses.

/// Why matrices were not packed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PackingError {
    /// A number of slots that is not a power of two.
    #[error("{0} slots: not a power of two")]
    Slots(usize),
    /// A number of classes that is not supported.
    #[error("{found} classes: from 2 to {limit} fit {slots} slots")]
    Classes {
        /// Classes asked for.
        found: usize,
        /// The largest number.
        limit: usize,
        /// Slots of a vector.
        slots: usize,
    },
    /// No features.
    #[error("no features")]
    Features,
    /// A batch that does not fit one vector of logits.
    #[error("a batch of {found} samples: from 1 to {limit} fit")]
    Batch {
        /// Samples asked for.
        found: usize,
        /// The largest number.
        limit: usize,
    },
    /// A width of tiles that does not go with the classes or the slots.
    #[error("tiles of {width} columns for {classes} classes and {slots} slots")]
    Width {
        /// The width asked for.
        width: usize,
        /// Classes.
        classes: usize,
        /// Slots of a vector.
        slots: usize,
    },
    /// A matrix with another number of values than its shape says.
    #[error("{what}: {found} values, expected {expected}")]
    Shape {
        /// The matrix.
        what: &'static str,
        /// Values given.
        found: usize,
        /// Values expected.
        expected: usize,
    },
    /// A label that is no class.
    #[error("label {label}: there are {classes} classes")]
    Label {
        /// The label.
        label: usize,
        /// Classes.
        classes: usize,
    },
}

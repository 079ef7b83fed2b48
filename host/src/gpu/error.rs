//! Why a GPU is not used.

/// Why an adapter cannot be opened or trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GpuError {
    /// There is no adapter, or none of this number.
    #[error("there is no GPU{}; `veilgrad devices` lists what there is", number.map_or(String::new(), |n| format!(" number {n}")))]
    None {
        /// The number asked for.
        number: Option<usize>,
    },
    /// The adapter lacks something.
    #[error("{name}: {reason}")]
    Unsuitable {
        /// Its name.
        name: String,
        /// What it lacks.
        reason: String,
    },
    /// The driver refused.
    #[error("{name}: {reason}")]
    Driver {
        /// Its name.
        name: String,
        /// What the driver says.
        reason: String,
    },
    /// The adapter computes wrong words.
    #[error("{name} failed its self-test: {what}")]
    SelfTest {
        /// Its name.
        name: String,
        /// What went wrong.
        what: String,
    },
    /// The adapter has not enough memory.
    #[error("{name} cannot hold the {needed} bytes that the job needs")]
    Memory {
        /// Its name.
        name: String,
        /// Bytes needed.
        needed: u64,
    },
}

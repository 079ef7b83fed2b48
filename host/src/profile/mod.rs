//! Where the time goes: kernels with their bytes and products, and what the device could do at most.

mod ceilings;
mod cost;
mod timed;

use engine::backend::{Backend, BackendError};
use serde::Serialize;

pub use timed::Timed;

/// What a kernel reads and writes, and the modular products that its operation takes.
///
/// Products are those of the textbook, the same on every device: `N/2 log N` for a transform. What a kernel multiplies besides, such
/// as the twists of the CPU's transform, is not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// Bytes read and written, each operand counted once.
    pub bytes: u64,
    /// Modular multiplications (products of two words that are reduced, or added up before they are).
    pub products: u64,
}

impl std::ops::AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        self.bytes += other.bytes;
        self.products += other.products;
    }
}

/// One call of a kernel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    /// Its name: that of the shader; on the CPU, of the operation of the backend.
    pub kernel: &'static str,
    /// When it began, in seconds since the first one.
    pub begin: f64,
    /// How long it took.
    pub seconds: f64,
    /// What it did.
    pub cost: Cost,
}

/// What a device does at most, measured on it with kernels that do nothing else.
///
/// Products are measured by a constant with its quotient, each reduced to `[0, q)`. Some kernels take less for each: those that add
/// products up before they reduce the sum, where each term counts as one product, and transforms, whose words are reduced at the end.
/// Their share of this ceiling may exceed one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Ceilings {
    /// Bytes that a copy reads and writes in a second, in 10^9.
    pub copy_gb_per_s: f64,
    /// Modular products in a second that wait for no memory, in 10^9.
    pub multiply_gmul_per_s: f64,
}

/// A backend that tells the time of its kernels.
///
/// Each is timed by itself. On the CPU, none begins before the one before has ended. On a GPU each is a pass of its own, and may begin
/// before the end of one whose result it does not need.
pub trait Profiled: Backend {
    /// Waits until everything is done, and begins to time kernels.
    ///
    /// # Errors
    /// Those of the device.
    fn begin(&self) -> Result<(), BackendError>;

    /// Waits until everything is done, and gives the kernels since [`begin`](Self::begin).
    ///
    /// # Errors
    /// Those of the device.
    fn end(&self) -> Result<Vec<Span>, BackendError>;

    /// Measures what the device does at most.
    ///
    /// # Errors
    /// Those of the device.
    fn ceilings(&self) -> Result<Ceilings, BackendError>;
}

/// The best of so many measurements is a ceiling.
pub(crate) const TRIALS: usize = 5;
/// Bytes that a copy of the processor is measured with: more than most caches hold.
const COPY_BYTES: usize = 64 << 20;

//! Memory: allocate, copy, upload, download.

use std::ops::Range;
use std::sync::Arc;

use super::{BackendError, Shape};
use crate::arith::Word;
use crate::ring::{Basis, RingContext};

/// Memory of a device.
pub trait Transfer {
    /// A batch of polynomials on the device.
    type Buffer: Send + Sync;

    /// The ring this device was set up for.
    fn context(&self) -> &Arc<RingContext>;

    /// The shape of a buffer.
    fn shape<'a>(&self, buffer: &'a Self::Buffer) -> &'a Shape;

    /// A buffer of zeros.
    ///
    /// # Errors
    /// [`BackendError::OutOfMemory`].
    fn alloc(&self, shape: &Shape) -> Result<Self::Buffer, BackendError>;

    /// A buffer with these words, row-major, each residue in `[0, q)`.
    ///
    /// # Errors
    /// [`BackendError::Words`] for another number of words.
    fn upload(&self, shape: &Shape, words: &[Word]) -> Result<Self::Buffer, BackendError>;

    /// The words, row-major. Waits.
    ///
    /// # Errors
    /// [`BackendError::DeviceLost`].
    fn download(&self, buffer: &Self::Buffer) -> Result<Vec<Word>, BackendError>;

    /// Waits until everything asked for is done.
    ///
    /// # Errors
    /// [`BackendError::DeviceLost`], and what else went wrong with work that was only queued.
    fn wait(&self) -> Result<(), BackendError>;

    /// A copy of some polynomials, restricted to the limbs of `basis`.
    ///
    /// # Errors
    /// [`BackendError::Basis`] if a limb is missing, [`BackendError::Batch`] for a range beyond the batch.
    fn copy(
        &self,
        buffer: &Self::Buffer,
        batch: Range<usize>,
        basis: &Basis,
    ) -> Result<Self::Buffer, BackendError>;

    /// The batches one after the other, restricted to the limbs of `basis`.
    ///
    /// # Errors
    /// [`BackendError::Basis`] if a limb is missing, [`BackendError::Empty`] without parts.
    fn stack(&self, parts: &[&Self::Buffer], basis: &Basis) -> Result<Self::Buffer, BackendError>;
}

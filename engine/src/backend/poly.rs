//! A batch of polynomials whose domain is a type.

use std::marker::PhantomData;

use super::{Backend, BackendError, Shape};
use crate::arith::Word;

mod sealed {
    pub trait Sealed {}
}

/// The coefficient or the evaluation domain.
pub trait Domain: sealed::Sealed {}
/// Coefficients, in natural order.
#[derive(Debug)]
pub enum Coeff {}
/// Evaluations, in bit-reversed order.
#[derive(Debug)]
pub enum Eval {}
impl sealed::Sealed for Coeff {}
impl sealed::Sealed for Eval {}
impl Domain for Coeff {}
impl Domain for Eval {}

/// A batch of polynomials on backend `B` in domain `D`.
pub struct Poly<B: Backend, D: Domain> {
    buffer: B::Buffer,
    domain: PhantomData<fn() -> D>,
}

impl<B: Backend, D: Domain> Poly<B, D> {
    /// Says in which domain a buffer is.
    #[must_use]
    pub fn new(buffer: B::Buffer) -> Self {
        Self {
            buffer,
            domain: PhantomData,
        }
    }

    /// The buffer.
    #[must_use]
    pub fn buffer(&self) -> &B::Buffer {
        &self.buffer
    }

    /// The buffer, to change.
    pub fn buffer_mut(&mut self) -> &mut B::Buffer {
        &mut self.buffer
    }

    /// The buffer without its domain.
    #[must_use]
    pub fn into_buffer(self) -> B::Buffer {
        self.buffer
    }

    /// A copy.
    ///
    /// # Errors
    /// Those of the device.
    pub fn duplicate(&self, backend: &B) -> Result<Self, BackendError> {
        let shape = backend.shape(&self.buffer).clone();
        Ok(Self::new(backend.copy(
            &self.buffer,
            0..shape.batch,
            &shape.basis,
        )?))
    }
}

impl<B: Backend> Poly<B, Coeff> {
    /// Uploads coefficients, row-major, each residue in `[0, q)`.
    ///
    /// # Errors
    /// [`BackendError::Words`] for another number of words than the shape's.
    pub fn upload(backend: &B, shape: &Shape, words: &[Word]) -> Result<Self, BackendError> {
        Ok(Self::new(backend.upload(shape, words)?))
    }

    /// Transforms.
    ///
    /// # Errors
    /// Those of the device.
    pub fn into_eval(mut self, backend: &B) -> Result<Poly<B, Eval>, BackendError> {
        backend.ntt(&mut self.buffer)?;
        Ok(Poly::new(self.buffer))
    }
}

impl<B: Backend> Poly<B, Eval> {
    /// Transforms back.
    ///
    /// # Errors
    /// Those of the device.
    pub fn into_coeff(mut self, backend: &B) -> Result<Poly<B, Coeff>, BackendError> {
        backend.intt(&mut self.buffer)?;
        Ok(Poly::new(self.buffer))
    }
}

//! Memory of the GPU backend.

use std::ops::Range;
use std::sync::Arc;

use engine::arith::Word;
use engine::backend::{BackendError, Shape, Transfer};
use engine::ring::{Basis, RingContext};

use super::recording::Command;
use super::{Gpu, GpuBuffer};

impl Transfer for Gpu {
    type Buffer = GpuBuffer;

    fn context(&self) -> &Arc<RingContext> {
        &self.context
    }

    fn shape<'a>(&self, buffer: &'a GpuBuffer) -> &'a Shape {
        &buffer.shape
    }

    fn alloc(&self, shape: &Shape) -> Result<GpuBuffer, BackendError> {
        let buffer = self.unset(shape.clone())?;
        for (_, window) in buffer.windows() {
            self.record(Command::Clear(window))?;
        }
        Ok(buffer)
    }

    fn upload(&self, shape: &Shape, words: &[Word]) -> Result<GpuBuffer, BackendError> {
        let (expected, found) = (shape.rows() * self.context.degree(), words.len());
        if found != expected {
            return Err(BackendError::Words {
                op: "upload",
                expected,
                found,
            });
        }
        let buffer = self.unset(shape.clone())?;
        // The queue writes before the commands of the next submission: those that may still use the memory must go first.
        self.flush()?;
        let poly_words = shape.basis.len() * self.context.degree();
        for (polys, window) in buffer.windows() {
            let words = &words[polys.start * poly_words..polys.end * poly_words];
            self.write(&window, bytemuck::cast_slice(words))?;
        }
        Ok(buffer)
    }

    fn download(&self, buffer: &GpuBuffer) -> Result<Vec<Word>, BackendError> {
        if buffer.shape.rows() == 0 {
            return Ok(Vec::new());
        }
        let windows: Vec<_> = buffer
            .windows()
            .into_iter()
            .map(|(_, window)| window)
            .collect();
        self.read(&windows)
    }

    fn wait(&self) -> Result<(), BackendError> {
        self.flush()?;
        self.device.wait()
    }

    fn copy(
        &self,
        buffer: &GpuBuffer,
        batch: Range<usize>,
        basis: &Basis,
    ) -> Result<GpuBuffer, BackendError> {
        if batch.end > buffer.shape.batch || batch.is_empty() {
            let (left, right) = (buffer.shape.batch, batch.end);
            return Err(BackendError::Batch {
                op: "copy",
                left,
                right,
            });
        }
        check_limbs("copy", basis, &buffer.shape.basis)?;
        let copy = self.unset(Shape {
            batch: batch.len(),
            basis: basis.clone(),
        })?;
        self.copy_rows(&copy, &buffer.part(batch.start, batch.len()))?;
        Ok(copy)
    }

    fn stack(&self, parts: &[&GpuBuffer], basis: &Basis) -> Result<GpuBuffer, BackendError> {
        for part in parts {
            check_limbs("stack", basis, &part.shape.basis)?;
        }
        let batch = parts.iter().map(|part| part.shape.batch).sum();
        if batch == 0 {
            return Err(BackendError::Empty { op: "stack" });
        }
        let stack = self.unset(Shape {
            batch,
            basis: basis.clone(),
        })?;
        let mut first = 0;
        for part in parts {
            self.copy_rows(&stack.part(first, part.shape.batch), part)?;
            first += part.shape.batch;
        }
        Ok(stack)
    }
}

/// Checks that a basis has all limbs of another.
pub(super) fn check_limbs(
    op: &'static str,
    needed: &Basis,
    given: &Basis,
) -> Result<(), BackendError> {
    if given.contains(needed) {
        return Ok(());
    }
    Err(BackendError::Basis {
        op,
        expected: needed.len(),
        found: given.len(),
    })
}

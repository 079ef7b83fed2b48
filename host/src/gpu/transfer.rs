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
        shape.check_words("upload", self.context.degree(), words.len())?;
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
        let copy = self.unset(buffer.shape.part("copy", &batch, basis)?)?;
        self.copy_rows(&copy, &buffer.part(batch.start, batch.len()))?;
        Ok(copy)
    }

    fn stack(&self, parts: &[&GpuBuffer], basis: &Basis) -> Result<GpuBuffer, BackendError> {
        let shape = Shape::stack("stack", parts.iter().map(|part| &part.shape), basis)?;
        let stack = self.unset(shape)?;
        let mut first = 0;
        for part in parts {
            self.copy_rows(&stack.part(first, part.shape.batch), part)?;
            first += part.shape.batch;
        }
        Ok(stack)
    }
}

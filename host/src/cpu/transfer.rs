//! Memory of the CPU backend.

use std::ops::Range;
use std::sync::Arc;

use engine::arith::Word;
use engine::backend::{BackendError, Shape, Transfer};
use engine::ring::{Basis, RingContext};

use super::{Cpu, CpuBuffer, out_of_memory};

impl Transfer for Cpu {
    type Buffer = CpuBuffer;

    fn context(&self) -> &Arc<RingContext> {
        &self.context
    }

    fn shape<'a>(&self, buffer: &'a CpuBuffer) -> &'a Shape {
        &buffer.shape
    }

    fn alloc(&self, shape: &Shape) -> Result<CpuBuffer, BackendError> {
        let memory = self.pool.alloc_zeroed(shape.rows(), self.context.degree());
        Ok(CpuBuffer {
            shape: shape.clone(),
            memory: memory.map_err(out_of_memory)?,
        })
    }

    fn upload(&self, shape: &Shape, words: &[Word]) -> Result<CpuBuffer, BackendError> {
        shape.check_words("upload", self.context.degree(), words.len())?;
        let mut buffer = self.unset(shape.clone())?;
        let rows = buffer
            .memory
            .iter_mut()
            .zip(words.chunks_exact(self.context.degree()));
        self.each(rows.collect(), |(row, words)| {
            row.copy_from_slice(words);
            Ok::<_, BackendError>(())
        })?;
        Ok(buffer)
    }

    fn download(&self, buffer: &CpuBuffer) -> Result<Vec<Word>, BackendError> {
        let mut words = Vec::with_capacity(buffer.shape.rows() * self.context.degree());
        buffer
            .memory
            .iter()
            .for_each(|row| words.extend_from_slice(row));
        Ok(words)
    }

    /// Nothing is queued.
    fn wait(&self) -> Result<(), BackendError> {
        Ok(())
    }

    fn copy(
        &self,
        buffer: &CpuBuffer,
        batch: Range<usize>,
        basis: &Basis,
    ) -> Result<CpuBuffer, BackendError> {
        let mut copy = self.unset(buffer.shape.part("copy", &batch, basis)?)?;
        self.for_rows(&mut copy, |place, row| {
            row.copy_from_slice(buffer.matched(batch.start + place.poly, place.limb));
            Ok(())
        })?;
        Ok(copy)
    }

    fn stack(&self, parts: &[&CpuBuffer], basis: &Basis) -> Result<CpuBuffer, BackendError> {
        let shape = Shape::stack("stack", parts.iter().map(|part| &part.shape), basis)?;
        let polys = parts
            .iter()
            .flat_map(|part| (0..part.shape.batch).map(move |i| (*part, i)));
        let polys: Vec<_> = polys.collect();
        let mut stack = self.unset(shape)?;
        self.for_rows(&mut stack, |place, row| {
            let (part, i) = polys[place.poly];
            row.copy_from_slice(part.matched(i, place.limb));
            Ok(())
        })?;
        Ok(stack)
    }
}

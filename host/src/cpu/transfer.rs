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
        let (expected, found) = (shape.rows() * self.context.degree(), words.len());
        if found != expected {
            return Err(BackendError::Words {
                op: "upload",
                expected,
                found,
            });
        }
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
        if batch.end > buffer.shape.batch || batch.is_empty() {
            let (left, right) = (buffer.shape.batch, batch.end);
            return Err(BackendError::Batch {
                op: "copy",
                left,
                right,
            });
        }
        check_limbs("copy", basis, &buffer.shape.basis)?;
        let mut copy = self.unset(Shape {
            batch: batch.len(),
            basis: basis.clone(),
        })?;
        self.for_rows(&mut copy, |place, row| {
            row.copy_from_slice(buffer.matched(batch.start + place.poly, place.limb));
            Ok(())
        })?;
        Ok(copy)
    }

    fn stack(&self, parts: &[&CpuBuffer], basis: &Basis) -> Result<CpuBuffer, BackendError> {
        for part in parts {
            check_limbs("stack", basis, &part.shape.basis)?;
        }
        let polys = parts
            .iter()
            .flat_map(|part| (0..part.shape.batch).map(move |i| (*part, i)));
        let polys: Vec<_> = polys.collect();
        if polys.is_empty() {
            return Err(BackendError::Empty { op: "stack" });
        }
        let mut stack = self.unset(Shape {
            batch: polys.len(),
            basis: basis.clone(),
        })?;
        self.for_rows(&mut stack, |place, row| {
            let (part, i) = polys[place.poly];
            row.copy_from_slice(part.matched(i, place.limb));
            Ok(())
        })?;
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

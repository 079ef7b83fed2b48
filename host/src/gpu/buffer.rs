//! Batches of polynomials in the memory of the device.

use std::ops::Range;
use std::sync::Arc;

use engine::backend::{BackendError, Shape, Transfer};

use super::Gpu;
use super::pool::Block;
use super::recording::Binding;

/// Memory for some polynomials of so many rows, in as many buffers as it takes.
#[derive(Debug)]
pub(super) struct Slab {
    blocks: Vec<Block>,
    /// Polynomials of a block.
    chunk: usize,
    /// Rows of a polynomial.
    rows: usize,
    row_bytes: u64,
}

/// A batch of polynomials on the device: some of those of a slab.
#[derive(Debug)]
pub struct GpuBuffer {
    pub(super) shape: Shape,
    slab: Arc<Slab>,
    first: usize,
}

/// Which polynomials of a buffer go with those of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Span {
    /// One with each.
    Each,
    /// The first with all.
    One,
    /// All of them are bound whatever the piece: rows are counted from the first polynomial.
    Whole,
}

/// A buffer as an operand of a call.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    pub(super) buffer: &'a GpuBuffer,
    pub(super) span: Span,
}

impl Gpu {
    /// A buffer whose words are not set.
    pub(super) fn unset(&self, shape: Shape) -> Result<GpuBuffer, BackendError> {
        let slab = self.slab(shape.batch, shape.basis.len())?;
        Ok(GpuBuffer {
            shape,
            slab,
            first: 0,
        })
    }

    /// A buffer of `parts` batches of this shape, one after the other, and each of them.
    pub(super) fn unset_parts(
        &self,
        shape: &Shape,
        parts: usize,
    ) -> Result<(GpuBuffer, Vec<GpuBuffer>), BackendError> {
        let whole = self.unset(Shape {
            batch: parts * shape.batch,
            basis: shape.basis.clone(),
        })?;
        let parts = (0..parts)
            .map(|part| whole.part(part * shape.batch, shape.batch))
            .collect();
        Ok((whole, parts))
    }

    fn slab(&self, polys: usize, rows: usize) -> Result<Arc<Slab>, BackendError> {
        let row_bytes = (self.context.degree() * size_of::<u32>()) as u64;
        let blocks = (0..polys).step_by(self.chunk.0).map(|first| {
            let polys = self.chunk.0.min(polys - first);
            // A buffer without rows is a buffer too.
            self.block((polys * rows.max(1)) as u64 * row_bytes)
        });
        Ok(Arc::new(Slab {
            blocks: blocks.collect::<Result<_, _>>()?,
            chunk: self.chunk.0,
            rows,
            row_bytes,
        }))
    }

    fn block(&self, bytes: u64) -> Result<Block, BackendError> {
        match self.pool.take(bytes) {
            Err(BackendError::OutOfMemory { .. }) => {
                // Recorded commands may hold what the pool has let go of.
                self.wait()?;
                self.pool.take(bytes)
            }
            taken => taken,
        }
    }
}

impl GpuBuffer {
    /// Some polynomials of this buffer; they share its memory.
    pub(super) fn part(&self, first: usize, batch: usize) -> Self {
        Self {
            shape: Shape {
                batch,
                basis: self.shape.basis.clone(),
            },
            slab: Arc::clone(&self.slab),
            first: self.first + first,
        }
    }

    /// The row of each limb of `basis`; the first row for a limb that is missing (shapes are checked before).
    pub(super) fn rows_of(&self, basis: &engine::ring::Basis) -> Vec<usize> {
        let rows = basis.iter().map(|limb| self.shape.basis.row(limb));
        rows.map(Option::unwrap_or_default).collect()
    }

    /// As an operand with which polynomials are matched: one of one is used with all.
    pub(super) fn matched(&self) -> View<'_> {
        let span = if self.shape.batch == 1 {
            Span::One
        } else {
            Span::Each
        };
        View { buffer: self, span }
    }

    /// As an operand of which each polynomial is used by itself.
    pub(super) fn each(&self) -> View<'_> {
        let span = Span::Each;
        View { buffer: self, span }
    }

    /// As an operand that is bound as a whole.
    pub(super) fn whole(&self) -> View<'_> {
        let span = Span::Whole;
        View { buffer: self, span }
    }

    /// Whether both are in the same memory, though perhaps in different parts of it.
    pub(super) fn shares_memory(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.slab, &other.slab)
    }

    /// The windows that together are the buffer, and the polynomials in each.
    pub(super) fn windows(&self) -> Vec<(Range<usize>, Binding)> {
        let pieces = super::ChunkSize(self.slab.chunk).pieces(self.shape.batch, &[self.first]);
        let window = |piece: Range<usize>| (piece.clone(), self.window(piece));
        pieces.into_iter().map(window).collect()
    }

    fn window(&self, polys: Range<usize>) -> Binding {
        let Slab {
            chunk,
            rows,
            row_bytes,
            ..
        } = *self.slab;
        let (first, poly_bytes) = (self.first + polys.start, rows as u64 * row_bytes);
        let block = &self.slab.blocks[first / chunk];
        Binding {
            buffer: block.buffer().clone(),
            offset: (first % chunk) as u64 * poly_bytes,
            bytes: (polys.len() as u64 * poly_bytes).max(row_bytes),
        }
    }
}

impl View<'_> {
    /// The first polynomial, if pieces must be cut by it.
    pub(super) fn first(&self) -> Option<usize> {
        (self.span == Span::Each).then_some(self.buffer.first)
    }

    /// The window for a piece of the batch of a call.
    pub(super) fn window(&self, piece: &Range<usize>) -> Binding {
        self.buffer.window(match self.span {
            Span::Each => piece.clone(),
            Span::One => 0..1,
            Span::Whole => 0..self.buffer.shape.batch,
        })
    }

    /// Rows from one polynomial of a piece to the next.
    pub(super) fn stride(&self) -> usize {
        match self.span {
            Span::Each | Span::Whole => self.buffer.slab.rows,
            Span::One => 0,
        }
    }

    /// The row of the window where a piece begins.
    pub(super) fn start(&self, piece: &Range<usize>) -> usize {
        match self.span {
            Span::Each | Span::One => 0,
            Span::Whole => piece.start * self.buffer.slab.rows,
        }
    }
}

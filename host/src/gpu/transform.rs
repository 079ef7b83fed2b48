//! Transforms of rows: two dispatches, from the source to memory in between, and from there to the destination.

use engine::arith::ShoupFactor;
use engine::backend::{BackendError, Shape};
use engine::ring::Basis;
use shaders::layout::{MATRIX_WIDTH, Transform};

use super::buffer::{GpuBuffer, View};
use super::recording::{Command, Dispatch};
use super::{Gpu, word};
use crate::profile::Cost;

/// Where to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Forward,
    Inverse,
}

/// A row to transform: its limb, its place in the source and in the destination, and what the result of the inverse is multiplied
/// with (`1/N` counted in).
#[derive(Clone, Copy, Debug)]
pub(super) struct TransformRow {
    pub(super) limb: usize,
    pub(super) src: usize,
    pub(super) dst: usize,
    pub(super) factor: ShoupFactor,
}

impl Gpu {
    /// `1/N` of a limb, times a constant.
    pub(super) fn inverse_factor(&self, limb: usize, times: Option<ShoupFactor>) -> ShoupFactor {
        let (q, factor) = (self.context.modulus(limb), self.tables.inverse_degree(limb));
        times.map_or(factor, |w| {
            ShoupFactor::new(q.mul_shoup(factor.value(), w), q)
        })
    }

    /// Transforms every row of a buffer in place.
    pub(super) fn transform_all(
        &self,
        x: &GpuBuffer,
        direction: Direction,
    ) -> Result<(), BackendError> {
        let rows = x
            .shape
            .basis
            .iter()
            .enumerate()
            .map(|(row, limb)| TransformRow {
                limb,
                src: row,
                dst: row,
                factor: self.inverse_factor(limb, None),
            });
        let rows: Vec<_> = rows.collect();
        self.transform(direction, x.each(), x.each(), x.shape.batch, &rows)
    }

    /// Transforms rows of every polynomial.
    pub(super) fn transform(
        &self,
        direction: Direction,
        src: View<'_>,
        dst: View<'_>,
        batch: usize,
        rows: &[TransformRow],
    ) -> Result<(), BackendError> {
        if rows.is_empty() {
            return Ok(());
        }
        let between = self.unset(Shape {
            batch,
            basis: Basis::new(0..rows.len()),
        })?;
        let (first, second) = match direction {
            Direction::Forward => ("ntt_forward_columns", "ntt_forward_rows"),
            Direction::Inverse => ("ntt_inverse_rows", "ntt_inverse_columns"),
        };
        let numbered = || rows.iter().enumerate();
        let into = numbered().map(|(i, row)| TransformRow { dst: i, ..*row });
        let out = numbered().map(|(i, row)| TransformRow { src: i, ..*row });
        self.pass(first, src, between.each(), batch, &into.collect::<Vec<_>>())?;
        self.pass(second, between.each(), dst, batch, &out.collect::<Vec<_>>())
    }

    fn pass(
        &self,
        kernel: &'static str,
        src: View<'_>,
        dst: View<'_>,
        batch: usize,
        rows: &[TransformRow],
    ) -> Result<(), BackendError> {
        let inverse = kernel.starts_with("ntt_inverse");
        let firsts: Vec<_> = [src, dst].iter().filter_map(View::first).collect();
        let mut seen = vec![false; self.context.moduli().len()];
        let limbs = rows
            .iter()
            .filter(|row| !std::mem::replace(&mut seen[row.limb], true))
            .count();
        for piece in self.chunk.pieces(batch, &firsts) {
            let table = rows.iter().map(|row| Transform {
                q: self.context.modulus(row.limb).value(),
                limb: word(row.limb),
                factor: row.factor.value(),
                factor_shoup: row.factor.quotient(),
                src: word(src.start(&piece) + row.src),
                src_stride: word(src.stride()),
                dst: word(dst.start(&piece) + row.dst),
                dst_stride: word(dst.stride()),
            });
            let table: Vec<_> = table.collect();
            let table = bytemuck::cast_slice(&table);
            let bindings = vec![
                self.tables.table(&self.device, table, 0)?,
                self.tables.powers(inverse),
                src.window(&piece),
                dst.window(&piece),
            ];
            let degree = self.context.degree();
            self.record(Command::Dispatch(Dispatch {
                kernel,
                bindings,
                grid: [
                    word(degree / self.tiling.tile),
                    word(rows.len()),
                    word(piece.len()),
                ],
                cost: self.pass_cost(kernel, rows.len(), limbs, piece.len()),
            }))?;
        }
        Ok(())
    }

    /// Every word once in and once out, and the powers of each of the limbs once.
    fn pass_cost(&self, kernel: &str, rows: usize, limbs: usize, polys: usize) -> Cost {
        let degree = self.context.degree();
        let columns = degree / MATRIX_WIDTH;
        let (stages, powers) = match kernel.ends_with("columns") {
            true => (columns.ilog2(), columns),
            false => (MATRIX_WIDTH.ilog2(), degree - columns),
        };
        let scaled = if kernel == "ntt_inverse_columns" {
            degree
        } else {
            0
        };
        let moved = rows * polys * 2 * degree + limbs * 2 * powers;
        Cost {
            bytes: (moved * size_of::<u32>()) as u64,
            products: (rows * polys * (degree / 2 * stages as usize + scaled)) as u64,
        }
    }
}

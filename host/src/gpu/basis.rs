//! Conversions between bases of the GPU backend.

use engine::backend::{BackendError, BasisOps, Shape};
use engine::ring::{BaseConversion, Basis};
use shaders::layout::{self, GROUP_TARGETS, WORKGROUP_SIZE};

use super::buffer::View;
use super::call::{Call, Operand};
use super::recording::{Command, Dispatch};
use super::ring::SCALE_TERMS;
use super::transform::{Direction, TransformRow};
use super::{Gpu, GpuBuffer, word};
use crate::profile::Cost;

/// A conversion of rows of one buffer (scaled: the `y_i`) to rows of another.
pub(super) struct Conversion<'a> {
    pub(super) table: &'a BaseConversion,
    pub(super) sources: Vec<usize>,
    pub(super) targets: Vec<usize>,
}

/// The tables of a dispatch.
#[derive(Default)]
struct ConversionTables {
    groups: Vec<layout::TargetGroup>,
    sources: Vec<layout::Source>,
    targets: Vec<layout::ConversionTarget>,
    weights: Vec<u32>,
}

impl ConversionTables {
    fn push(
        &mut self,
        gpu: &Gpu,
        conversion: &Conversion<'_>,
        starts: [usize; 2],
        strides: [u32; 2],
    ) {
        let table = conversion.table;
        let first_source = word(self.sources.len());
        let sources = conversion.sources.iter().zip(table.fraction());
        self.sources
            .extend(sources.map(|(row, fraction)| layout::Source {
                row: word(starts[0] + row),
                stride: strides[0],
                fraction: *fraction,
            }));
        let limbs: Vec<_> = table.targets().iter().collect();
        let rows: Vec<_> = (0..limbs.len()).collect();
        for group in rows.chunks(GROUP_TARGETS) {
            self.groups.push(layout::TargetGroup {
                sources: word(conversion.sources.len()),
                first_source,
                targets: word(group.len()),
                first_target: word(self.targets.len()),
                weights: word(self.weights.len()),
            });
            self.targets
                .extend(group.iter().map(|i| layout::ConversionTarget {
                    limb: gpu.tables.limb(limbs[*i]),
                    row: word(starts[1] + conversion.targets[*i]),
                    stride: strides[1],
                    overflow: table.overflow()[*i],
                }));
            for source in 0..conversion.sources.len() {
                let weight = |i| {
                    group
                        .get(i)
                        .map_or(0, |row: &usize| table.weights()[*row][source])
                };
                self.weights.extend((0..GROUP_TARGETS).map(weight));
            }
        }
        if self.weights.is_empty() {
            // A binding is never empty.
            self.weights.push(0);
        }
        if self.sources.is_empty() {
            self.sources.push(layout::Source::default());
        }
    }
}

impl Gpu {
    /// Converts rows of every polynomial, all conversions in one dispatch.
    pub(super) fn convert(
        &self,
        src: View<'_>,
        dst: View<'_>,
        batch: usize,
        conversions: &[Conversion<'_>],
    ) -> Result<(), BackendError> {
        let firsts: Vec<_> = [src, dst].iter().filter_map(View::first).collect();
        for piece in self.chunk.pieces(batch, &firsts) {
            let mut tables = ConversionTables::default();
            let starts = [src.start(&piece), dst.start(&piece)];
            let strides = [word(src.stride()), word(dst.stride())];
            for conversion in conversions {
                tables.push(self, conversion, starts, strides);
            }
            if let (true, Some(first)) = (self.wrong_weights, tables.weights.first_mut()) {
                *first ^= 1;
            }
            if tables.groups.is_empty() {
                continue;
            }
            let table = |bytes: &[u8]| self.tables.table(&self.device, bytes, 0);
            let bindings = vec![
                table(bytemuck::cast_slice(&tables.groups))?,
                table(bytemuck::cast_slice(&tables.sources))?,
                table(bytemuck::cast_slice(&tables.targets))?,
                table(bytemuck::cast_slice(&tables.weights))?,
                src.window(&piece),
                dst.window(&piece),
            ];
            let degree = self.context.degree();
            self.record(Command::Dispatch(Dispatch {
                kernel: "basis_convert",
                bindings,
                grid: [
                    word(degree) / WORKGROUP_SIZE,
                    word(tables.groups.len()),
                    word(piece.len()),
                ],
                cost: conversion_cost(conversions, degree * piece.len()),
            }))?;
        }
        Ok(())
    }
}

/// Every source read and every target written once; a product for each source and target, one for each overflow and fraction.
fn conversion_cost(conversions: &[Conversion<'_>], words: usize) -> Cost {
    let rows = conversions
        .iter()
        .map(|c| (c.sources.len(), c.targets.len()));
    let (mut moved, mut products) = (0, 0);
    for (sources, targets) in rows {
        moved += sources + targets;
        products += (sources + 1) * targets + sources;
    }
    Cost {
        bytes: (moved * words * size_of::<u32>()) as u64,
        products: (products * words) as u64,
    }
}

impl BasisOps for Gpu {
    fn mod_up(&self, x: &GpuBuffer, digit: &Basis, to: &Basis) -> Result<GpuBuffer, BackendError> {
        x.shape.check_limbs("mod-up", digit)?;
        let table = self.context.mod_up(digit, &to.difference(digit));
        let batch = x.shape.batch;
        let scaled = self.unset(Shape {
            batch,
            basis: digit.clone(),
        })?;
        let input = Operand::new(x.each(), digit).times(table.scale().iter().copied());
        self.call(Call {
            slots: SCALE_TERMS,
            products: 1,
            ..Call::new(
                "ring_scale_sum",
                Operand::new(scaled.each(), digit),
                digit,
                vec![input],
            )
        })?;
        let raised = self.unset(Shape {
            batch,
            basis: to.clone(),
        })?;
        let conversion = Conversion {
            table: &table,
            sources: (0..digit.len()).collect(),
            targets: raised.rows_of(table.targets()),
        };
        self.convert(scaled.each(), raised.each(), batch, &[conversion])?;
        let own = to.intersection(digit);
        let (output, input) = (
            Operand::new(raised.each(), &own),
            Operand::new(x.each(), &own),
        );
        self.call(Call::new("ring_copy", output, &own, vec![input]))?;
        Ok(raised)
    }

    fn mod_down(&self, x: &GpuBuffer, to: &Basis) -> Result<GpuBuffer, BackendError> {
        let down = self.context.mod_down(&x.shape.basis, to);
        let conversion = down.conversion();
        let (dropped, batch) = (conversion.sources(), x.shape.batch);
        let scaled = self.unset(Shape {
            batch,
            basis: dropped.clone(),
        })?;
        let rows = dropped
            .iter()
            .zip(x.rows_of(dropped))
            .zip(conversion.scale());
        let rows = rows
            .enumerate()
            .map(|(dst, ((limb, src), scale))| TransformRow {
                limb,
                src,
                dst,
                factor: self.inverse_factor(limb, Some(*scale)),
            });
        let rows: Vec<_> = rows.collect();
        self.transform(Direction::Inverse, x.each(), scaled.each(), batch, &rows)?;
        let result = self.unset(Shape {
            batch,
            basis: to.clone(),
        })?;
        let conversion = Conversion {
            table: conversion,
            sources: (0..dropped.len()).collect(),
            targets: (0..to.len()).collect(),
        };
        self.convert(scaled.each(), result.each(), batch, &[conversion])?;
        self.transform_all(&result, Direction::Forward)?;
        let is_there = down.common().iter().map(Option::is_some);
        let input = Operand::new(x.each(), to).where_it_has(is_there);
        let output = Operand::new(result.each(), to).times(down.factor().iter().copied());
        self.call(Call {
            products: 1,
            ..Call::new("basis_mod_down", output, to, vec![input])
        })?;
        Ok(result)
    }

    fn add_lifted_assign(&self, acc: &mut GpuBuffer, x: &GpuBuffer) -> Result<(), BackendError> {
        self.add_lifted(acc, x)
    }
}

impl Gpu {
    /// `acc += P x` on the ordinary limbs.
    pub(super) fn add_lifted(&self, acc: &GpuBuffer, x: &GpuBuffer) -> Result<(), BackendError> {
        let special = self.context.special();
        let ordinary = acc.shape.basis.difference(&special);
        Shape {
            batch: acc.shape.batch,
            basis: ordinary.clone(),
        }
        .check_operand("lifted sum", &x.shape)?;
        let products = ordinary
            .iter()
            .map(|limb| self.context.product(&special, self.context.modulus(limb)));
        let products: Vec<_> = products.collect();
        let factors = self.factors(&ordinary, &products);
        let input = Operand::new(x.matched(), &ordinary).times(factors);
        self.call(Call {
            slots: SCALE_TERMS,
            accumulate: true,
            products: 1,
            ..Call::new(
                "ring_scale_sum",
                Operand::new(acc.each(), &ordinary),
                &ordinary,
                vec![input],
            )
        })
    }
}

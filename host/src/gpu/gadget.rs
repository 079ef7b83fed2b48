//! Key switching of the GPU backend: all digits in one dispatch of each kernel, both halves in one buffer.

use engine::backend::{BackendError, BasisOps, GadgetKey, GadgetOps, Shape};
use engine::ring::{BaseConversion, Basis, Digit};
use std::sync::Arc;

use super::basis::Conversion;
use super::buffer::View;
use super::call::{Call, Operand};
use super::transform::{Direction, TransformRow};
use super::{Gpu, GpuBuffer};

/// Digits of one dispatch of the gadget product.
const GADGET_TERMS: usize = 2;

impl Gpu {
    /// `x` in the coefficient domain, every limb scaled as the conversion of its digit wants it.
    fn digit_sources(
        &self,
        x: &GpuBuffer,
        conversions: &[Arc<BaseConversion>],
    ) -> Result<GpuBuffer, BackendError> {
        let scaled = self.unset(x.shape.clone())?;
        let limbs = conversions
            .iter()
            .flat_map(|table| table.sources().iter().zip(table.scale()));
        let rows = limbs.map(|(limb, scale)| {
            let row = x.shape.basis.row(limb).unwrap_or_default();
            let factor = self.inverse_factor(limb, Some(*scale));
            TransformRow {
                limb,
                src: row,
                dst: row,
                factor,
            }
        });
        let rows: Vec<_> = rows.collect();
        self.transform(
            Direction::Inverse,
            x.each(),
            scaled.each(),
            x.shape.batch,
            &rows,
        )?;
        Ok(scaled)
    }

    /// The digits of these tables in `raised`, where digit number `i` has its polynomials from `i * batch` on.
    fn raise(
        &self,
        x: &GpuBuffer,
        scaled: &GpuBuffer,
        raised: View<'_>,
        tables: &[Arc<BaseConversion>],
    ) -> Result<(), BackendError> {
        let (batch, extended) = (x.shape.batch, &raised.buffer.shape.basis);
        let place = |number: usize, limb: usize| {
            number * batch * extended.len() + extended.row(limb).unwrap_or_default()
        };
        let numbered = || tables.iter().enumerate();
        let conversions = numbered().map(|(number, table)| Conversion {
            table,
            sources: scaled.rows_of(table.sources()),
            targets: table
                .targets()
                .iter()
                .map(|limb| place(number, limb))
                .collect(),
        });
        let conversions: Vec<_> = conversions.collect();
        self.convert(scaled.each(), raised, batch, &conversions)?;
        let rows = numbered().flat_map(|(number, table)| {
            let limbs = table.targets().iter();
            limbs.map(move |limb| (limb, place(number, limb)))
        });
        let rows = rows.map(|(limb, row)| TransformRow {
            limb,
            src: row,
            dst: row,
            factor: self.inverse_factor(limb, None),
        });
        let rows: Vec<_> = rows.collect();
        self.transform(Direction::Forward, raised, raised, batch, &rows)?;
        // The limbs of the digit itself are those of x.
        let own = numbered().flat_map(|(number, table)| {
            let limbs = table.sources().iter();
            limbs.map(move |limb| (limb, place(number, limb)))
        });
        let (limbs, places): (Vec<_>, Vec<_>) = own.unzip();
        let from = limbs
            .iter()
            .map(|limb| x.shape.basis.row(*limb).unwrap_or_default());
        let (input, output) = (
            Operand::at(x.each(), from.collect()),
            Operand::at(raised, places),
        );
        self.call(Call {
            limbs,
            batch,
            ..Call::new("ring_copy", output, extended, vec![input])
        })
    }

    /// `sum of digit * key`: both halves one after the other in one buffer.
    fn gadget_pair(
        &self,
        digits: &[GpuBuffer],
        key: &GadgetKey<GpuBuffer>,
    ) -> Result<(GpuBuffer, Vec<GpuBuffer>), BackendError> {
        const OP: &str = "gadget product";
        let first = digits.first().ok_or(BackendError::Empty { op: OP })?;
        let (shape, basis) = (&first.shape, &first.shape.basis);
        let layout = self.context.digits().at(basis);
        let mut terms = Vec::with_capacity(digits.len());
        for (digit, (Digit(number), _)) in digits.iter().zip(&layout) {
            let pair = key.pairs.get(*number).ok_or(BackendError::Basis {
                op: OP,
                expected: number + 1,
                found: key.pairs.len(),
            })?;
            shape.check_operand(OP, &digit.shape)?;
            pair.iter()
                .try_for_each(|half| half.shape.check_limbs(OP, basis))?;
            terms.push((digit, pair));
        }
        let (whole, halves) = self.unset_parts(shape, 2)?;
        for (number, terms) in terms.chunks(GADGET_TERMS).enumerate() {
            let inputs = terms.iter().flat_map(|(digit, [b, a])| {
                [digit, b, a].map(|operand| Operand::new(operand.matched(), basis))
            });
            let output = |half: usize| Operand::new(halves[half].each(), basis);
            let mut call = Call::new("gadget_product", output(0), basis, inputs.collect());
            call.outputs.push(output(1));
            self.call(Call {
                slots: 3 * GADGET_TERMS,
                terms: terms.len(),
                accumulate: number > 0,
                products: 2 * terms.len(),
                ..call
            })?;
        }
        Ok((whole, halves))
    }
}

impl GadgetOps for Gpu {
    fn decompose(&self, x: &GpuBuffer) -> Result<Vec<GpuBuffer>, BackendError> {
        let extended = x.shape.basis.union(&self.context.special());
        let digits = self.context.digits().at(&x.shape.basis);
        let tables = digits
            .iter()
            .map(|(_, limbs)| self.context.mod_up(limbs, &extended.difference(limbs)));
        let tables: Vec<_> = tables.collect();
        let scaled = self.digit_sources(x, &tables)?;
        let shape = Shape {
            batch: x.shape.batch,
            basis: extended,
        };
        let mut raised = Vec::with_capacity(tables.len());
        for tables in tables.chunks(self.chunk.groups(shape.batch, tables.len())) {
            let (whole, parts) = self.unset_parts(&shape, tables.len())?;
            // A digit that fills more than one window is raised piece by piece.
            let view = match tables.len() {
                1 => whole.each(),
                _ => whole.whole(),
            };
            self.raise(x, &scaled, view, tables)?;
            raised.extend(parts);
        }
        Ok(raised)
    }

    fn gadget_product(
        &self,
        digits: &[GpuBuffer],
        key: &GadgetKey<GpuBuffer>,
    ) -> Result<[GpuBuffer; 2], BackendError> {
        let (_, halves) = self.gadget_pair(digits, key)?;
        pair(halves)
    }

    fn gadget_product_down(
        &self,
        digits: &[GpuBuffer],
        key: &GadgetKey<GpuBuffer>,
        lift: [Option<&GpuBuffer>; 2],
        to: &Basis,
    ) -> Result<[GpuBuffer; 2], BackendError> {
        let (whole, halves) = self.gadget_pair(digits, key)?;
        for (half, lifted) in halves.iter().zip(lift) {
            if let Some(lifted) = lifted {
                self.add_lifted(half, lifted)?;
            }
        }
        let down = self.mod_down(&whole, to)?;
        let batch = halves[0].shape.batch;
        pair(vec![down.part(0, batch), down.part(batch, batch)])
    }
}

fn pair(halves: Vec<GpuBuffer>) -> Result<[GpuBuffer; 2], BackendError> {
    let fault = |_| BackendError::Internal("a pair has two halves".to_owned());
    <[GpuBuffer; 2]>::try_from(halves).map_err(fault)
}

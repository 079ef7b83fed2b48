//! Conversions between bases of the CPU backend.
//!
//! Targets are converted in groups of at most [`simd::GROUP`], so that each source word is brought to the first-level cache once for all of
//! them, and every group is transformed as soon as it is made.

use engine::arith::{ShoupFactor, Word};
use engine::backend::{BackendError, BasisOps, Shape};
use engine::ring::{self, Basis, ModDown};
use std::ops::Range;
use std::sync::Arc;

use super::memory::Buffer;
use super::rows::{groups, groups_by};
use super::simd::{self, KernelError};
use super::{Cpu, CpuBuffer};

/// The sources of a conversion, scaled, in the coefficient domain, and the rounded sum of their fractions.
pub(super) struct Sources {
    rows: CpuBuffer,
    estimates: Buffer,
}

/// A division by limbs that go, which are converted to those that stay or come.
pub(super) struct Division {
    down: Arc<ModDown>,
    table: Arc<simd::BaseConversion>,
    sources: Sources,
}

/// A polynomial, the rows of a group of limbs in its basis, and their words.
pub(super) type Task<'a> = (usize, Range<usize>, Vec<&'a mut [Word]>);

/// The domain of what is converted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum From {
    Coefficients,
    Evaluations,
}

impl Cpu {
    /// The sources `y_i` of a conversion for every polynomial of `x`.
    pub(super) fn sources(
        &self,
        x: &CpuBuffer,
        domain: From,
        conversion: &ring::BaseConversion,
        table: &simd::BaseConversion,
    ) -> Result<Sources, BackendError> {
        let basis = conversion.sources().clone();
        let mut rows = self.unset(Shape {
            batch: x.shape.batch,
            basis,
        })?;
        self.for_rows(&mut rows, |place, row| {
            let (source, scale) = (
                x.matched(place.poly, place.limb),
                conversion.scale()[place.row],
            );
            if domain == From::Coefficients {
                return simd::scale(self.isa, place.modulus, row, source, scale);
            }
            let table = &self.tables[place.limb];
            simd::ntt_inverse_scaled(self.isa, table, row, source, scale.value())
        })?;
        let mut estimates = self.scratch(x.shape.batch)?;
        // As many pieces of a polynomial as there are threads: there may be one polynomial only.
        let words = self
            .context
            .degree()
            .div_ceil(self.threads())
            .next_multiple_of(simd::LANES);
        let pieces = estimates.iter_mut().enumerate();
        let pieces = pieces.flat_map(|(poly, u)| {
            u.chunks_mut(words)
                .enumerate()
                .map(move |piece| (poly, piece))
        });
        self.each(pieces.collect(), |(poly, (i, u))| {
            let mut sources = rows.rows_of(poly);
            for source in &mut sources {
                *source = &source[i * words..][..u.len()];
            }
            table.estimate(self.isa, &sources, u)
        })?;
        Ok(Sources { rows, estimates })
    }

    /// The division from the limbs `from` to the limbs `to` of polynomials whose limbs that go are in `x`.
    pub(super) fn division(
        &self,
        x: &CpuBuffer,
        from: &Basis,
        to: &Basis,
    ) -> Result<Division, BackendError> {
        let down = self.context.mod_down(from, to);
        let conversion = down.conversion();
        let key = (from.clone(), to.clone());
        let table = self.mod_downs.get(key, || self.conversion(conversion))?;
        let sources = self.sources(x, From::Evaluations, conversion, &table)?;
        Ok(Division {
            down,
            table,
            sources,
        })
    }

    /// A group of rows of the quotient; `x` gives the row of the dividend for each limb of the group that stays.
    pub(super) fn divide<'a>(
        &self,
        division: &Division,
        poly: usize,
        group: Range<usize>,
        limbs: &[usize],
        rows: &mut [&mut [Word]],
        x: impl Fn(usize) -> &'a [Word],
    ) -> Result<(), KernelError> {
        let Division {
            down,
            table,
            sources,
        } = division;
        sources.convert(self, table, poly, group.start, rows)?;
        for (i, (row, index)) in rows.iter_mut().zip(group).enumerate() {
            let q = self.context.modulus(limbs[i]);
            simd::ntt_forward(self.isa, &self.tables[limbs[i]], row)?;
            // (x - c) k as (c - x)(-k), in place.
            let factor = ShoupFactor::new(q.neg(down.factor()[index].value()), q);
            match down.common()[index] {
                Some(_) => simd::sub_scale_assign(self.isa, q, row, x(i), factor)?,
                None => simd::scale_assign(self.isa, q, row, factor)?,
            }
        }
        Ok(())
    }

    /// The table of mod-up in the kernel's form.
    pub(super) fn mod_up_table(
        &self,
        conversion: &ring::BaseConversion,
    ) -> Result<Arc<simd::BaseConversion>, BackendError> {
        let key = (conversion.sources().clone(), conversion.targets().clone());
        self.mod_ups.get(key, || self.conversion(conversion))
    }
}

impl Sources {
    /// Converts to the targets from number `first` on, one for each row of `dst`.
    pub(super) fn convert(
        &self,
        cpu: &Cpu,
        table: &simd::BaseConversion,
        poly: usize,
        first: usize,
        dst: &mut [&mut [Word]],
    ) -> Result<(), KernelError> {
        let rows = self.rows.rows_of(poly);
        table.convert_group(cpu.isa, first, &rows, self.estimates.row(poly), dst)
    }
}

impl CpuBuffer {
    /// All rows of a polynomial.
    pub(super) fn rows_of(&self, poly: usize) -> Vec<&[Word]> {
        let limbs = self.shape.basis.len();
        (0..limbs)
            .map(|row| self.memory.row(poly * limbs + row))
            .collect()
    }

    /// The rows of each group of limbs of each polynomial.
    pub(super) fn tasks(&mut self, groups: &[Range<usize>]) -> Vec<Task<'_>> {
        let batch = self.shape.batch;
        let mut rows = self.memory.iter_mut();
        let polys =
            (0..batch).flat_map(|poly| groups.iter().map(move |group| (poly, group.clone())));
        polys
            .map(|(poly, group)| {
                let words = rows.by_ref().take(group.len()).collect();
                (poly, group, words)
            })
            .collect()
    }
}

impl BasisOps for Cpu {
    fn mod_up(&self, x: &CpuBuffer, digit: &Basis, to: &Basis) -> Result<CpuBuffer, BackendError> {
        x.shape.check_limbs("mod-up", digit)?;
        let conversion = self.context.mod_up(digit, &to.difference(digit));
        let table = self.mod_up_table(&conversion)?;
        let sources = self.sources(x, From::Coefficients, &conversion, &table)?;
        let mut raised = self.unset(Shape {
            batch: x.shape.batch,
            basis: to.clone(),
        })?;
        let limbs: Vec<_> = to.iter().collect();
        let size = self.group_size(x.shape.batch * limbs.len());
        let groups = groups_by(to, size, |limb| digit.row(limb).is_some());
        self.each(raised.tasks(&groups), |(poly, group, mut rows)| {
            // A group lies within the digit or apart from it.
            match conversion.targets().row(limbs[group.start]) {
                Some(first) => sources.convert(self, &table, poly, first, &mut rows),
                None => {
                    for (row, limb) in rows.iter_mut().zip(&limbs[group]) {
                        row.copy_from_slice(x.matched(poly, *limb));
                    }
                    Ok(())
                }
            }
        })?;
        Ok(raised)
    }

    fn mod_down(&self, x: &CpuBuffer, to: &Basis) -> Result<CpuBuffer, BackendError> {
        let division = self.division(x, &x.shape.basis, to)?;
        let mut result = self.unset(Shape {
            batch: x.shape.batch,
            basis: to.clone(),
        })?;
        let limbs: Vec<_> = to.iter().collect();
        let size = self.group_size(x.shape.batch * limbs.len());
        let groups = groups(&self.context, to, size);
        self.each(result.tasks(&groups), |(poly, group, mut rows)| {
            let limbs = &limbs[group.clone()];
            self.divide(&division, poly, group, limbs, &mut rows, |i| {
                x.matched(poly, limbs[i])
            })
        })?;
        Ok(result)
    }

    fn add_lifted_assign(&self, acc: &mut CpuBuffer, x: &CpuBuffer) -> Result<(), BackendError> {
        let special = self.context.special();
        let ordinary = acc.shape.basis.difference(&special);
        Shape {
            batch: acc.shape.batch,
            basis: ordinary,
        }
        .check_operand("lifted sum", &x.shape)?;
        self.for_rows(acc, |place, row| {
            if special.row(place.limb).is_some() {
                return Ok(());
            }
            let q = place.modulus;
            let w = ShoupFactor::new(self.context.product(&special, q), q);
            simd::scale_add_assign(self.isa, q, row, x.matched(place.poly, place.limb), w)
        })
    }
}

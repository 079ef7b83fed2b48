//! Key switching of the CPU backend, fused.
//!
//! For each group of target limbs, all digits are converted, transformed and multiplied with the key at once, in a scratch
//! of at most `digits * simd::GROUP` rows that is used again for the next group; whole digits are never written out.

use engine::arith::{ShoupFactor, Word};
use engine::backend::{BackendError, GadgetKey, GadgetOps, Shape};
use engine::ring::{BaseConversion, Basis, Digit};
use std::ops::Range;
use std::sync::Arc;

use super::basis::{From, Sources};
use super::rows::{Place, groups, groups_by, places};
use super::simd::{self, KernelError};
use super::{Cpu, CpuBuffer};

/// A digit of what is switched, ready to be converted.
struct DigitSources {
    limbs: Basis,
    conversion: Arc<BaseConversion>,
    table: Arc<simd::BaseConversion>,
    sources: Sources,
}

impl Cpu {
    /// The digits of `x`, in the coefficient domain and scaled.
    fn digit_sources(
        &self,
        x: &CpuBuffer,
        extended: &Basis,
    ) -> Result<Vec<DigitSources>, BackendError> {
        let digits = self.context.digits().at(&x.shape.basis);
        let sources = digits.into_iter().map(|(_, limbs)| {
            let conversion = self.context.mod_up(&limbs, &extended.difference(&limbs));
            let table = self.mod_up_table(&conversion)?;
            let sources = self.sources(x, From::Evaluations, &conversion, &table)?;
            Ok(DigitSources {
                limbs,
                conversion,
                table,
                sources,
            })
        });
        sources.collect()
    }

    /// Converts and transforms a digit to a group of limbs outside it.
    fn raise(
        &self,
        digit: &DigitSources,
        poly: usize,
        limbs: &[usize],
        rows: &mut [&mut [Word]],
    ) -> Result<(), KernelError> {
        let first = limbs
            .first()
            .and_then(|limb| digit.conversion.targets().row(*limb));
        digit
            .sources
            .convert(self, &digit.table, poly, first.unwrap_or_default(), rows)?;
        for (row, limb) in rows.iter_mut().zip(limbs) {
            simd::ntt_forward(self.isa, &self.tables[*limb], row)?;
        }
        Ok(())
    }

    /// Adds `P x` to a row of an ordinary limb.
    fn add_lifted_row(&self, limb: usize, row: &mut [Word], x: &[Word]) -> Result<(), KernelError> {
        let (special, q) = (self.context.special(), self.context.modulus(limb));
        if special.row(limb).is_some() {
            return Ok(());
        }
        let w = ShoupFactor::new(self.context.product(&special, q), q);
        simd::scale_add_assign(self.isa, q, row, x, w)
    }

    fn check_key(
        &self,
        key: &GadgetKey<CpuBuffer>,
        digits: &[Digit],
        extended: &Basis,
    ) -> Result<(), BackendError> {
        let op = "gadget product";
        for digit in digits {
            let (expected, found) = (digit.0 + 1, key.pairs.len());
            let pair = key.pairs.get(digit.0);
            let pair = pair.ok_or(BackendError::Basis {
                op,
                expected,
                found,
            })?;
            pair.iter()
                .try_for_each(|half| half.shape.check_limbs(op, extended))?;
        }
        Ok(())
    }

    fn check_lift(&self, shape: &Shape, lift: [Option<&CpuBuffer>; 2]) -> Result<(), BackendError> {
        let ordinary = shape.basis.difference(&self.context.special());
        let shape = Shape {
            batch: shape.batch,
            basis: ordinary,
        };
        lift.iter()
            .flatten()
            .try_for_each(|x| shape.check_operand("lifted sum", &x.shape))
    }
}

impl GadgetOps for Cpu {
    fn decompose(&self, x: &CpuBuffer) -> Result<Vec<CpuBuffer>, BackendError> {
        let extended = x.shape.basis.union(&self.context.special());
        let limbs: Vec<_> = extended.iter().collect();
        let size = self.group_size(x.shape.batch * limbs.len());
        let groups = groups(&self.context, &extended, size);
        let sources = self.digit_sources(x, &extended)?;
        let raise = |digit: &DigitSources| {
            let shape = Shape {
                batch: x.shape.batch,
                basis: extended.clone(),
            };
            let mut raised = self.unset(shape)?;
            self.each(raised.tasks(&groups), |(poly, group, mut rows)| {
                let limbs = &limbs[group];
                if digit.limbs.row(limbs[0]).is_none() {
                    return self.raise(digit, poly, limbs, &mut rows);
                }
                for (row, limb) in rows.iter_mut().zip(limbs) {
                    row.copy_from_slice(x.matched(poly, *limb));
                }
                Ok(())
            })?;
            Ok(raised)
        };
        sources.iter().map(raise).collect()
    }

    fn gadget_product(
        &self,
        digits: &[CpuBuffer],
        key: &GadgetKey<CpuBuffer>,
    ) -> Result<[CpuBuffer; 2], BackendError> {
        let first = digits.first().ok_or(BackendError::Empty {
            op: "gadget product",
        })?;
        let shape = &first.shape;
        let layout = self.layout(&shape.basis);
        self.check_key(key, &layout, &shape.basis)?;
        let mut pair = self.pair(shape)?;
        let [b, a] = &mut pair;
        let rows = b.memory.iter_mut().zip(a.memory.iter_mut());
        let rows = rows.zip(places(&self.context, shape));
        self.each(rows.collect(), |((b, a), Place { poly, limb, .. })| {
            let digits: Vec<_> = digits.iter().map(|d| d.matched(poly, limb)).collect();
            self.product_row(limb, poly, [b, a], &digits, &layout, key, [None, None])
        })?;
        Ok(pair)
    }

    fn gadget_product_down(
        &self,
        digits: &[CpuBuffer],
        key: &GadgetKey<CpuBuffer>,
        lift: [Option<&CpuBuffer>; 2],
        to: &Basis,
    ) -> Result<[CpuBuffer; 2], BackendError> {
        let first = digits.first().ok_or(BackendError::Empty {
            op: "gadget product",
        })?;
        let extended = &first.shape;
        let layout = self.layout(&extended.basis);
        self.check_key(key, &layout, &extended.basis)?;
        self.check_lift(extended, lift)?;
        self.product_down(extended, to, |poly, limbs, [b, a]| {
            for ((b, a), limb) in b.iter_mut().zip(a).zip(limbs) {
                let digits: Vec<_> = digits.iter().map(|d| d.matched(poly, *limb)).collect();
                self.product_row(*limb, poly, [b, a], &digits, &layout, key, lift)?;
            }
            Ok(())
        })
    }

    fn key_switch(
        &self,
        x: &CpuBuffer,
        key: &GadgetKey<CpuBuffer>,
        lift: [Option<&CpuBuffer>; 2],
        to: &Basis,
    ) -> Result<[CpuBuffer; 2], BackendError> {
        let extended = Shape {
            batch: x.shape.batch,
            basis: x.shape.basis.union(&self.context.special()),
        };
        let layout = self.layout(&x.shape.basis);
        self.check_key(key, &layout, &extended.basis)?;
        self.check_lift(&extended, lift)?;
        let digits = self.digit_sources(x, &extended.basis)?;
        self.product_down(&extended, to, |poly, limbs, [b, a]| {
            let mut scratch = self.scratch(digits.len() * limbs.len())?;
            let mut rows: Vec<_> = scratch.iter_mut().collect();
            for (digit, rows) in digits.iter().zip(rows.chunks_mut(limbs.len())) {
                if digit.limbs.row(limbs[0]).is_none() {
                    self.raise(digit, poly, limbs, rows)?;
                }
            }
            for (i, ((b, a), limb)) in b.iter_mut().zip(a).zip(limbs).enumerate() {
                let raised = |(k, digit): (usize, &DigitSources)| match digit.limbs.row(*limb) {
                    Some(_) => x.matched(poly, *limb),
                    None => &*rows[k * limbs.len() + i],
                };
                let digits: Vec<_> = digits.iter().enumerate().map(raised).collect();
                self.product_row(*limb, poly, [b, a], &digits, &layout, key, lift)?;
            }
            Ok(())
        })
    }
}

/// A polynomial, the rows of a group of limbs in its basis, and their words in both halves.
type PairTask<'a> = (usize, Range<usize>, [Vec<&'a mut [Word]>; 2]);

/// The tasks of two buffers of one shape, together.
fn pair_tasks<'a>([b, a]: &'a mut [CpuBuffer; 2], groups: &[Range<usize>]) -> Vec<PairTask<'a>> {
    let tasks = b.tasks(groups).into_iter().zip(a.tasks(groups));
    tasks
        .map(|((poly, group, b), (_, _, a))| (poly, group, [b, a]))
        .collect()
}

impl Cpu {
    /// The digits of a level.
    fn layout(&self, basis: &Basis) -> Vec<Digit> {
        let digits = self.context.digits().at(basis).into_iter();
        digits.map(|(digit, _)| digit).collect()
    }

    /// Two buffers of one shape whose words are not set.
    fn pair(&self, shape: &Shape) -> Result<[CpuBuffer; 2], BackendError> {
        Ok([self.unset(shape.clone())?, self.unset(shape.clone())?])
    }

    /// The quotients over the limbs `to` of a pair over the limbs of `extended`, of which `product` makes the rows of a group.
    ///
    /// The limbs that go are made first. Then every group of those that stay is made, and divided while it is in the
    /// cache: it is never written out.
    fn product_down(
        &self,
        extended: &Shape,
        to: &Basis,
        product: impl Fn(usize, &[usize], [&mut [&mut [Word]]; 2]) -> Result<(), BackendError>
        + Sync
        + Send,
    ) -> Result<[CpuBuffer; 2], BackendError> {
        let Shape {
            batch,
            basis: extended,
        } = extended;
        let pair = |basis: &Basis| {
            self.pair(&Shape {
                batch: *batch,
                basis: basis.clone(),
            })
        };
        // The limbs of a group are consecutive in the extended basis too, or all missing there.
        let groups = |basis: &Basis| {
            groups_by(basis, self.group_size(batch * basis.len()), |limb| {
                let rows = extended.row(limb).zip(basis.row(limb));
                let shift = rows.map(|(there, here)| there.wrapping_sub(here));
                (self.context.digits().digit_of(limb), shift)
            })
        };
        let dropped = extended.difference(to);
        let mut lower = pair(&dropped)?;
        let limbs: Vec<_> = dropped.iter().collect();
        let work = pair_tasks(&mut lower, &groups(&dropped));
        self.each(work, |(poly, group, [mut b, mut a])| {
            product(poly, &limbs[group], [&mut b, &mut a])
        })?;
        let [b, a] = &lower;
        let divisions = [
            self.division(b, extended, to)?,
            self.division(a, extended, to)?,
        ];
        drop(lower);
        let mut result = pair(to)?;
        let limbs: Vec<_> = to.iter().collect();
        let work = pair_tasks(&mut result, &groups(to));
        self.each(work, |(poly, group, [b, a])| {
            let limbs = &limbs[group.clone()];
            let mut scratch = self.scratch(2 * limbs.len())?;
            let mut rows: Vec<_> = scratch.iter_mut().collect();
            let (dividend_b, dividend_a) = rows.split_at_mut(limbs.len());
            if extended.row(limbs[0]).is_some() {
                product(poly, limbs, [dividend_b, dividend_a])?;
            }
            let halves = [(b, dividend_b), (a, dividend_a)];
            for (division, (mut rows, dividend)) in divisions.iter().zip(halves) {
                let group = group.clone();
                self.divide(division, poly, group, limbs, &mut rows, |i| &*dividend[i])?;
            }
            Ok::<_, BackendError>(())
        })?;
        Ok(result)
    }

    /// The pair of rows of a limb: the digits' times the key's, plus `P` times the lift.
    #[expect(
        clippy::too_many_arguments,
        reason = "the inner loop of two operations"
    )]
    fn product_row(
        &self,
        limb: usize,
        poly: usize,
        dst: [&mut [Word]; 2],
        digits: &[&[Word]],
        layout: &[Digit],
        key: &GadgetKey<CpuBuffer>,
        lift: [Option<&CpuBuffer>; 2],
    ) -> Result<(), KernelError> {
        let keys = layout.iter().map(|digit| {
            key.pairs[digit.0]
                .each_ref()
                .map(|half| half.matched(0, limb))
        });
        let keys: Vec<_> = keys.collect();
        let [b, a] = dst;
        let q = self.context.modulus(limb);
        simd::inner_product(self.isa, q, [&mut *b, &mut *a], digits, &keys)?;
        for (row, x) in [b, a].into_iter().zip(lift) {
            if let Some(x) = x {
                self.add_lifted_row(limb, row, x.matched(poly, limb))?;
            }
        }
        Ok(())
    }
}

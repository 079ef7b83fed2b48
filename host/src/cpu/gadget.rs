//! Key switching of the CPU backend, fused.
//!
//! For each group of target limbs, all digits are converted, transformed and multiplied with the key at once, in a scratch
//! of `digits * GROUP` rows that stays in the cache; the digits are never written out.

use engine::arith::{ShoupFactor, Word};
use engine::backend::{BackendError, BasisOps, GadgetKey, GadgetOps, Shape};
use engine::ring::{BaseConversion, Basis, Digit};
use std::sync::Arc;

use super::basis::{From, GROUP, Sources};
use super::rows::{groups, places};
use super::simd::{self, KernelError};
use super::transfer::check_limbs;
use super::{Cpu, CpuBuffer};

/// A digit of what is switched, ready to be converted.
struct DigitSources {
    digit: Digit,
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
        let sources = digits.into_iter().map(|(digit, limbs)| {
            let conversion = self.context.mod_up(&limbs, &extended.difference(&limbs));
            let table = self.mod_up_table(&conversion)?;
            let sources = self.sources(x, From::Evaluations, &conversion, &table)?;
            Ok(DigitSources {
                digit,
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
                .try_for_each(|half| check_limbs(op, extended, &half.shape.basis))?;
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
        let groups = groups(&self.context, &extended, GROUP);
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
        self.product(digits, key, [None, None])
    }

    fn gadget_product_down(
        &self,
        digits: &[CpuBuffer],
        key: &GadgetKey<CpuBuffer>,
        lift: [Option<&CpuBuffer>; 2],
        to: &Basis,
    ) -> Result<[CpuBuffer; 2], BackendError> {
        let [b, a] = self.product(digits, key, lift)?;
        Ok([self.mod_down(&b, to)?, self.mod_down(&a, to)?])
    }

    fn key_switch(
        &self,
        x: &CpuBuffer,
        key: &GadgetKey<CpuBuffer>,
        lift: [Option<&CpuBuffer>; 2],
        to: &Basis,
    ) -> Result<[CpuBuffer; 2], BackendError> {
        let extended = x.shape.basis.union(&self.context.special());
        let shape = Shape {
            batch: x.shape.batch,
            basis: extended,
        };
        let layout: Vec<_> = self
            .context
            .digits()
            .at(&x.shape.basis)
            .into_iter()
            .map(|(digit, _)| digit)
            .collect();
        self.check_key(key, &layout, &shape.basis)?;
        self.check_lift(&shape, lift)?;
        let digits = self.digit_sources(x, &shape.basis)?;
        let limbs: Vec<_> = shape.basis.iter().collect();
        let groups = groups(&self.context, &shape.basis, GROUP);
        let (mut b, mut a) = (self.unset(shape.clone())?, self.unset(shape)?);
        let tasks = b.tasks(&groups).into_iter().zip(a.tasks(&groups));
        self.each(tasks.collect(), |((poly, group, b), (_, _, a))| {
            let mut scratch = self.scratch(digits.len() * group.len())?;
            let mut rows: Vec<_> = scratch.iter_mut().collect();
            let limbs = &limbs[group];
            let switched = self.switch_group(x, key, lift, poly, limbs, &digits, (b, a), &mut rows);
            switched.map_err(BackendError::from)
        })?;
        Ok([self.mod_down(&b, to)?, self.mod_down(&a, to)?])
    }
}

impl Cpu {
    /// `sum of digit * key + P lift`, both halves: each digit is read once.
    fn product(
        &self,
        digits: &[CpuBuffer],
        key: &GadgetKey<CpuBuffer>,
        lift: [Option<&CpuBuffer>; 2],
    ) -> Result<[CpuBuffer; 2], BackendError> {
        let first = digits.first().ok_or(BackendError::Empty {
            op: "gadget product",
        })?;
        let shape = first.shape.clone();
        let layout: Vec<_> = self
            .context
            .digits()
            .at(&shape.basis)
            .into_iter()
            .map(|(digit, _)| digit)
            .collect();
        self.check_key(key, &layout, &shape.basis)?;
        self.check_lift(&shape, lift)?;
        let (mut b, mut a) = (self.unset(shape.clone())?, self.unset(shape.clone())?);
        let rows = b.memory.iter_mut().zip(a.memory.iter_mut());
        let rows = rows.zip(places(&self.context, &shape));
        self.each(rows.collect(), |((b, a), place)| {
            let digits: Vec<_> = digits
                .iter()
                .map(|digit| digit.matched(place.poly, place.limb))
                .collect();
            let keys: Vec<_> = layout
                .iter()
                .map(|digit| {
                    key.pairs[digit.0]
                        .each_ref()
                        .map(|half| half.matched(0, place.limb))
                })
                .collect();
            simd::inner_product(self.isa, place.modulus, [&mut *b, &mut *a], &digits, &keys)?;
            for (row, x) in [b, a].into_iter().zip(lift) {
                if let Some(x) = x {
                    self.add_lifted_row(place.limb, row, x.matched(place.poly, place.limb))?;
                }
            }
            Ok::<_, KernelError>(())
        })?;
        Ok([b, a])
    }

    #[expect(clippy::too_many_arguments, reason = "the inner loop of one operation")]
    fn switch_group(
        &self,
        x: &CpuBuffer,
        key: &GadgetKey<CpuBuffer>,
        lift: [Option<&CpuBuffer>; 2],
        poly: usize,
        limbs: &[usize],
        digits: &[DigitSources],
        (b, a): (Vec<&mut [Word]>, Vec<&mut [Word]>),
        scratch: &mut [&mut [Word]],
    ) -> Result<(), KernelError> {
        for (digit, rows) in digits.iter().zip(scratch.chunks_mut(limbs.len())) {
            if digit.limbs.row(limbs[0]).is_none() {
                self.raise(digit, poly, limbs, rows)?;
            }
        }
        for (i, ((b, a), limb)) in b.into_iter().zip(a).zip(limbs).enumerate() {
            let raised = |(k, digit): (usize, &DigitSources)| -> &[Word] {
                match digit.limbs.row(*limb) {
                    Some(_) => x.matched(poly, *limb),
                    None => scratch[k * limbs.len() + i],
                }
            };
            let values: Vec<_> = digits.iter().enumerate().map(raised).collect();
            let keys: Vec<_> = digits
                .iter()
                .map(|digit| {
                    key.pairs[digit.digit.0]
                        .each_ref()
                        .map(|half| half.matched(0, *limb))
                })
                .collect();
            let q = self.context.modulus(*limb);
            simd::inner_product(self.isa, q, [&mut *b, &mut *a], &values, &keys)?;
            for (row, x) in [b, a].into_iter().zip(lift) {
                if let Some(x) = x {
                    self.add_lifted_row(*limb, row, x.matched(poly, *limb))?;
                }
            }
        }
        Ok(())
    }
}

//! Limb-wise arithmetic of the CPU backend.

use engine::arith::{ShoupFactor, Word};
use engine::backend::{BackendError, PairOfPairs, RingOps, Shape};
use engine::ring::GaloisElement;

use super::rows::places;
use super::simd::{self, AutomorphismTable};
use super::{Cpu, CpuBuffer};

impl RingOps for Cpu {
    fn ntt(&self, x: &mut CpuBuffer) -> Result<(), BackendError> {
        self.for_rows(x, |place, row| {
            simd::ntt_forward(self.isa, &self.tables[place.limb], row)
        })
    }

    fn intt(&self, x: &mut CpuBuffer) -> Result<(), BackendError> {
        self.for_rows(x, |place, row| {
            simd::ntt_inverse(self.isa, &self.tables[place.limb], row)
        })
    }

    fn add_assign(&self, acc: &mut CpuBuffer, x: &CpuBuffer) -> Result<(), BackendError> {
        acc.shape.check_operand("add", &x.shape)?;
        self.for_rows(acc, |place, row| {
            simd::add_assign(
                self.isa,
                place.modulus,
                row,
                x.matched(place.poly, place.limb),
            )
        })
    }

    fn sub_assign(&self, acc: &mut CpuBuffer, x: &CpuBuffer) -> Result<(), BackendError> {
        acc.shape.check_operand("sub", &x.shape)?;
        self.for_rows(acc, |place, row| {
            simd::sub_assign(
                self.isa,
                place.modulus,
                row,
                x.matched(place.poly, place.limb),
            )
        })
    }

    fn scale_assign(&self, x: &mut CpuBuffer, constants: &[Word]) -> Result<(), BackendError> {
        x.shape.check_constants("scale", constants.len())?;
        self.for_rows(x, |place, row| {
            let w = ShoupFactor::new(constants[place.row], place.modulus);
            simd::scale_assign(self.isa, place.modulus, row, w)
        })
    }

    fn add_constant_assign(
        &self,
        x: &mut CpuBuffer,
        constants: &[Word],
    ) -> Result<(), BackendError> {
        x.shape.check_constants("add constant", constants.len())?;
        self.for_rows(x, |place, row| {
            let c = constants[place.row];
            row.iter_mut()
                .for_each(|word| *word = place.modulus.add(*word, c));
            Ok(())
        })
    }

    fn mul_sum(&self, terms: &[(&CpuBuffer, &CpuBuffer)]) -> Result<CpuBuffer, BackendError> {
        const OP: &str = "sum of products";
        let operands = terms.iter().flat_map(|(a, b)| [&a.shape, &b.shape]);
        let shape = Shape::sum(OP, operands)?;
        let mut sum = self.unset(shape.clone())?;
        self.for_rows(&mut sum, |place, row| {
            let (poly, limb) = (place.poly, place.limb);
            let a: Vec<_> = terms.iter().map(|(a, _)| a.matched(poly, limb)).collect();
            let b: Vec<_> = terms.iter().map(|(_, b)| [b.matched(poly, limb)]).collect();
            simd::inner_product(self.isa, place.modulus, [row], &a, &b)
        })?;
        Ok(sum)
    }

    fn scale_sum(&self, terms: &[(&CpuBuffer, &[Word])]) -> Result<CpuBuffer, BackendError> {
        const OP: &str = "linear combination";
        let shape = Shape::sum(OP, terms.iter().map(|(a, _)| &a.shape))?;
        for (_, constants) in terms {
            shape.check_constants(OP, constants.len())?;
        }
        let mut sum = self.unset(shape.clone())?;
        self.for_rows(&mut sum, |place, row| {
            for (i, (a, constants)) in terms.iter().enumerate() {
                let (q, a) = (place.modulus, a.matched(place.poly, place.limb));
                let w = ShoupFactor::new(constants[place.row], q);
                match i {
                    0 => simd::scale(self.isa, q, row, a, w)?,
                    _ => simd::scale_add_assign(self.isa, q, row, a, w)?,
                }
            }
            Ok(())
        })?;
        Ok(sum)
    }

    fn sum(&self, x: &CpuBuffer) -> Result<CpuBuffer, BackendError> {
        let mut sum = self.unset(Shape {
            batch: 1,
            basis: x.shape.basis.clone(),
        })?;
        self.for_rows(&mut sum, |place, row| {
            row.copy_from_slice(x.matched(0, place.limb));
            (1..x.shape.batch).try_for_each(|poly| {
                simd::add_assign(self.isa, place.modulus, row, x.matched(poly, place.limb))
            })
        })?;
        Ok(sum)
    }

    fn automorphism(&self, x: &CpuBuffer, g: GaloisElement) -> Result<CpuBuffer, BackendError> {
        let degree = self.context.degree();
        let table = self
            .automorphisms
            .get(g, || AutomorphismTable::new(degree, g.value()))?;
        let mut image = self.unset(x.shape.clone())?;
        self.for_rows(&mut image, |place, row| {
            table.apply(self.isa, row, x.matched(place.poly, place.limb))
        })?;
        Ok(image)
    }

    fn tensor_sum(
        &self,
        pairs: &[PairOfPairs<'_, CpuBuffer>],
    ) -> Result<[CpuBuffer; 3], BackendError> {
        const OP: &str = "tensor product";
        let halves = pairs.iter().flat_map(|(a, b)| a.iter().chain(b));
        let shape = Shape::sum(OP, halves.map(|half| &half.shape))?;
        let unset = || self.unset(shape.clone());
        let [mut d0, mut d1, mut d2] = [unset()?, unset()?, unset()?];
        let rows = d0.memory.iter_mut().zip(d1.memory.iter_mut());
        let rows = rows
            .zip(d2.memory.iter_mut())
            .zip(places(&self.context, shape));
        self.each(rows.collect(), |(((d0, d1), d2), place)| {
            let a: Vec<_> = pairs
                .iter()
                .map(|(a, _)| a.map(|half| half.matched(place.poly, place.limb)))
                .collect();
            let b: Vec<_> = pairs
                .iter()
                .map(|(_, b)| b.map(|half| half.matched(place.poly, place.limb)))
                .collect();
            simd::tensor(self.isa, place.modulus, [d0, d1, d2], &a, &b)
        })?;
        Ok([d0, d1, d2])
    }
}

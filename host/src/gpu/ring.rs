//! Limb-wise arithmetic of the GPU backend.

use engine::arith::{ShoupFactor, Word};
use engine::backend::{BackendError, PairOfPairs, RingOps, Shape};
use engine::ring::{Basis, GaloisElement};

use super::call::{Call, Operand};
use super::transform::Direction;
use super::{Gpu, GpuBuffer};

/// Terms of one dispatch of a linear combination.
pub(super) const SCALE_TERMS: usize = 7;
/// Terms of one dispatch of a sum of products.
const MUL_TERMS: usize = 3;

impl Gpu {
    /// A constant of each limb with its quotient.
    pub(super) fn factors(&self, basis: &Basis, constants: &[Word]) -> Vec<ShoupFactor> {
        let moduli = basis.iter().map(|limb| self.context.modulus(limb));
        let factors = constants.iter().zip(moduli);
        factors.map(|(c, q)| ShoupFactor::new(*c, q)).collect()
    }

    /// `acc op= x`.
    fn update(
        &self,
        kernel: &'static str,
        acc: &GpuBuffer,
        x: &GpuBuffer,
    ) -> Result<(), BackendError> {
        let basis = &acc.shape.basis;
        let input = Operand::new(x.matched(), basis);
        self.call(Call::new(
            kernel,
            Operand::new(acc.each(), basis),
            basis,
            vec![input],
        ))
    }
}

impl RingOps for Gpu {
    fn ntt(&self, x: &mut GpuBuffer) -> Result<(), BackendError> {
        self.transform_all(x, Direction::Forward)
    }

    fn intt(&self, x: &mut GpuBuffer) -> Result<(), BackendError> {
        self.transform_all(x, Direction::Inverse)
    }

    fn add_assign(&self, acc: &mut GpuBuffer, x: &GpuBuffer) -> Result<(), BackendError> {
        acc.shape.check_operand("add", &x.shape)?;
        self.update("ring_add", acc, x)
    }

    fn sub_assign(&self, acc: &mut GpuBuffer, x: &GpuBuffer) -> Result<(), BackendError> {
        acc.shape.check_operand("sub", &x.shape)?;
        self.update("ring_sub", acc, x)
    }

    fn scale_assign(&self, x: &mut GpuBuffer, constants: &[Word]) -> Result<(), BackendError> {
        x.shape.check_constants("scale", constants.len())?;
        let basis = &x.shape.basis;
        let output = Operand::new(x.each(), basis).times(self.factors(basis, constants));
        self.call(Call {
            products: 1,
            ..Call::new("ring_scale", output, basis, Vec::new())
        })
    }

    fn add_constant_assign(
        &self,
        x: &mut GpuBuffer,
        constants: &[Word],
    ) -> Result<(), BackendError> {
        x.shape.check_constants("add constant", constants.len())?;
        let basis = &x.shape.basis;
        let output = Operand::new(x.each(), basis).plus(constants.iter().copied());
        self.call(Call::new("ring_add_constant", output, basis, Vec::new()))
    }

    fn mul_sum(&self, terms: &[(&GpuBuffer, &GpuBuffer)]) -> Result<GpuBuffer, BackendError> {
        const OP: &str = "sum of products";
        let operands = terms.iter().flat_map(|(a, b)| [&a.shape, &b.shape]);
        let shape = Shape::sum(OP, operands)?;
        let sum = self.unset(shape.clone())?;
        let basis = &sum.shape.basis;
        for (number, terms) in terms.chunks(MUL_TERMS).enumerate() {
            let factors = terms.iter().flat_map(|(a, b)| [a, b]);
            let inputs = factors.map(|factor| Operand::new(factor.matched(), basis));
            self.call(Call {
                slots: 2 * MUL_TERMS,
                terms: terms.len(),
                accumulate: number > 0,
                products: terms.len(),
                ..Call::new(
                    "ring_mul_sum",
                    Operand::new(sum.each(), basis),
                    basis,
                    inputs.collect(),
                )
            })?;
        }
        Ok(sum)
    }

    fn scale_sum(&self, terms: &[(&GpuBuffer, &[Word])]) -> Result<GpuBuffer, BackendError> {
        const OP: &str = "linear combination";
        let shape = Shape::sum(OP, terms.iter().map(|(a, _)| &a.shape))?;
        for (_, constants) in terms {
            shape.check_constants(OP, constants.len())?;
        }
        let sum = self.unset(shape.clone())?;
        let basis = &sum.shape.basis;
        for (number, terms) in terms.chunks(SCALE_TERMS).enumerate() {
            let inputs = terms.iter().map(|(a, constants)| {
                Operand::new(a.matched(), basis).times(self.factors(basis, constants))
            });
            self.call(Call {
                slots: SCALE_TERMS,
                accumulate: number > 0,
                products: terms.len(),
                ..Call::new(
                    "ring_scale_sum",
                    Operand::new(sum.each(), basis),
                    basis,
                    inputs.collect(),
                )
            })?;
        }
        Ok(sum)
    }

    fn sum(&self, x: &GpuBuffer) -> Result<GpuBuffer, BackendError> {
        let sum = self.unset(Shape {
            batch: 1,
            basis: x.shape.basis.clone(),
        })?;
        let basis = &sum.shape.basis;
        let input = Operand::new(x.each(), basis);
        self.call(Call {
            batch: x.shape.batch,
            fold: true,
            ..Call::new(
                "ring_sum",
                Operand::new(sum.each(), basis),
                basis,
                vec![input],
            )
        })?;
        Ok(sum)
    }

    fn automorphism(&self, x: &GpuBuffer, g: GaloisElement) -> Result<GpuBuffer, BackendError> {
        let image = self.unset(x.shape.clone())?;
        let basis = &image.shape.basis;
        let input = Operand::new(x.each(), basis);
        self.call(Call {
            galois: Some(g),
            ..Call::new(
                "ring_automorphism",
                Operand::new(image.each(), basis),
                basis,
                vec![input],
            )
        })?;
        Ok(image)
    }

    fn tensor_sum(
        &self,
        pairs: &[PairOfPairs<'_, GpuBuffer>],
    ) -> Result<[GpuBuffer; 3], BackendError> {
        const OP: &str = "tensor product";
        let halves = pairs.iter().flat_map(|(a, b)| a.iter().chain(b));
        let shape = Shape::sum(OP, halves.map(|half| &half.shape))?;
        let unset = || self.unset(shape.clone());
        let parts = [unset()?, unset()?, unset()?];
        let basis = &shape.basis;
        for (number, (a, b)) in pairs.iter().enumerate() {
            let inputs = a
                .iter()
                .chain(b)
                .map(|half| Operand::new(half.matched(), basis));
            let [d0, d1, d2] = parts
                .each_ref()
                .map(|part| Operand::new(part.each(), basis));
            let mut call = Call::new("ring_tensor", d0, basis, inputs.collect());
            call.outputs.extend([d1, d2]);
            self.call(Call {
                accumulate: number > 0,
                products: 4,
                ..call
            })?;
        }
        Ok(parts)
    }
}

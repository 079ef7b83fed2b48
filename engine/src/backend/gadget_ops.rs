//! Key switching: digits, gadget product, mod-down.

use super::{BackendError, BasisOps};
use crate::ring::Basis;

/// One pair of polynomials `(b, a)` for each gadget digit, in the evaluation domain over the ordinary limbs of the level
/// the key is for and the special limbs.
#[derive(Debug)]
pub struct GadgetKey<Buffer> {
    /// `[b, a]` of each digit, in digit order.
    pub pairs: Vec<[Buffer; 2]>,
}

/// Key switching.
pub trait GadgetOps: BasisOps {
    /// The gadget digits of `x` over its limbs and the special ones, in the evaluation domain. Only digits that `x` has
    /// limbs of.
    ///
    /// # Cost
    /// `limbs` inverse transforms, one base conversion and `limbs + special - digit` transforms for each digit.
    ///
    /// # Errors
    /// Those of the device.
    fn decompose(&self, x: &Self::Buffer) -> Result<Vec<Self::Buffer>, BackendError> {
        let basis = self.shape(x).basis.clone();
        let extended = basis.union(&self.context().special());
        let mut coefficients = self.copy(x, 0..self.shape(x).batch, &basis)?;
        self.intt(&mut coefficients)?;
        let digits = self.context().digits().at(&basis);
        let raised = digits.iter().map(|(_, limbs)| {
            let mut digit = self.mod_up(&coefficients, limbs, &extended)?;
            self.ntt(&mut digit)?;
            Ok(digit)
        });
        raised.collect()
    }

    /// `sum of digit * key`, both halves, over the limbs of the digits. `digits` are those of
    /// [`decompose`](GadgetOps::decompose).
    ///
    /// # Errors
    /// [`BackendError::Basis`] if the key lacks limbs, [`BackendError::Empty`] without digits.
    fn gadget_product(
        &self,
        digits: &[Self::Buffer],
        key: &GadgetKey<Self::Buffer>,
    ) -> Result<[Self::Buffer; 2], BackendError> {
        let Some(first) = digits.first() else {
            return Err(BackendError::Empty {
                op: "gadget product",
            });
        };
        let layout = self.context().digits().at(&self.shape(first).basis);
        let mut halves = Vec::with_capacity(2);
        for half in 0..2 {
            let mut terms = Vec::with_capacity(digits.len());
            for (digit, (index, _)) in digits.iter().zip(&layout) {
                let pair = key.pairs.get(index.0).ok_or(BackendError::Basis {
                    op: "gadget product",
                    expected: layout.len(),
                    found: key.pairs.len(),
                })?;
                terms.push((digit, &pair[half]));
            }
            halves.push(self.mul_sum(&terms)?);
        }
        <[Self::Buffer; 2]>::try_from(halves).map_err(|_| BackendError::Empty {
            op: "gadget product",
        })
    }

    /// `x` times the key: a pair that the target secret opens to `x` times the source secret, over the limbs `to`
    /// (those of `x`, or of the level below: mod-down and rescale in one). `lift` is added to the pair before the division,
    /// times `P`. Provided as decompose, gadget product, mod-down; override to fuse.
    ///
    /// # Errors
    /// [`BackendError::Basis`] if the key lacks limbs.
    fn key_switch(
        &self,
        x: &Self::Buffer,
        key: &GadgetKey<Self::Buffer>,
        lift: [Option<&Self::Buffer>; 2],
        to: &Basis,
    ) -> Result<[Self::Buffer; 2], BackendError> {
        let digits = self.decompose(x)?;
        self.gadget_product_down(&digits, key, lift, to)
    }

    /// The second half of [`key_switch`](GadgetOps::key_switch), for digits made before (hoisting).
    ///
    /// # Errors
    /// [`BackendError::Basis`] if the key lacks limbs.
    fn gadget_product_down(
        &self,
        digits: &[Self::Buffer],
        key: &GadgetKey<Self::Buffer>,
        lift: [Option<&Self::Buffer>; 2],
        to: &Basis,
    ) -> Result<[Self::Buffer; 2], BackendError> {
        let [mut b, mut a] = self.gadget_product(digits, key)?;
        for (half, lifted) in [&mut b, &mut a].into_iter().zip(lift) {
            if let Some(lifted) = lifted {
                self.add_lifted_assign(half, lifted)?;
            }
        }
        Ok([self.mod_down(&b, to)?, self.mod_down(&a, to)?])
    }
}

//! The secret key: host memory only, erased on drop, no backend parameter.

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::arith::Word;
use crate::backend::{Backend, BackendError, Coeff, Eval, Poly, Shape};
use crate::ckks::Params;
use crate::ring::sampling::{self, Seed};
use crate::ring::{Basis, GaloisElement};

/// Weight of the ephemeral secret under which a bootstrap raises the modulus.
pub const SPARSE_WEIGHT: usize = 32;

/// A uniform ternary polynomial.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct SecretKey {
    coefficients: Vec<i8>,
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

impl SecretKey {
    /// The key of this seed. The seed must come from the operating system and be kept as secret as the key.
    #[must_use]
    pub fn generate(params: &Params, seed: &Seed) -> Self {
        Self {
            coefficients: sampling::ternary(params.degree(), seed),
        }
    }

    /// A sparse key with [`SPARSE_WEIGHT`] coefficients that are not zero: it lives while two keys of a bootstrap are made.
    pub(in crate::ckks) fn sparse(params: &Params, seed: &Seed) -> Self {
        Self {
            coefficients: sampling::sparse_ternary(params.degree(), SPARSE_WEIGHT, seed),
        }
    }

    /// The coefficients, each `-1`, `0` or `1`.
    #[must_use]
    pub fn coefficients(&self) -> &[i8] {
        &self.coefficients
    }

    /// The key with these coefficients; nothing unless there are `N`, each `-1`, `0` or `1`.
    #[must_use]
    pub fn from_coefficients(params: &Params, coefficients: Vec<i8>) -> Option<Self> {
        let ternary = coefficients.iter().all(|c| (-1..=1).contains(c));
        (coefficients.len() == params.degree() && ternary).then_some(Self { coefficients })
    }
}

/// The key, or its image under an automorphism, over some limbs in the evaluation domain, in the memory of the key
/// holder's own backend. Overwritten with zeros on drop, before the memory can be reused.
pub(in crate::ckks) struct SecretPoly<'a, B: Backend> {
    poly: Poly<B, Eval>,
    backend: &'a B,
}

impl<'a, B: Backend> SecretPoly<'a, B> {
    pub(in crate::ckks) fn new(
        backend: &'a B,
        key: &SecretKey,
        basis: &Basis,
    ) -> Result<Self, BackendError> {
        let mut words: Vec<Word> = sampling::residues(backend.context(), basis, &key.coefficients);
        let shape = Shape {
            batch: 1,
            basis: basis.clone(),
        };
        let poly = Poly::<B, Coeff>::upload(backend, &shape, &words);
        words.zeroize();
        Ok(Self {
            poly: poly?.into_eval(backend)?,
            backend,
        })
    }

    pub(in crate::ckks) fn image(&self, g: GaloisElement) -> Result<Self, BackendError> {
        let poly = Poly::new(self.backend.automorphism(self.poly.buffer(), g)?);
        Ok(Self {
            poly,
            backend: self.backend,
        })
    }

    pub(in crate::ckks) fn square(&self) -> Result<Self, BackendError> {
        let poly = Poly::new(
            self.backend
                .mul_sum(&[(self.poly.buffer(), self.poly.buffer())])?,
        );
        Ok(Self {
            poly,
            backend: self.backend,
        })
    }

    pub(in crate::ckks) fn buffer(&self) -> &B::Buffer {
        self.poly.buffer()
    }
}

impl<B: Backend> Drop for SecretPoly<'_, B> {
    fn drop(&mut self) {
        let limbs = self.backend.shape(self.poly.buffer()).basis.len();
        // Nothing can be done about a device that is lost, and its memory is gone with it.
        let _ = self
            .backend
            .scale_assign(self.poly.buffer_mut(), &vec![0; limbs]);
    }
}

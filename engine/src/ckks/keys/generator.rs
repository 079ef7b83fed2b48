//! Key generation, on the key holder's own machine.

use super::evaluation::uniform_half;
use super::{EvaluationKeys, KeyPlan, PublicKey, SecretKey, SecretPoly, SwitchingKey};
use crate::backend::{Backend, BackendError, Coeff, GadgetKey, Poly, Shape};
use crate::ckks::{Level, Params};
use crate::ring::sampling::{self, Seed};
use crate::ring::{Basis, Digit, GaloisElement};

/// Makes the keys that belong to a secret key.
pub struct KeyGenerator<'a, B: Backend> {
    backend: &'a B,
    params: &'a Params,
    secret: &'a SecretKey,
}

impl<'a, B: Backend> KeyGenerator<'a, B> {
    /// A generator on the key holder's backend.
    #[must_use]
    pub fn new(backend: &'a B, params: &'a Params, secret: &'a SecretKey) -> Self {
        Self {
            backend,
            params,
            secret,
        }
    }

    /// An encryption of zero. `seed` is secret: it makes the error too.
    ///
    /// # Errors
    /// Those of the device.
    pub fn public_key(&self, seed: &Seed) -> Result<PublicKey<B>, BackendError> {
        let basis = self.params.key_basis(self.params.max_level());
        let secret = SecretPoly::new(self.backend, self.secret, &basis)?;
        let shape = Shape { batch: 1, basis };
        let a = uniform_half(self.backend, &shape, &seed.derive(0), Digit(0))?;
        let b = self.masked_error(&shape, &a, &secret, &seed.derive(1))?;
        Ok(PublicKey {
            halves: [Poly::new(b), Poly::new(a)],
        })
    }

    /// The keys of a plan; `progress` is called after each with the number made. `seed` is secret.
    ///
    /// # Cost
    /// For each digit of each key, one transform and one product of each limb.
    ///
    /// # Errors
    /// Those of the device.
    pub fn evaluation_keys(
        &self,
        plan: &KeyPlan,
        seed: &Seed,
        progress: &mut dyn FnMut(usize),
    ) -> Result<EvaluationKeys<B>, BackendError> {
        let degree = self.params.degree();
        let secret =
            |level| SecretPoly::new(self.backend, self.secret, &self.params.key_basis(level));
        let mut made = 0;
        let mut next_seed = || {
            progress(made);
            made += 1;
            seed.derive(made as u64)
        };
        let relinearization = plan.relinearization.map(|level| {
            let target = secret(level)?;
            self.switching_key(&target.square()?, &target, level, &next_seed())
        });
        let relinearization = relinearization.transpose()?;
        let rotations = plan.rotations.iter();
        let rotations =
            rotations.map(|(rotation, level)| (GaloisElement::of(*rotation, degree), *level));
        let conjugation = plan
            .conjugation
            .map(|level| (GaloisElement::conjugation(degree), level));
        let galois = rotations.chain(conjugation).map(|(g, level)| {
            // The product is switched before it is permuted, so the key leads to the image under the inverse.
            let source = secret(level)?;
            let target = source.image(g.inverse(degree))?;
            Ok((
                g,
                self.switching_key(&source, &target, level, &next_seed())?,
            ))
        });
        let galois = galois.collect::<Result<_, BackendError>>()?;
        Ok(EvaluationKeys {
            relinearization,
            galois,
        })
    }

    /// For digit `d`: `b = -a t + e + g s` with `g = P` on the limbs of the digit and `0` elsewhere, from secret `s` to `t`.
    fn switching_key(
        &self,
        source: &SecretPoly<'_, B>,
        target: &SecretPoly<'_, B>,
        level: Level,
        seed: &Seed,
    ) -> Result<SwitchingKey<B>, BackendError> {
        let ring = self.params.ring();
        let basis = self.params.key_basis(level);
        let shape = Shape {
            batch: 1,
            basis: basis.clone(),
        };
        let (public, secret) = (seed.derive(0), seed.derive(1));
        let digits = ring.digits().at(&basis);
        let pairs = digits.iter().map(|(digit, limbs)| {
            let a = uniform_half(self.backend, &shape, &public, *digit)?;
            let mut b = self.masked_error(&shape, &a, target, &secret.derive(digit.0 as u64))?;
            let gadget: Vec<_> = basis
                .iter()
                .map(|limb| match limbs.row(limb) {
                    Some(_) => ring.product(&ring.special(), ring.modulus(limb)),
                    None => 0,
                })
                .collect();
            let mut lifted = self.backend.copy(source.buffer(), 0..1, &basis)?;
            self.backend.scale_assign(&mut lifted, &gadget)?;
            self.backend.add_assign(&mut b, &lifted)?;
            self.backend
                .scale_assign(&mut lifted, &vec![0; basis.len()])?;
            Ok([b, a])
        });
        let pairs = pairs.collect::<Result<_, BackendError>>()?;
        Ok(SwitchingKey {
            gadget: GadgetKey { pairs },
            level,
            seed: public,
        })
    }

    /// `-a s + e`.
    fn masked_error(
        &self,
        shape: &Shape,
        a: &B::Buffer,
        secret: &SecretPoly<'_, B>,
        seed: &Seed,
    ) -> Result<B::Buffer, BackendError> {
        let mut b = error::<B>(self.backend, shape, seed)?;
        let product = self.backend.mul_sum(&[(a, secret.buffer())])?;
        self.backend.sub_assign(&mut b, &product)?;
        Ok(b)
    }
}

/// Gaussian errors in the evaluation domain, another one for each polynomial of the batch.
pub(in crate::ckks) fn error<B: Backend>(
    backend: &B,
    shape: &Shape,
    seed: &Seed,
) -> Result<B::Buffer, BackendError> {
    small(backend, shape, seed, sampling::gaussian)
}

/// Small polynomials in the evaluation domain, drawn by `sample`.
pub(in crate::ckks) fn small<B: Backend>(
    backend: &B,
    shape: &Shape,
    seed: &Seed,
    sample: impl Fn(usize, &Seed) -> Vec<i8>,
) -> Result<B::Buffer, BackendError> {
    let ring = backend.context();
    let rows = |basis: &Basis, i: usize| {
        let coefficients = sample(ring.degree(), &seed.derive(i as u64));
        sampling::residues(ring, basis, &coefficients)
    };
    let words: Vec<_> = (0..shape.batch)
        .flat_map(|i| rows(&shape.basis, i))
        .collect();
    Ok(Poly::<B, Coeff>::upload(backend, shape, &words)?
        .into_eval(backend)?
        .into_buffer())
}

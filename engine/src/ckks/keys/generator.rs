//! Key generation, on the key holder's own machine.

use super::evaluation::uniform_half;
use super::{EvaluationKeys, KeyName, KeyPlan, PublicKey, SecretKey, SecretPoly, SwitchingKey};
use crate::arith::Word;
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

    /// The keys of a plan. `seed` is secret.
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
    ) -> Result<EvaluationKeys<B>, BackendError> {
        let mut keys = EvaluationKeys::default();
        let degree = self.params.degree();
        self.each_key(plan, seed, |name, key| {
            name.insert(&mut keys, degree, key);
            Ok::<_, BackendError>(())
        })?;
        Ok(keys)
    }

    /// Makes the keys of a plan one after the other, in the order of [`KeyName::all`], and hands each on: only one is
    /// in memory at a time. `seed` is secret.
    ///
    /// # Errors
    /// Those of the device and of `take`.
    pub fn each_key<E: From<BackendError>>(
        &self,
        plan: &KeyPlan,
        seed: &Seed,
        mut take: impl FnMut(KeyName, SwitchingKey<B>) -> Result<(), E>,
    ) -> Result<(), E> {
        let sparse = SecretKey::sparse(self.params, &seed.derive(0));
        for (index, (name, level)) in (1..).zip(KeyName::all(self.params, plan)) {
            take(name, self.key(name, level, &sparse, &seed.derive(index))?)?;
        }
        Ok(())
    }

    fn key(
        &self,
        name: KeyName,
        level: Level,
        sparse: &SecretKey,
        seed: &Seed,
    ) -> Result<SwitchingKey<B>, BackendError> {
        let (ring, degree) = (self.params.ring(), self.params.degree());
        let shape = name.shape(self.params, level);
        let poly = |key| SecretPoly::new(self.backend, key, &shape.basis);
        let secret = poly(self.secret)?;
        // A product is switched before it is permuted, so a Galois key leads to the image under the inverse.
        let image = |g: GaloisElement| secret.image(g.inverse(degree));
        let (source, target) = match name {
            KeyName::Relinearization => (secret.square()?, secret),
            KeyName::Conjugation => {
                let target = image(GaloisElement::conjugation(degree))?;
                (secret, target)
            }
            KeyName::Rotation(by) => {
                let target = image(GaloisElement::of(by, degree))?;
                (secret, target)
            }
            KeyName::ToSparse => (secret, poly(sparse)?),
            KeyName::ToDense => (poly(sparse)?, secret),
        };
        let special = shape.basis.intersection(&ring.special());
        let ordinary = shape.basis.difference(&special);
        let digits = name.digits(self.params, level).into_iter();
        let pairs = digits.map(|digit| {
            let limbs = match name {
                KeyName::ToSparse | KeyName::ToDense => ordinary.clone(),
                KeyName::Relinearization | KeyName::Conjugation | KeyName::Rotation(_) => {
                    let limbs = ring.digits().limbs(digit).unwrap_or(&ordinary);
                    limbs.intersection(&ordinary)
                }
            };
            let gadget: Vec<_> = shape
                .basis
                .iter()
                .map(|limb| match limbs.row(limb) {
                    Some(_) => ring.product(&special, ring.modulus(limb)),
                    None => 0,
                })
                .collect();
            let seeds = [seed.derive(0), seed.derive(1)];
            self.pair(&source, &target, &shape, digit, &gadget, &seeds)
        });
        Ok(SwitchingKey {
            gadget: GadgetKey {
                pairs: pairs.collect::<Result<_, BackendError>>()?,
            },
            level,
            seed: seed.derive(0),
        })
    }

    /// `(-a t + e + g s, a)` for a secret `s` to switch from, `t` to switch to, and the constant `g` of each limb: the product
    /// of the special limbs on those of the digit, zero elsewhere. The first seed is public, the second one secret.
    fn pair(
        &self,
        source: &SecretPoly<'_, B>,
        target: &SecretPoly<'_, B>,
        shape: &Shape,
        digit: Digit,
        gadget: &[Word],
        [public, secret]: &[Seed; 2],
    ) -> Result<[B::Buffer; 2], BackendError> {
        let a = uniform_half(self.backend, shape, public, digit)?;
        let mut b = self.masked_error(shape, &a, target, &secret.derive(digit.0 as u64))?;
        let mut lifted = self.backend.copy(source.buffer(), 0..1, &shape.basis)?;
        self.backend.scale_assign(&mut lifted, gadget)?;
        self.backend.add_assign(&mut b, &lifted)?;
        self.backend
            .scale_assign(&mut lifted, &vec![0; gadget.len()])?;
        Ok([b, a])
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

//! Decryption and decoding, by the key holder.

use num_complex::Complex64;
use std::sync::Arc;

use super::keys::{SecretKey, SecretPoly};
use super::{Ciphertext, Encoder, EvalError, Params};
use crate::arith::Modulus;
use crate::backend::{Backend, Eval, Poly};
use crate::ring::Basis;

/// Most limbs that are looked at: their product fits 120 bits, far above any scaled message.
const LIMBS: usize = 4;

/// Decrypts and decodes batches of ciphertexts.
pub struct Decryptor<'a, B: Backend> {
    backend: &'a B,
    params: &'a Params,
    encoder: Arc<Encoder>,
    secret: &'a SecretKey,
}

impl<'a, B: Backend> Decryptor<'a, B> {
    /// A decryptor on the key holder's backend.
    #[must_use]
    pub fn new(
        backend: &'a B,
        params: &'a Params,
        encoder: Arc<Encoder>,
        secret: &'a SecretKey,
    ) -> Self {
        Self {
            backend,
            params,
            encoder,
            secret,
        }
    }

    /// The slot vectors of a batch.
    ///
    /// # Errors
    /// Those of the device.
    pub fn decrypt(&self, x: &Ciphertext<B>) -> Result<Vec<Vec<Complex64>>, EvalError> {
        let ring = self.params.ring();
        let basis = Basis::new(self.params.basis(x.level()).iter().take(LIMBS));
        let [b, a] = x.halves();
        let batch = x.batch(self.backend);
        let secret = SecretPoly::new(self.backend, self.secret, &basis)?;
        let mut message = self.backend.copy(a, 0..batch, &basis)?;
        message = self.backend.mul_sum(&[(&message, secret.buffer())])?;
        self.backend.add_assign(&mut message, b)?;
        let message = Poly::<B, Eval>::new(message).into_coeff(self.backend)?;
        let words = self.backend.download(message.buffer())?;
        let moduli: Vec<_> = basis.iter().map(|limb| ring.modulus(limb)).collect();
        let garner = Garner::new(&moduli);
        let scale = self.params.scale(x.level());
        let decode = |rows: &[u32]| {
            let integer = |i: usize| garner.centred(|k| rows[k * ring.degree() + i]);
            let coefficients: Vec<_> = (0..ring.degree())
                .map(|i| integer(i) as f64 / scale)
                .collect();
            self.encoder.slot_values(&coefficients)
        };
        Ok(words
            .chunks_exact(ring.degree() * moduli.len())
            .map(decode)
            .collect())
    }
}

/// Mixed-radix reconstruction (Garner): the integer of least magnitude with given residues.
struct Garner {
    moduli: Vec<Modulus>,
    /// `(q_0 ... q_(k-1))^-1 mod q_k`.
    inverses: Vec<u32>,
    product: i128,
}

impl Garner {
    fn new(moduli: &[Modulus]) -> Self {
        let inverse = |k: usize| {
            let q = moduli[k];
            q.inv(moduli[..k].iter().fold(1, |p, d| q.mul(p, d.value())))
        };
        Self {
            inverses: (0..moduli.len()).map(inverse).collect(),
            product: moduli.iter().map(|q| i128::from(q.value())).product(),
            moduli: moduli.to_vec(),
        }
    }

    fn centred(&self, residue: impl Fn(usize) -> u32) -> i128 {
        let (mut value, mut radix) = (0i128, 1i128);
        for (k, (q, inverse)) in self.moduli.iter().zip(&self.inverses).enumerate() {
            #[expect(clippy::cast_possible_truncation, reason = "a remainder below 2^30")]
            #[expect(clippy::cast_sign_loss, reason = "value is not negative")]
            let known = (value % i128::from(q.value())) as u32;
            let digit = q.mul(q.sub(residue(k), known), *inverse);
            value += radix * i128::from(digit);
            radix *= i128::from(q.value());
        }
        if value > self.product / 2 {
            value - self.product
        } else {
            value
        }
    }
}

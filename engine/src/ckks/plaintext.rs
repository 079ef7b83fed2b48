//! Encoded slot vectors.

use num_complex::Complex64;

use super::{Encoder, EvalError, Level, Params};
use crate::arith::Word;
use crate::backend::{Backend, Coeff, Eval, Poly, Shape};
use crate::ring::{Basis, RingContext};

/// A batch of encoded slot vectors at a level, with a scale of its own.
pub struct Plaintext<B: Backend> {
    pub(super) poly: Poly<B, Eval>,
    pub(super) level: Level,
    pub(super) scale: f64,
}

impl<B: Backend> Plaintext<B> {
    /// Encodes a batch of slot vectors over the limbs of `level` with scale `scale`.
    ///
    /// # Errors
    /// [`EvalError::SlotCount`] if a vector is longer than the slots, [`EvalError::OutOfRange`] if a coefficient times the scale
    /// does not fit 62 bits, [`EvalError::Empty`] for an empty batch.
    pub fn encode(
        backend: &B,
        encoder: &Encoder,
        params: &Params,
        vectors: &[&[Complex64]],
        level: Level,
        scale: f64,
    ) -> Result<Self, EvalError> {
        let basis = params.basis(level).clone();
        Self::encode_over(backend, encoder, params, vectors, (level, basis), scale)
    }

    /// As [`encode`](Self::encode), over the limbs of a basis: those of the level, and more.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn encode_over(
        backend: &B,
        encoder: &Encoder,
        params: &Params,
        vectors: &[&[Complex64]],
        (level, basis): (Level, Basis),
        scale: f64,
    ) -> Result<Self, EvalError> {
        let words = encode(encoder, params.ring(), &basis, vectors, scale)?;
        let shape = Shape {
            batch: vectors.len(),
            basis,
        };
        let poly = Poly::<B, Coeff>::upload(backend, &shape, &words)?.into_eval(backend)?;
        Ok(Self { poly, level, scale })
    }

    /// The level it was encoded for.
    #[must_use]
    pub fn level(&self) -> Level {
        self.level
    }
}

/// Largest magnitude of an encoded coefficient.
const LARGEST: f64 = (1u64 << 62) as f64;

/// Residues of `round(scale * coefficients)` of each vector, row-major.
pub(super) fn encode(
    encoder: &Encoder,
    ring: &RingContext,
    basis: &Basis,
    vectors: &[&[Complex64]],
    scale: f64,
) -> Result<Vec<Word>, EvalError> {
    if vectors.is_empty() {
        return Err(EvalError::Empty { op: "encode" });
    }
    let mut words = Vec::with_capacity(vectors.len() * basis.len() * ring.degree());
    for vector in vectors {
        if vector.len() > encoder.slots() {
            let (found, slots) = (vector.len(), encoder.slots());
            return Err(EvalError::SlotCount {
                op: "encode",
                found,
                slots,
            });
        }
        let mut integers = Vec::with_capacity(ring.degree());
        for c in encoder.coefficients(vector) {
            integers.push(integer(c * scale, scale)?);
        }
        for limb in basis.iter() {
            let q = ring.modulus(limb);
            words.extend(integers.iter().map(|c| q.reduce_signed(*c)));
        }
    }
    Ok(words)
}

/// The nearest integer, if it fits; `scale` only for the message.
#[expect(clippy::cast_possible_truncation, reason = "checked")]
pub(super) fn integer(value: f64, scale: f64) -> Result<i64, EvalError> {
    // Written so that NaN is refused too.
    if value.abs() < LARGEST {
        Ok(value.round() as i64)
    } else {
        Err(EvalError::OutOfRange {
            op: "encode",
            found: value / scale,
            bound: LARGEST / scale,
        })
    }
}

//! The public key.

use crate::backend::{Backend, Eval, Poly};

/// `(-a s + e, a)` over all limbs for use and the special ones: an encryption of zero.
pub struct PublicKey<B: Backend> {
    pub(in crate::ckks) halves: [Poly<B, Eval>; 2],
}

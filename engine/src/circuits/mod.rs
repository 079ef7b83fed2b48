//! Programs over slot vectors; none touches a limb.

mod ciphertexts;
mod slots;

pub use ciphertexts::{Ciphertexts, PlainVector, Refresh};
pub use slots::Slots;

//! One RNS polynomial at a time, in plain slices: limbs, transforms, automorphisms, conversions between bases.
//!
//! The ring is `Z_q[X]/(X^N + 1)` for each modulus `q` of a [`Basis`]. Evaluation order is plain bit-reversed order,
//! stated in [`ntt`] and nowhere else.

mod automorphism;
mod basis;
mod context;
mod conversion;
mod digit;
pub mod naive;
pub mod ntt;
pub mod sampling;

pub use automorphism::{GaloisElement, Rotation};
pub use basis::{Basis, LimbIndex};
pub use context::{RingContext, RingError};
pub use conversion::{
    BaseConversion, FRACTION_BITS, MAX_SOURCES, ModDown, fraction_word, overflow,
};
pub use digit::{Digit, DigitLayout};

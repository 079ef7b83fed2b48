//! One RNS polynomial at a time, in plain slices.

mod automorphism;

pub use automorphism::Rotation;

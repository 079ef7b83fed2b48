//! The only file that says 32 and 30.

/// A residue. 32 bits, because portable WGSL has no wider integer.
pub type Word = u32;
/// A product of two residues.
pub type WideWord = u64;
/// Bits of a [`Word`].
pub const WORD_BITS: u32 = Word::BITS;
/// Every modulus is below `2^MAX_MODULUS_BITS`, so four residues can be added before a reduction.
pub const MAX_MODULUS_BITS: u32 = 30;

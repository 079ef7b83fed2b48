//! One word at a time: residues, moduli, primes.

mod bits;
mod modulus;
mod primes;
mod shoup;
mod word;

pub use bits::{bit_reverse, strict_log2};
pub use modulus::{Modulus, ModulusError};
pub use primes::{is_prime, ntt_primes, primitive_root_2n};
pub use shoup::ShoupFactor;
pub use word::{MAX_MODULUS_BITS, WORD_BITS, WideWord, Word};

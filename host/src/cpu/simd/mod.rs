//! Inner loops on rows of residues, for AVX-512, AVX2 and any other processor.
//!
//! Every kernel is written once, over the operations of a `Lanes` token, and is compiled once per instruction set.
//! All sets give the same words: what leaves a function without `_lazy` in its name is in `[0, q)`. The only
//! `unsafe` code is in the modules `avx512`, `ifma` and `avx2`, where a token is made or an intrinsic is called.

#![expect(
    clippy::needless_range_loop,
    reason = "an index names a register in several arrays at once; zipped iterators would hide the butterfly"
)]

mod automorphism;
mod basis;
mod elementwise;
mod error;
mod isa;
mod lanes;
mod ntt;
mod portable;
mod products;
mod reduction;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod ifma;
#[cfg(target_arch = "x86_64")]
mod points;

pub use automorphism::AutomorphismTable;
pub use basis::{BaseConversion, GROUP};
pub use elementwise::{
    add, add_assign, mul, mul_add_assign, mul_assign, neg, scale, scale_add_assign, scale_assign,
    sub, sub_assign, sub_scale, sub_scale_assign,
};
pub use error::KernelError;
pub use isa::Isa;
pub(super) use lanes::LANES;
pub use ntt::{NttTable, ntt_forward, ntt_inverse, ntt_inverse_scaled};
pub use products::{Pair, inner_product, tensor};

#[cfg(target_arch = "x86_64")]
pub use self::{avx2::Avx2, avx512::Avx512, ifma::Ifma};

//! Which instruction set runs a kernel.

use std::fmt;

#[cfg(target_arch = "x86_64")]
use super::{avx2::Avx2, avx512::Avx512, ifma::Ifma};
use super::{lanes::Lanes, portable::Portable};

/// An instruction set that this processor has.
///
/// The vector sets carry a token that can only be had by asking the processor, so a value of this type is a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Isa {
    /// Plain Rust, on any processor.
    Portable,
    /// AVX2.
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    /// AVX-512 F, BW, DQ, VL.
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
    /// AVX-512 with the transform in products of 52 bits.
    #[cfg(target_arch = "x86_64")]
    Avx512Ifma(Ifma),
}

impl Isa {
    /// The fastest set of this processor.
    #[must_use]
    pub fn detect() -> Self {
        Self::available()
            .into_iter()
            .next()
            .unwrap_or(Self::Portable)
    }

    /// All sets of this processor, the fastest first.
    #[must_use]
    pub fn available() -> Vec<Self> {
        let mut sets = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            let avx512 = Avx512::detect();
            let ifma = avx512.and_then(Ifma::detect).map(Self::Avx512Ifma);
            let mut avx512 = [ifma, avx512.map(Self::Avx512)];
            // AMD's processors, the only ones with SSE4a, multiply words as fast as double words: transforms in products of 52 bits
            // take 1.2 to 1.4 times as long there (Zen 4). On Intel's they took 0.9 times as long as an earlier form in 32 bits.
            if is_x86_feature_detected!("sse4a") {
                avx512.reverse();
            }
            sets.extend(avx512.into_iter().flatten());
            sets.extend(Avx2::detect().map(Self::Avx2));
        }
        sets.push(Self::Portable);
        sets
    }

    /// A short name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => "avx2",
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => "avx512",
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Ifma(_) => "avx512ifma",
        }
    }

    /// Runs a kernel compiled for this set.
    #[inline]
    pub(super) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        match self {
            Self::Portable => kernel.run(Portable),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(token) => token.run(kernel),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(token) => token.run(kernel),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Ifma(token) => token.narrow().run(kernel),
        }
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A computation on the vectors of any instruction set.
pub(super) trait Kernel {
    /// Its result.
    type Output;
    /// The computation; `#[inline(always)]`, so that it is compiled for the set of its caller.
    fn run<S: Lanes>(self, s: S) -> Self::Output;
}

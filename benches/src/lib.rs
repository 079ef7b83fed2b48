//! Shared fixtures of the benchmarks.

use engine::arith::{Modulus, Word, ntt_primes};

/// Sizes of a run.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Coefficients of a row.
    pub degree: usize,
    /// Limbs of a batch.
    pub limbs: usize,
    /// Limbs of a digit.
    pub digit: usize,
}

impl Sizes {
    /// Those of the largest parameter sets, or small ones where the environment has `BENCH_SMOKE=1`.
    #[must_use]
    pub fn from_env() -> Self {
        if std::env::var_os("BENCH_SMOKE").is_some_and(|value| value == "1") {
            Self {
                degree: 1 << 11,
                limbs: 6,
                digit: 2,
            }
        } else {
            Self {
                degree: 1 << 16,
                limbs: 48,
                digit: 12,
            }
        }
    }

    /// A chain like that of the set for bootstrapping: three quarters of primes about `2^29.6`, then special primes just below `2^30`.
    #[must_use]
    pub fn primes(self) -> Vec<Modulus> {
        let special = self.limbs / 4;
        ntt_primes(self.degree, 1 << 28, 813_000_000)
            .take(self.limbs - special)
            .chain(ntt_primes(self.degree, 1 << 29, 1 << 30).take(special))
            .collect()
    }
}

/// Words below `q` that look random.
pub fn fill(row: &mut [Word], q: Modulus, seed: usize) {
    let mut state = seed as u64;
    for word in row {
        // Knuth's MMIX generator; its high half is even enough for a benchmark.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        *word = q.reduce_wide(state >> 32);
    }
}

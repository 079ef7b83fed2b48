//! Primality, primes for the number-theoretic transform, primitive roots.

use super::{MAX_MODULUS_BITS, Modulus};

/// Whether `n < 2^32` is prime (Miller-Rabin; the bases 2, 3, 5, 7 decide all numbers below 3.2e9).
#[must_use]
pub fn is_prime(n: u64) -> bool {
    const BASES: [u64; 4] = [2, 3, 5, 7];
    debug_assert!(n < 3_215_031_751);
    if n < 2 {
        return false;
    }
    if let Some(p) = BASES.into_iter().find(|p| n.is_multiple_of(*p)) {
        return n == p;
    }
    let pow = |mut base: u64, mut exponent: u64| {
        let mut power = 1;
        while exponent > 0 {
            if exponent & 1 == 1 {
                power = power * base % n;
            }
            base = base * base % n;
            exponent >>= 1;
        }
        power
    };
    let twos = (n - 1).trailing_zeros();
    let odd = (n - 1) >> twos;
    BASES.into_iter().all(|base| {
        let mut x = pow(base, odd);
        let mut witness = x != 1 && x != n - 1;
        for _ in 1..twos {
            x = x * x % n;
            witness &= x != n - 1;
        }
        !witness
    })
}

/// Primes `= 1 mod 2n` in `(low, high)`, the largest first.
///
/// # Range
/// `n` a power of two, `high` at most `2^30`.
pub fn ntt_primes(n: usize, low: u64, high: u64) -> impl Iterator<Item = Modulus> {
    debug_assert!(n.is_power_of_two() && high <= 1 << MAX_MODULUS_BITS);
    let step = 2 * n as u64;
    let first = (high - 2) / step * step + 1;
    std::iter::successors(Some(first), move |q| q.checked_sub(step))
        .take_while(move |q| *q > low)
        .filter(|q| is_prime(*q))
        .filter_map(|q| Modulus::new(q).ok())
}

/// A primitive `2n`-th root of unity modulo the prime `q = 1 mod 2n`: the power of the smallest base that gives one.
#[must_use]
pub fn primitive_root_2n(n: usize, q: Modulus) -> u32 {
    let exponent = u64::from(q.value() - 1) / (2 * n as u64);
    (2..q.value())
        .map(|base| q.pow(base, exponent))
        .find(|root| q.pow(*root, n as u64) == q.value() - 1)
        .unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_primes_agree_with_trial_division() {
        for n in 0..5_000u64 {
            let prime = n >= 2 && (2..n).take_while(|d| d * d <= n).all(|d| n % d != 0);
            assert_eq!(is_prime(n), prime, "{n}");
        }
    }

    #[test]
    fn primes_have_their_form_and_root() {
        let n = 1 << 12;
        for q in ntt_primes(n, 1 << 29, 1 << 30).take(10) {
            assert_eq!(u64::from(q.value()) % (2 * n as u64), 1);
            let root = primitive_root_2n(n, q);
            assert_eq!(q.pow(root, n as u64), q.value() - 1);
        }
    }
}

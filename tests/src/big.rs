//! Residues as big integers: the judge of every conversion.

use engine::arith::Modulus;
use engine::ring::{Basis, LimbIndex, RingContext};
use num_bigint::BigInt;

/// The product of limbs.
pub fn product(ring: &RingContext, limbs: &Basis) -> BigInt {
    limbs
        .iter()
        .map(|limb| BigInt::from(ring.modulus(limb).value()))
        .product()
}

/// The integer of least magnitude with these residues, by the Chinese remainder theorem.
pub fn centred(ring: &RingContext, limbs: &Basis, word: impl Fn(LimbIndex) -> u32) -> BigInt {
    let all = product(ring, limbs);
    let sum: BigInt = limbs
        .iter()
        .map(|limb| {
            let q = ring.modulus(limb);
            let cofactor = &all / BigInt::from(q.value());
            let inverse = q.inv(residue(&cofactor, q));
            cofactor * BigInt::from(q.mul(word(limb), inverse))
        })
        .sum();
    let value = sum % &all;
    if &value * 2 > all { value - all } else { value }
}

/// The residue of an integer, in `[0, q)`.
pub fn residue(value: &BigInt, q: Modulus) -> u32 {
    let modulus = BigInt::from(q.value());
    let remainder = ((value % &modulus) + &modulus) % &modulus;
    remainder.to_string().parse().unwrap()
}

/// The nearest double.
pub fn to_f64(value: &BigInt) -> f64 {
    value.to_string().parse().unwrap()
}

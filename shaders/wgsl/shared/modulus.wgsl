// Arithmetic modulo q < 2^30. Twins: engine/src/arith/modulus.rs.
#import word
#import limb

// a mod q for a in [0, 2q). (A difference that wraps is larger than a.)
fn reduce_2q(a: u32, q: u32) -> u32 {
    return min(a, a - q);
}

// a mod q for a in [0, 4q).
fn reduce_4q(a: u32, q: u32) -> u32 {
    return reduce_2q(min(a, a - 2u * q), q);
}

// a + b mod q; in and out in [0, q).
fn add_mod(a: u32, b: u32, q: u32) -> u32 {
    return reduce_2q(a + b, q);
}

// a - b mod q; in and out in [0, q).
fn sub_mod(a: u32, b: u32, q: u32) -> u32 {
    return reduce_2q(a + q - b, q);
}

// a * w mod q for any word a, w in [0, q) and w_shoup = floor(w * 2^32 / q); the result is in [0, 2q).
fn mul_shoup_lazy(a: u32, w: u32, w_shoup: u32, q: u32) -> u32 {
    return a * w - mul_high(a, w_shoup) * q;
}

// As mul_shoup_lazy; the result is in [0, q).
fn mul_shoup(a: u32, w: u32, w_shoup: u32, q: u32) -> u32 {
    return reduce_2q(mul_shoup_lazy(a, w, w_shoup, q), q);
}

// sum mod q for any sum below 2^64: high * 2^32 + low, each word brought below 2q by a constant factor.
fn reduce_wide(sum: Wide, limb: Limb) -> u32 {
    let high = mul_shoup_lazy(wide_high(sum), limb.wide, limb.wide_shoup, limb.q);
    let low = mul_shoup_lazy(wide_low(sum), 1u, limb.one_shoup, limb.q);
    return reduce_4q(high + low, limb.q);
}

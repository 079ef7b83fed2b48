// Arithmetic modulo q < 2^30. Twins: engine/src/arith/modulus.rs.
#import word

// a mod q for a in [0, 2q).
fn reduce_2q(a: u32, q: u32) -> u32 {
    return min(a, a - q);
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

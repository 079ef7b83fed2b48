// Lazy butterflies (Harvey, arXiv 1205.2926); w is a power of the root with its Shoup quotient. q < 2^30, so 4q fits a word.
#import modulus

// (x + y w, x - y w) mod q; in and out in [0, 4q).
fn forward_butterfly(x: u32, y: u32, w: vec2<u32>, q: u32) -> vec2<u32> {
    let sum = min(x, x - 2u * q);
    let product = mul_shoup_lazy(y, w.x, w.y, q);
    return vec2<u32>(sum + product, sum - product + 2u * q);
}

// (x + y, (x - y) w) mod q; in and out in [0, 2q).
fn inverse_butterfly(x: u32, y: u32, w: vec2<u32>, q: u32) -> vec2<u32> {
    let sum = x + y;
    return vec2<u32>(min(sum, sum - 2u * q), mul_shoup_lazy(x + 2u * q - y, w.x, w.y, q));
}

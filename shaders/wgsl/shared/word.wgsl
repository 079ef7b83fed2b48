// The high word of a product, from 16-bit halves: portable WGSL has no wider integer.

// floor(a * b / 2^32) for any words.
fn mul_high(a: u32, b: u32) -> u32 {
    let a0 = a & 0xffffu;
    let a1 = a >> 16u;
    let b0 = b & 0xffffu;
    let b1 = b >> 16u;
    let low = a0 * b0;
    let cross = a1 * b0 + (low >> 16u);
    let middle = a0 * b1 + (cross & 0xffffu);
    return a1 * b1 + (cross >> 16u) + (middle >> 16u);
}

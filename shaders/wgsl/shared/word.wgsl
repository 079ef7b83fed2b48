// Products of two words from 16-bit halves: portable WGSL has no wider integer. `word_wide` says the same with 64 bits.

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

// A number below 2^64, the low word first.
alias Wide = vec2<u32>;

fn wide(word: u32) -> Wide {
    return vec2<u32>(word, 0u);
}

fn wide_low(sum: Wide) -> u32 {
    return sum.x;
}

fn wide_high(sum: Wide) -> u32 {
    return sum.y;
}

// sum + a * b, which must be below 2^64.
fn wide_mul_add(sum: Wide, a: u32, b: u32) -> Wide {
    let product = a * b;
    let low = sum.x + product;
    return vec2<u32>(low, sum.y + mul_high(a, b) + select(0u, 1u, low < product));
}

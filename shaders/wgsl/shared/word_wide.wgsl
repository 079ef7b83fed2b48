// Products of two words with the 64-bit integers of the adapter. `word` says the same without them.

// floor(a * b / 2^32) for any words.
fn mul_high(a: u32, b: u32) -> u32 {
    return u32((u64(a) * u64(b)) >> 32u);
}

// A number below 2^64; in registers only, drivers need not know it in memory.
alias Wide = u64;

fn wide(word: u32) -> Wide {
    return u64(word);
}

fn wide_low(sum: Wide) -> u32 {
    return u32(sum);
}

fn wide_high(sum: Wide) -> u32 {
    return u32(sum >> 32u);
}

// sum + a * b, which must be below 2^64.
fn wide_mul_add(sum: Wide, a: u32, b: u32) -> Wide {
    return sum + u64(a) * u64(b);
}

// dst(X) = x(X^g) in the evaluation domain: a permutation of the words, the same for every row.
// Grid: (degree / WORKGROUP_SIZE, limbs, polynomials); one thread for each word.
// Twin: engine/src/ring/automorphism.rs, permutation.
#import call

@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> dst: array<u32>;

// The log2(degree) low bits of i in reverse order.
fn bit_reverse(i: u32) -> u32 {
    return reverseBits(i) >> (countLeadingZeros(DEGREE) + 1u);
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    // Word i is the value at psi^(2 rev(i) + 1). The product may wrap: 2^32 is a multiple of 2 DEGREE.
    let exponent = ((2u * bit_reverse(id.x) + 1u) * call.galois) & (2u * DEGREE - 1u);
    let source = vec3<u32>(bit_reverse(exponent >> 1u), id.yz);
    dst[place(0u, id)] = x[place(1u, source)];
}

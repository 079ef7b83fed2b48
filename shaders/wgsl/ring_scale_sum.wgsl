// dst = [dst +] sum of a * w mod q over at most seven terms, one constant for each limb and term.
// Grid: (degree / WORKGROUP_SIZE, limbs, polynomials); one thread for each word.
// Twin: engine/src/backend/reference.rs, scale_sum.
#import call
#import modulus

#repeat k 1 8
@group(0) @binding({k}) var<storage, read> a{k}: array<u32>;
#end
@group(0) @binding(8) var<storage, read_write> dst: array<u32>;

// a * w mod q for the term of operand k.
fn term(a: u32, k: u32, row: u32) -> u32 {
    let factor = call.rows[row].operands[k];
    return mul_shoup(a, factor.w, factor.w_shoup, call.rows[row].limb.q);
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let q = call.rows[id.y].limb.q;
    let i = place(0u, id);
    var sum = 0u;
    if (call.accumulate == 1u) {
        sum = dst[i];
    }
#repeat k 1 8
    if (call.terms >= {k}u) {
        sum = add_mod(sum, term(a{k}[place({k}u, id)], {k}u, id.y), q);
    }
#end
    dst[i] = sum;
}

// dst = [dst +] sum of a * b mod q over at most three terms, point by point; one reduction for all.
// Grid: (degree / WORKGROUP_SIZE, limbs, polynomials); one thread for each word.
// Twin: engine/src/backend/reference.rs, mul_sum.
#import call
#import modulus

#repeat k 0 3
@group(0) @binding({k*2+1}) var<storage, read> a{k}: array<u32>;
@group(0) @binding({k*2+2}) var<storage, read> b{k}: array<u32>;
#end
@group(0) @binding(7) var<storage, read_write> dst: array<u32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = place(0u, id);
    var sum = wide(0u);
    if (call.accumulate == 1u) {
        sum = wide(dst[i]);
    }
#repeat k 0 3
    if (call.terms > {k}u) {
        sum = wide_mul_add(sum, a{k}[place({k*2+1}u, id)], b{k}[place({k*2+2}u, id)]);
    }
#end
    dst[i] = reduce_wide(sum, call.rows[id.y].limb);
}

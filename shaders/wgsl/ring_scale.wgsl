// dst = dst * w mod q, one constant for each limb.
// Grid: (degree / WORKGROUP_SIZE, limbs, polynomials); one thread for each word.
// Twin: engine/src/arith/modulus.rs, mul_shoup.
#import call
#import modulus

@group(0) @binding(1) var<storage, read_write> dst: array<u32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = place(0u, id);
    let factor = call.rows[id.y].operands[0];
    dst[i] = mul_shoup(dst[i], factor.w, factor.w_shoup, call.rows[id.y].limb.q);
}

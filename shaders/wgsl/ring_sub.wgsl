// dst = dst - x mod q, point by point.
// Grid: (degree / WORKGROUP_SIZE, limbs, polynomials); one thread for each word.
// Twin: engine/src/arith/modulus.rs, sub.
#import call
#import modulus

@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> dst: array<u32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = place(0u, id);
    dst[i] = sub_mod(dst[i], x[place(1u, id)], call.rows[id.y].limb.q);
}

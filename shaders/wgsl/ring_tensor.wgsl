// (d0, d1, d2) = [(d0, d1, d2) +] (a0 b0, a0 b1 + a1 b0, a1 b1) mod q, point by point.
// Grid: (degree / WORKGROUP_SIZE, limbs, polynomials); one thread for each word of a polynomial.
// Twin: engine/src/backend/ring_ops.rs, tensor_sum.
#import call
#import modulus

@group(0) @binding(1) var<storage, read> a0: array<u32>;
@group(0) @binding(2) var<storage, read> a1: array<u32>;
@group(0) @binding(3) var<storage, read> b0: array<u32>;
@group(0) @binding(4) var<storage, read> b1: array<u32>;
@group(0) @binding(5) var<storage, read_write> d0: array<u32>;
@group(0) @binding(6) var<storage, read_write> d1: array<u32>;
@group(0) @binding(7) var<storage, read_write> d2: array<u32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let limb = call.rows[id.y].limb;
    let i0 = place(0u, id);
    let i1 = place(5u, id);
    let i2 = place(6u, id);
    let x0 = a0[place(1u, id)];
    let x1 = a1[place(2u, id)];
    let y0 = b0[place(3u, id)];
    let y1 = b1[place(4u, id)];
    var s0 = wide(0u);
    var s1 = wide(0u);
    var s2 = wide(0u);
    if (call.accumulate == 1u) {
        s0 = wide(d0[i0]);
        s1 = wide(d1[i1]);
        s2 = wide(d2[i2]);
    }
    d0[i0] = reduce_wide(wide_mul_add(s0, x0, y0), limb);
    d1[i1] = reduce_wide(wide_mul_add(wide_mul_add(s1, x0, y1), x1, y0), limb);
    d2[i2] = reduce_wide(wide_mul_add(s2, x1, y1), limb);
}

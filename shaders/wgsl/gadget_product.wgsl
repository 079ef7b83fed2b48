// (b, a) = [(b, a) +] sum of digit * (key_b, key_a) mod q over at most two digits, point by point; one reduction for each half.
// Grid: (degree / WORKGROUP_SIZE, limbs, polynomials); one thread for each word of a half.
// Twin: engine/src/backend/gadget_ops.rs, gadget_product.
#import call
#import modulus

#repeat k 0 2
@group(0) @binding({k*3+1}) var<storage, read> digit{k}: array<u32>;
@group(0) @binding({k*3+2}) var<storage, read> key_b{k}: array<u32>;
@group(0) @binding({k*3+3}) var<storage, read> key_a{k}: array<u32>;
#end
@group(0) @binding(7) var<storage, read_write> dst_b: array<u32>;
@group(0) @binding(8) var<storage, read_write> dst_a: array<u32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let limb = call.rows[id.y].limb;
    let at_b = place(0u, id);
    let at_a = place(7u, id);
    var b = wide(0u);
    var a = wide(0u);
    if (call.accumulate == 1u) {
        b = wide(dst_b[at_b]);
        a = wide(dst_a[at_a]);
    }
#repeat k 0 2
    if (call.terms > {k}u) {
        let x = digit{k}[place({k*3+1}u, id)];
        b = wide_mul_add(b, x, key_b{k}[place({k*3+2}u, id)]);
        a = wide_mul_add(a, x, key_a{k}[place({k*3+3}u, id)]);
    }
#end
    dst_b[at_b] = reduce_wide(b, limb);
    dst_a[at_a] = reduce_wide(a, limb);
}

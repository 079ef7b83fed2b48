// dst = [dst +] sum of the polynomials of x mod q.
// Grid: (degree / WORKGROUP_SIZE, limbs, 1); one thread for each word of the result.
// Twin: engine/src/backend/reference.rs, sum.
#import call
#import modulus

@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> dst: array<u32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let q = call.rows[id.y].limb.q;
    let i = place(0u, id);
    var sum = 0u;
    if (call.accumulate == 1u) {
        sum = dst[i];
    }
    for (var poly = 0u; poly < call.polys; poly++) {
        sum = add_mod(sum, x[place(1u, vec3<u32>(id.xy, poly))], q);
    }
    dst[i] = sum;
}

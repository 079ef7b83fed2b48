// x_i = x_i * w mod q, one constant for each row.
// Grid: (degree / WORKGROUP_SIZE, rows, 1); one thread for each word.
// Twin: engine/src/arith/modulus.rs, mul_shoup.
#import limb
#import modulus

@group(0) @binding(0) var<storage, read> limbs: array<Limb>;
@group(0) @binding(1) var<storage, read_write> x: array<u32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    let limb = limbs[id.y];
    let i = id.y * groups.x * WORKGROUP_SIZE + id.x;
    x[i] = reduce_2q(mul_shoup_lazy(x[i], limb.w, limb.w_shoup, limb.q), limb.q);
}

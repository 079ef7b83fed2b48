// acc_i = acc_i + x_i mod q, point by point.
// Grid: (degree / WORKGROUP_SIZE, rows, 1); one thread for each word.
// Twin: engine/src/arith/modulus.rs, add.
#import limb
#import modulus

@group(0) @binding(0) var<storage, read> limbs: array<Limb>;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> acc: array<u32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    let i = id.y * groups.x * WORKGROUP_SIZE + id.x;
    acc[i] = add_mod(acc[i], x[i], limbs[id.y].q);
}

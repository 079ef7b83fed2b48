// dst = x: rows of one operand into places of another.
// Grid: (degree / WORKGROUP_SIZE, limbs, polynomials); one thread for each word.
// Twin: engine/src/backend/reference.rs, copy.
#import call

@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> dst: array<u32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    dst[place(0u, id)] = x[place(1u, id)];
}

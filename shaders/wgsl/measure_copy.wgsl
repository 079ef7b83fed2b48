// dst = x, four words at a time: what memory can move at most. For the ceiling of a profile, not for arithmetic.
// Grid: (words / 4 / WORKGROUP_SIZE, rows, 1); four words for each thread.
// Twin: engine/src/backend/reference.rs, copy.

@group(0) @binding(0) var<storage, read> x: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read_write> dst: array<vec4<u32>>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.y * groups.x * WORKGROUP_SIZE + id.x;
    dst[i] = x[i];
}

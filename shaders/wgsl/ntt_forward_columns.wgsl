// The first log2(DEGREE) - 8 stages of the forward transform of rows; in [0, q), out in [0, 4q).
// Grid: (DEGREE / TILE, rows, polynomials); 16 words for each thread.
// Twin: engine/src/ring/ntt.rs, forward.
#import columns
#import stages_forward

@compute @workgroup_size(THREADS)
fn main(@builtin(local_invocation_index) t: u32, @builtin(workgroup_id) group: vec3<u32>) {
    let row = transforms[group.y];
    let first = row.limb * DEGREE;
    let read = (row.src + group.z * row.src_stride) * DEGREE + group.x * width();
    let write = (row.dst + group.z * row.dst_stride) * DEGREE + group.x * width();
    var x: Words;
#repeat k 0 16
    x[{k}] = src[read + in_row(outer(t, {k}u))];
#end
    forward_stages(&x, OUTER, first, 1u, row.q);
#repeat k 0 16
    tile[in_tile(outer(t, {k}u))] = x[{k}];
#end
    workgroupBarrier();
#repeat k 0 16
    x[{k}] = tile[in_tile(inner(t, {k}u))];
#end
    forward_stages(&x, INNER, first, (1u << OUTER) + t / apart(INNER), row.q);
#repeat k 0 16
    dst[write + in_row(inner(t, {k}u))] = x[{k}];
#end
}

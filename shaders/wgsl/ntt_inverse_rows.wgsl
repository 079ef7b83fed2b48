// The first 8 stages of the inverse transform of rows; in [0, q), out in [0, 2q).
// Grid: (DEGREE / TILE, rows, polynomials); 16 words for each thread.
// Twin: engine/src/ring/ntt.rs, inverse.
#import stages_inverse

@compute @workgroup_size(THREADS)
fn main(@builtin(local_invocation_index) t: u32, @builtin(workgroup_id) group: vec3<u32>) {
    let row = transforms[group.y];
    let first = row.limb * DEGREE;
    let read = (row.src + group.z * row.src_stride) * DEGREE + group.x * TILE;
    let write = (row.dst + group.z * row.dst_stride) * DEGREE + group.x * TILE;
    // A thread's words: 16 neighbours in a row of 256 of the matrix, then words 16 apart.
    let apart = (t >> 4u) * 256u + (t & 15u);
    let block = (DEGREE + group.x * TILE) / 256u + (t >> 4u);
    var x: Words;
#repeat k 0 16
    tile[bank(t + {k}u * THREADS)] = src[read + t + {k}u * THREADS];
#end
    workgroupBarrier();
#repeat k 0 16
    x[{k}] = tile[bank(t * 16u + {k}u)];
#end
    inverse_stages(&x, 4u, first, block * 16u + (t & 15u), row.q);
#repeat k 0 16
    tile[bank(t * 16u + {k}u)] = x[{k}];
#end
    workgroupBarrier();
#repeat k 0 16
    x[{k}] = tile[bank(apart + {k*16}u)];
#end
    inverse_stages(&x, 4u, first, block, row.q);
#repeat k 0 16
    dst[write + apart + {k*16}u] = x[{k}];
#end
}

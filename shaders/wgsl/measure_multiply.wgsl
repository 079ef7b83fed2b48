// dst = x w^CHAIN mod q for four words: products that do not wait for memory. For the ceiling of a profile, not for arithmetic.
// Grid: (words / 4 / WORKGROUP_SIZE, 1, 1); four words for each thread.
// Twin: engine/src/arith/modulus.rs, mul_shoup.
#import modulus

@group(0) @binding(0) var<storage, read> x: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read_write> dst: array<vec4<u32>>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    var word = x[id.x];
    // Sixteen at once, so that counting does not show.
    for (var i = 0u; i < MEASURE_CHAIN / 16u; i++) {
#repeat k 0 16
        word.x = mul_shoup(word.x, MEASURE_W, MEASURE_W_SHOUP, MEASURE_Q);
        word.y = mul_shoup(word.y, MEASURE_W, MEASURE_W_SHOUP, MEASURE_Q);
        word.z = mul_shoup(word.z, MEASURE_W, MEASURE_W_SHOUP, MEASURE_Q);
        word.w = mul_shoup(word.w, MEASURE_W, MEASURE_W_SHOUP, MEASURE_Q);
#end
    }
    dst[id.x] = word;
}

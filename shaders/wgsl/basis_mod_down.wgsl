// dst = (x - dst) * w mod q, where dst holds what was converted. A limb that x lacks (w of operand 1 is 0) counts as 0.
// Grid: (degree / WORKGROUP_SIZE, limbs, polynomials); one thread for each word.
// Twin: engine/src/ring/conversion.rs, ModDown::word.
#import call
#import modulus

@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> dst: array<u32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let row = call.rows[id.y];
    let i = place(0u, id);
    var minuend = 0u;
    if (row.operands[1].w == 1u) {
        minuend = x[place(1u, id)];
    }
    let difference = sub_mod(minuend, dst[i], row.limb.q);
    dst[i] = mul_shoup(difference, row.operands[0].w, row.operands[0].w_shoup, row.limb.q);
}

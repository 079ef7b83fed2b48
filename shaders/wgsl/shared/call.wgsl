// A limb-wise call. The grid is (degree / WORKGROUP_SIZE, limbs of the result, polynomials): one thread for each word.
// Operand 0 is the result; operand k > 0 is binding k. Words of a row are consecutive.
#import limb

// Where the row of a limb is in an operand (rows from one polynomial to the next: `stride`, 0 if there is only one), and a
// factor with its Shoup quotient.
struct Operand {
    row: u32,
    stride: u32,
    w: u32,
    w_shoup: u32,
}

struct Row {
    limb: Limb,
    operands: array<Operand, OPERANDS>,
}

// `terms` of those a kernel has room for; `accumulate`: 1 to add to what the result holds; `galois`: an exponent; `polys`: of
// the first operand.
struct Call {
    terms: u32,
    accumulate: u32,
    galois: u32,
    polys: u32,
    rows: array<Row, MAX_ROWS>,
}

@group(0) @binding(0) var<uniform> call: Call;

override DEGREE: u32 = 65536u;

// The index of this thread's word in an operand.
fn place(operand: u32, id: vec3<u32>) -> u32 {
    let at = call.rows[id.y].operands[operand];
    return (at.row + id.z * at.stride) * DEGREE + id.x;
}

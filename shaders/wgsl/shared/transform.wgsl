// What the four passes of the transform share. A row of DEGREE = ROWS * 256 words is a matrix of ROWS rows of 256: the forward
// transform does log2(ROWS) stages down the columns, then 8 stages along the rows; the inverse does them backwards. Every pass reads
// `src` and writes `dst`. A workgroup holds a tile of 16 words for each of its THREADS; a thread does up to four stages on 16 words
// in registers, and words change hands through workgroup memory once.
#import butterfly

// A row to transform: its limb (of the table of powers) and modulus, a factor for the result of the inverse, and where it is:
// row of the first polynomial, and rows from one polynomial to the next.
struct Transform {
    q: u32,
    limb: u32,
    factor: u32,
    factor_shoup: u32,
    src: u32,
    src_stride: u32,
    dst: u32,
    dst_stride: u32,
}

@group(0) @binding(0) var<storage, read> transforms: array<Transform>;
@group(0) @binding(1) var<storage, read> powers: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read> src: array<u32>;
@group(0) @binding(3) var<storage, read_write> dst: array<u32>;

override DEGREE: u32 = 65536u;
override THREADS: u32 = 256u;
// Words of a tile.
override TILE: u32 = 4096u;
// The stages down the columns, in two halves of at most four.
override OUTER: u32 = 4u;
override INNER: u32 = 4u;

alias Words = array<u32, 16>;

var<workgroup> tile: array<u32, TILE>;

// Where word i of a tile is kept: so that neighbours and words 16 apart fall in different banks.
fn bank(i: u32) -> u32 {
    return i ^ ((i >> 4u) & 15u);
}

// Up to four inverse stages on the registers of a thread: those of `stages_forward`, undone. (Unrolled text again.)
#import transform

// The high `stages` bits of a register's number are its place in the block that the last stage joins; block `block` of that stage
// has the power `block` of the table, counted from `first`. In and out in [0, 2q).
fn inverse_stages(x: ptr<function, Words>, stages: u32, first: u32, block: u32, q: u32) {
    var w: vec2<u32>;
    var pair: vec2<u32>;
    if (stages > 3u) {
#repeat g 0 8
        w = powers[first + 8u * block + {g}u];
        pair = inverse_butterfly((*x)[{g*2}], (*x)[{g*2+1}], w, q);
        (*x)[{g*2}] = pair.x;
        (*x)[{g*2+1}] = pair.y;
#end
    }
    if (stages > 2u) {
#repeat g 0 4
        w = powers[first + 4u * block + {g}u];
#repeat k 0 2
        pair = inverse_butterfly((*x)[{g*4+k}], (*x)[{g*4+k+2}], w, q);
        (*x)[{g*4+k}] = pair.x;
        (*x)[{g*4+k+2}] = pair.y;
#end
#end
    }
    if (stages > 1u) {
#repeat g 0 2
        w = powers[first + 2u * block + {g}u];
#repeat k 0 4
        pair = inverse_butterfly((*x)[{g*8+k}], (*x)[{g*8+k+4}], w, q);
        (*x)[{g*8+k}] = pair.x;
        (*x)[{g*8+k+4}] = pair.y;
#end
#end
    }
    w = powers[first + block];
#repeat k 0 8
    pair = inverse_butterfly((*x)[{k}], (*x)[{k+8}], w, q);
    (*x)[{k}] = pair.x;
    (*x)[{k+8}] = pair.y;
#end
}

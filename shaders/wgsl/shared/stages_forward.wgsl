// Up to four forward stages on the registers of a thread. (The text is unrolled, because a register has no index.)
#import transform

// The high `stages` bits of a register's number are its place in the block that the first stage splits; block `block` of that
// stage has the power `block` of the table, counted from `first`. In and out in [0, 4q).
fn forward_stages(x: ptr<function, Words>, stages: u32, first: u32, block: u32, q: u32) {
    var w = powers[first + block];
    var pair: vec2<u32>;
#repeat k 0 8
    pair = forward_butterfly((*x)[{k}], (*x)[{k+8}], w, q);
    (*x)[{k}] = pair.x;
    (*x)[{k+8}] = pair.y;
#end
    if (stages < 2u) { return; }
#repeat g 0 2
    w = powers[first + 2u * block + {g}u];
#repeat k 0 4
    pair = forward_butterfly((*x)[{g*8+k}], (*x)[{g*8+k+4}], w, q);
    (*x)[{g*8+k}] = pair.x;
    (*x)[{g*8+k+4}] = pair.y;
#end
#end
    if (stages < 3u) { return; }
#repeat g 0 4
    w = powers[first + 4u * block + {g}u];
#repeat k 0 2
    pair = forward_butterfly((*x)[{g*4+k}], (*x)[{g*4+k+2}], w, q);
    (*x)[{g*4+k}] = pair.x;
    (*x)[{g*4+k+2}] = pair.y;
#end
#end
    if (stages < 4u) { return; }
#repeat g 0 8
    w = powers[first + 8u * block + {g}u];
    pair = forward_butterfly((*x)[{g*2}], (*x)[{g*2+1}], w, q);
    (*x)[{g*2}] = pair.x;
    (*x)[{g*2+1}] = pair.y;
#end
}

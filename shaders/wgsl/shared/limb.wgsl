// A limb: its modulus, and a constant with its Shoup quotient. One entry for each row of the grid.
struct Limb {
    q: u32,
    w: u32,
    w_shoup: u32,
    padding: u32,
}

// A modulus, with what reduces a wide word: floor(2^32 / q), and 2^32 mod q with its Shoup quotient.
struct Limb {
    q: u32,
    one_shoup: u32,
    wide: u32,
    wide_shoup: u32,
}

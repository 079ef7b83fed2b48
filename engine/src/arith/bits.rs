//! Bit reversal, strict logarithm.

/// The lowest `bits` bits of `index` in reverse order.
///
/// # Range
/// `index < 2^bits`, `bits` at most the width of `usize`.
#[must_use]
pub const fn bit_reverse(index: usize, bits: u32) -> usize {
    if bits == 0 {
        0
    } else {
        index.reverse_bits() >> (usize::BITS - bits)
    }
}

/// `log2(n)` of a power of two, nothing for any other number.
#[must_use]
pub const fn strict_log2(n: usize) -> Option<u32> {
    if n.is_power_of_two() {
        Some(n.trailing_zeros())
    } else {
        None
    }
}

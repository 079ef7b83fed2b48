//! The largest modulus that is secure for each ring degree.

/// For `log2 N`, the largest `log2(QP)` at 128, 192 and 256 bits of classical security: uniform ternary secret, error of
/// standard deviation 3.2 (Security Guidelines for Implementing Homomorphic Encryption, eprint 2024/463, Table 5.2).
const LARGEST_LOG_QP: [(u32, [f64; 3]); 8] = [
    (10, [26.0, 0.0, 0.0]),
    (11, [53.0, 36.0, 27.0]),
    (12, [106.0, 73.0, 56.0]),
    (13, [214.0, 147.0, 114.0]),
    (14, [430.0, 297.0, 230.0]),
    (15, [868.0, 597.0, 462.0]),
    (16, [1747.0, 1199.0, 929.0]),
    (17, [3523.0, 2411.0, 1866.0]),
];

/// The largest `log2` of a modulus with which a secret of weight 32 is used, at degree `2^16`: the lattice estimator gives
/// `2^172` for `2^120` (hybrid attack with meet in the middle), and other libraries stop at 121 bits (Lattigo's default
/// bootstrapping parameters; Bossuat, Troncoso-Pastoriza, Hubaux, ACNS'22).
pub const LARGEST_SPARSE_LOG_Q: f64 = 121.0;

/// The largest `log2(QP)` at 128 bits of security for degree `2^log_n`; zero where the table has no entry.
#[must_use]
pub fn largest_log_qp(log_n: u32) -> f64 {
    LARGEST_LOG_QP
        .iter()
        .find(|row| row.0 == log_n)
        .map_or(0.0, |row| row.1[0])
}

/// 256, 192 or 128 bits of classical security, or 0 if `log_qp` is above the 128-bit limit of degree `2^log_n`.
#[must_use]
pub fn security_bits(log_n: u32, log_qp: f64) -> u32 {
    let limits = LARGEST_LOG_QP
        .iter()
        .find(|row| row.0 == log_n)
        .map_or([0.0; 3], |row| row.1);
    let levels = [256, 192, 128].into_iter().zip(limits.into_iter().rev());
    levels
        .filter(|(_, limit)| log_qp <= *limit)
        .map(|(bits, _)| bits)
        .next()
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_decides() {
        assert_eq!(security_bits(16, 1722.0), 128);
        assert_eq!(security_bits(16, 1747.1), 0);
        assert_eq!(security_bits(15, 400.0), 256);
        assert_eq!(security_bits(14, 250.0), 192);
        assert_eq!(security_bits(9, 1.0), 0);
    }
}

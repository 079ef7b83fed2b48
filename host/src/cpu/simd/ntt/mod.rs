//! The negacyclic number-theoretic transform of one row.
//!
//! A row of `N = 256 R` words is an `R x 256` matrix. The forward transform first does up to four levels down the columns in
//! one sweep, which reads up to sixteen streams; then, in parts of up to sixteen rows that stay in the first-level cache, the
//! other levels down the columns and eight levels inside each row. Lazy butterflies keep words in `[0, 4q)` forward and
//! `[0, 2q)` inverse (D. Harvey, Faster arithmetic for number-theoretic transforms, 2014). Twiddle factors are stored
//! factored, 256 bytes per 256 words and direction, because a full table would cost more memory traffic than the row itself.

#[cfg(target_arch = "x86_64")]
mod ifma;
mod portable;
mod table;
#[cfg(target_arch = "x86_64")]
mod vectors;

#[cfg(test)]
mod tests;

use engine::arith::{ShoupFactor, Word};

pub use self::table::NttTable;
use super::{
    error::{KernelError, check_length},
    isa::Isa,
    lanes::{LANES, Line},
};

/// Words of a row of the matrix.
const MATRIX_ROW: usize = 256;
/// One row of the matrix.
type MatrixRow = [Line; MATRIX_ROW / LANES];

/// `x_i = sum_j a_j psi^(j (2 bitrev(i) + 1))`: coefficients in natural order become values in bit-reversed order.
///
/// # Range
/// In and out in `[0, q)`.
///
/// # Errors
/// [`KernelError::Length`] unless the row has the table's degree.
pub fn ntt_forward(isa: Isa, table: &NttTable, row: &mut [Word]) -> Result<(), KernelError> {
    let row = matrix_mut("forward transform", table, row)?;
    match isa {
        Isa::Portable => portable::forward(table, row),
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2(token) => token.transform(vectors::Forward { table, row }),
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512(token) => token.transform(vectors::Forward { table, row }),
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512Ifma(token) => ifma::forward(token, table, row),
    }
    Ok(())
}

/// The inverse of [`ntt_forward`].
///
/// # Range
/// In and out in `[0, q)`.
///
/// # Errors
/// [`KernelError::Length`] unless the row has the table's degree.
pub fn ntt_inverse(isa: Isa, table: &NttTable, row: &mut [Word]) -> Result<(), KernelError> {
    let row = matrix_mut(INVERSE, table, row)?;
    inverse(isa, table, row, None, 1);
    Ok(())
}

/// `dst` is the inverse of [`ntt_forward`] of `src`, times a constant; the constant costs nothing.
///
/// # Range
/// In, out and the constant in `[0, q)`.
///
/// # Errors
/// [`KernelError::Length`] unless the rows have the table's degree.
pub fn ntt_inverse_scaled(
    isa: Isa,
    table: &NttTable,
    dst: &mut [Word],
    src: &[Word],
    constant: Word,
) -> Result<(), KernelError> {
    debug_assert!(constant < table.modulus().value());
    let row = matrix_mut(INVERSE, table, dst)?;
    inverse(
        isa,
        table,
        row,
        Some(matrix(INVERSE, table, src)?),
        constant,
    );
    Ok(())
}

/// The inverse transform of `src`, or else of `row`, to `row`, times a constant.
fn inverse(
    isa: Isa,
    table: &NttTable,
    row: &mut [MatrixRow],
    src: Option<&[MatrixRow]>,
    constant: Word,
) {
    let last = table
        .last_words(constant)
        .map(|w| ShoupFactor::new(w, table.modulus()));
    let inverse = Inverse {
        table,
        row,
        src,
        last,
    };
    match isa {
        Isa::Portable => portable::inverse(inverse),
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2(token) => token.transform(inverse),
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512(token) => token.transform(inverse),
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512Ifma(token) => ifma::inverse(token, table, row, src, constant),
    }
}

/// The name of the inverse in errors.
const INVERSE: &str = "inverse transform";

/// The row as a matrix.
fn matrix<'a>(
    operation: &'static str,
    table: &NttTable,
    row: &'a [Word],
) -> Result<&'a [MatrixRow], KernelError> {
    check_length(operation, "words in the row", table.degree(), row.len())?;
    Ok(row.as_chunks().0.as_chunks().0)
}

/// The row as a matrix.
fn matrix_mut<'a>(
    operation: &'static str,
    table: &NttTable,
    row: &'a mut [Word],
) -> Result<&'a mut [MatrixRow], KernelError> {
    check_length(operation, "words in the row", table.degree(), row.len())?;
    Ok(row.as_chunks_mut().0.as_chunks_mut().0)
}

/// What an inverse transform is made of.
struct Inverse<'a> {
    table: &'a NttTable,
    row: &'a mut [MatrixRow],
    /// What is transformed, if it is not the row itself.
    src: Option<&'a [MatrixRow]>,
    last: [ShoupFactor; 2],
}

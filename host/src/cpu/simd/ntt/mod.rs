//! The negacyclic number-theoretic transform of one row.
//!
//! A row of `N = 256 R` words is an `R x 256` matrix. The forward transform first does `log2 R` levels down the columns, sixteen
//! columns at a time through a scratch of the first-level cache (`columns`), then eight levels inside each row of the matrix
//! (`rows`). Lazy butterflies keep words in `[0, 4q)` forward and `[0, 2q)` inverse (D. Harvey, Faster arithmetic for
//! number-theoretic transforms, 2014). Twiddle factors are stored factored, about 100 bytes per 256 words and direction plus
//! 40 KiB at the largest degree, because a full table would cost more memory traffic than the row itself.

mod block;
mod columns;
#[cfg(target_arch = "x86_64")]
mod ifma;
mod rows;
mod table;

#[cfg(test)]
mod tests;

use engine::arith::{ShoupFactor, Word};

use self::columns::Scratch;
pub use self::table::NttTable;
use super::{
    error::{KernelError, check_length},
    isa::{Isa, Kernel},
    lanes::{LANES, Lanes, Line},
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
    let row = matrix("forward transform", table, row)?;
    #[cfg(target_arch = "x86_64")]
    if let Some(token) = isa.ifma() {
        ifma::forward(token, table, row);
        return Ok(());
    }
    isa.run(Forward { table, row });
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
    ntt_inverse_scaled(isa, table, row, 1)
}

/// The inverse of [`ntt_forward`], times a constant; the constant costs nothing.
///
/// # Range
/// In, out and the constant in `[0, q)`.
///
/// # Errors
/// [`KernelError::Length`] unless the row has the table's degree.
pub fn ntt_inverse_scaled(
    isa: Isa,
    table: &NttTable,
    row: &mut [Word],
    constant: Word,
) -> Result<(), KernelError> {
    debug_assert!(constant < table.modulus().value());
    let row = matrix("inverse transform", table, row)?;
    #[cfg(target_arch = "x86_64")]
    if let Some(token) = isa.ifma() {
        ifma::inverse(token, table, row, constant);
        return Ok(());
    }
    let last = table
        .last_words(constant)
        .map(|w| ShoupFactor::new(w, table.modulus()));
    isa.run(Inverse { table, row, last });
    Ok(())
}

/// The row as a matrix.
fn matrix<'a>(
    operation: &'static str,
    table: &NttTable,
    row: &'a mut [Word],
) -> Result<&'a mut [MatrixRow], KernelError> {
    check_length(operation, "words in the row", table.degree(), row.len())?;
    Ok(row.as_chunks_mut().0.as_chunks_mut().0)
}

struct Forward<'a> {
    table: &'a NttTable,
    row: &'a mut [MatrixRow],
}

impl Kernel for Forward<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Lanes>(self, s: S) {
        let Self { table, row } = self;
        let scratch = &mut Scratch::new();
        match table.column_radices() {
            (4, 1) => columns::forward::<S, 4, 1>(s, table, row, scratch),
            (8, 1) => columns::forward::<S, 8, 1>(s, table, row, scratch),
            (16, 1) => columns::forward::<S, 16, 1>(s, table, row, scratch),
            (4, 8) => columns::forward::<S, 4, 8>(s, table, row, scratch),
            (8, 8) => columns::forward::<S, 8, 8>(s, table, row, scratch),
            (8, 16) => columns::forward::<S, 8, 16>(s, table, row, scratch),
            _ => columns::forward::<S, 16, 16>(s, table, row, scratch),
        }
        rows::forward(s, table, row);
    }
}

struct Inverse<'a> {
    table: &'a NttTable,
    row: &'a mut [MatrixRow],
    last: [ShoupFactor; 2],
}

impl Kernel for Inverse<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Lanes>(self, s: S) {
        let Self { table, row, last } = self;
        rows::inverse(s, table, row);
        let scratch = &mut Scratch::new();
        match table.column_radices() {
            (4, 1) => columns::inverse::<S, 4, 1>(s, table, row, scratch, last),
            (8, 1) => columns::inverse::<S, 8, 1>(s, table, row, scratch, last),
            (16, 1) => columns::inverse::<S, 16, 1>(s, table, row, scratch, last),
            (4, 8) => columns::inverse::<S, 4, 8>(s, table, row, scratch, last),
            (8, 8) => columns::inverse::<S, 8, 8>(s, table, row, scratch, last),
            (8, 16) => columns::inverse::<S, 8, 16>(s, table, row, scratch, last),
            _ => columns::inverse::<S, 16, 16>(s, table, row, scratch, last),
        }
    }
}

//! The negacyclic number-theoretic transform of one row.
//!
//! A row of `N = 256 R` words is an `R x 256` matrix. The forward transform first does up to four levels down the columns in
//! one sweep, which reads up to sixteen streams; then, in parts of up to sixteen rows that stay in the first-level cache, the
//! other levels down the columns and eight levels inside each row. Lazy butterflies keep words in `[0, 4q)` forward and
//! `[0, 2q)` inverse (D. Harvey, Faster arithmetic for number-theoretic transforms, 2014). Twiddle factors are stored
//! factored, 256 bytes per 256 words and direction, because a full table would cost more memory traffic than the row itself.

mod block;
mod columns;
mod halves;
#[cfg(target_arch = "x86_64")]
mod ifma;
mod portable;
mod rows;
mod table;

#[cfg(test)]
mod tests;

use engine::arith::{ShoupFactor, Word};

pub use self::table::NttTable;
use super::{
    error::{KernelError, check_length},
    isa::Isa,
    lanes::{Bounds, LANES, Line},
    points::{Points, Transform},
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
        Isa::Avx2(token) => token.transform(Forward { table, row }),
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512(token) => token.transform(Forward { table, row }),
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

/// Rows of the matrix between one that is transformed and one that is prefetched.
const ROWS_AHEAD: usize = 2;

struct Forward<'a> {
    table: &'a NttTable,
    row: &'a mut [MatrixRow],
}

impl Transform for Forward<'_> {
    #[inline(always)]
    fn run<S: Points>(self, s: S) {
        let Self { table, row } = self;
        let b = Bounds::new(s, table.modulus());
        let t = &table.forward;
        let (first, second) = table.radices();
        let stride = row.len() / first;
        match first {
            4 => columns::forward::<S, 4>(s, b, &t.first, row, stride),
            8 => columns::forward::<S, 8>(s, b, &t.first, row, stride),
            _ => columns::forward::<S, 16>(s, b, &t.first, row, stride),
        }
        for (i, (part, factors)) in row.chunks_mut(second).zip(&t.second).enumerate() {
            match second {
                1 => {}
                8 => columns::forward::<S, 8>(s, b, factors, part, 1),
                _ => columns::forward::<S, 16>(s, b, factors, part, 1),
            }
            for (k, row) in part.iter_mut().enumerate() {
                rows::forward(s, b, t, i * second + k, row);
            }
        }
    }
}

struct Inverse<'a> {
    table: &'a NttTable,
    row: &'a mut [MatrixRow],
    /// What is transformed, if it is not the row itself.
    src: Option<&'a [MatrixRow]>,
    last: [ShoupFactor; 2],
}

impl Transform for Inverse<'_> {
    #[inline(always)]
    fn run<S: Points>(self, s: S) {
        let Self {
            table,
            row,
            src,
            last,
        } = self;
        let b = Bounds::new(s, table.modulus());
        let t = &table.inverse;
        let (first, second) = table.radices();
        for (i, factors) in t.second.iter().enumerate() {
            for r in i * second..(i + 1) * second {
                rows::prefetch(s, t, src.unwrap_or(row), r + ROWS_AHEAD);
                if let Some(src) = src {
                    row[r] = src[r];
                }
                rows::inverse(s, b, t, r, &mut row[r]);
            }
            let part = &mut row[i * second..][..second];
            match second {
                1 => {}
                8 => columns::inverse::<S, 8>(s, b, factors, part, 1),
                _ => columns::inverse::<S, 16>(s, b, factors, part, 1),
            }
        }
        let stride = row.len() / first;
        match first {
            4 => columns::inverse_last::<S, 4>(s, b, &t.first, row, stride, last),
            8 => columns::inverse_last::<S, 8>(s, b, &t.first, row, stride, last),
            _ => columns::inverse_last::<S, 16>(s, b, &t.first, row, stride, last),
        }
    }
}

//! Point by point arithmetic on rows of one modulus.

#[cfg(test)]
mod tests;

use engine::arith::{Modulus, ShoupFactor, Word};

use super::{
    error::{KernelError, check_length},
    isa::{Isa, Kernel},
    lanes::{Lanes, Line},
    reduction::Reduction,
};

/// The row as vectors.
pub(super) fn lines<'a>(
    operation: &'static str,
    length: usize,
    row: &'a [Word],
) -> Result<&'a [Line], KernelError> {
    check_length(operation, "words in a row", length, row.len())?;
    let (lines, rest) = row.as_chunks();
    check_length(operation, "words beside whole vectors", 0, rest.len())?;
    Ok(lines)
}

/// The row as vectors.
pub(super) fn lines_mut<'a>(
    operation: &'static str,
    row: &'a mut [Word],
) -> Result<&'a mut [Line], KernelError> {
    let (lines, rest) = row.as_chunks_mut();
    check_length(operation, "words beside whole vectors", 0, rest.len())?;
    Ok(lines)
}

/// A function of `1 + K` residues; in and out in `[0, q)`.
trait Pointwise<const K: usize> {
    fn apply<S: Lanes>(
        &self,
        r: &Reduction<S>,
        first: S::Vector,
        rest: [S::Vector; K],
    ) -> S::Vector;
}

struct Add;
impl Pointwise<1> for Add {
    #[inline(always)]
    fn apply<S: Lanes>(&self, r: &Reduction<S>, a: S::Vector, [b]: [S::Vector; 1]) -> S::Vector {
        r.add(a, b)
    }
}

struct Sub;
impl Pointwise<1> for Sub {
    #[inline(always)]
    fn apply<S: Lanes>(&self, r: &Reduction<S>, a: S::Vector, [b]: [S::Vector; 1]) -> S::Vector {
        r.sub(a, b)
    }
}

struct Neg;
impl Pointwise<0> for Neg {
    #[inline(always)]
    fn apply<S: Lanes>(&self, r: &Reduction<S>, a: S::Vector, []: [S::Vector; 0]) -> S::Vector {
        r.neg(a)
    }
}

struct Mul;
impl Pointwise<1> for Mul {
    #[inline(always)]
    fn apply<S: Lanes>(&self, r: &Reduction<S>, a: S::Vector, [b]: [S::Vector; 1]) -> S::Vector {
        r.reduce_wide(r.product(a, b))
    }
}

struct MulAdd;
impl Pointwise<2> for MulAdd {
    #[inline(always)]
    fn apply<S: Lanes>(&self, r: &Reduction<S>, c: S::Vector, [a, b]: [S::Vector; 2]) -> S::Vector {
        r.add(c, r.reduce_wide(r.product(a, b)))
    }
}

struct Scale(ShoupFactor);
impl Pointwise<0> for Scale {
    #[inline(always)]
    fn apply<S: Lanes>(&self, r: &Reduction<S>, a: S::Vector, []: [S::Vector; 0]) -> S::Vector {
        r.mul(a, self.0)
    }
}

struct ScaleAdd(ShoupFactor);
impl Pointwise<1> for ScaleAdd {
    #[inline(always)]
    fn apply<S: Lanes>(&self, r: &Reduction<S>, c: S::Vector, [a]: [S::Vector; 1]) -> S::Vector {
        r.add(c, r.mul(a, self.0))
    }
}

struct SubScale(ShoupFactor);
impl Pointwise<1> for SubScale {
    #[inline(always)]
    fn apply<S: Lanes>(&self, r: &Reduction<S>, a: S::Vector, [b]: [S::Vector; 1]) -> S::Vector {
        r.mul(r.sub_lazy(a, b), self.0)
    }
}

/// `dst = f(first, rest)`.
struct Map<'a, F, const K: usize> {
    f: F,
    q: Modulus,
    dst: &'a mut [Line],
    first: &'a [Line],
    rest: [&'a [Line]; K],
}

impl<F: Pointwise<K>, const K: usize> Kernel for Map<'_, F, K> {
    type Output = ();
    #[inline(always)]
    fn run<S: Lanes>(self, s: S) {
        let r = Reduction::new(s, self.q);
        let n = self.dst.len();
        let (first, rest) = (&self.first[..n], self.rest.map(|row| &row[..n]));
        for i in 0..n {
            let mut x = [s.splat(0); K];
            for (x, row) in x.iter_mut().zip(rest) {
                *x = s.load(&row[i]);
            }
            s.store(self.f.apply(&r, s.load(&first[i]), x), &mut self.dst[i]);
        }
    }
}

/// `acc = f(acc, rest)`.
struct Update<'a, F, const K: usize> {
    f: F,
    q: Modulus,
    acc: &'a mut [Line],
    rest: [&'a [Line]; K],
}

impl<F: Pointwise<K>, const K: usize> Kernel for Update<'_, F, K> {
    type Output = ();
    #[inline(always)]
    fn run<S: Lanes>(self, s: S) {
        let r = Reduction::new(s, self.q);
        let n = self.acc.len();
        let rest = self.rest.map(|row| &row[..n]);
        for i in 0..n {
            let mut x = [s.splat(0); K];
            for (x, row) in x.iter_mut().zip(rest) {
                *x = s.load(&row[i]);
            }
            let acc = &mut self.acc[i];
            s.store(self.f.apply(&r, s.load(acc), x), acc);
        }
    }
}

fn map<F: Pointwise<K>, const K: usize>(
    operation: &'static str,
    f: F,
    isa: Isa,
    q: Modulus,
    dst: &mut [Word],
    first: &[Word],
    rest: [&[Word]; K],
) -> Result<(), KernelError> {
    let n = dst.len();
    let mut inputs: [&[Line]; K] = [&[]; K];
    for (input, row) in inputs.iter_mut().zip(rest) {
        *input = lines(operation, n, row)?;
    }
    isa.run(Map {
        f,
        q,
        dst: lines_mut(operation, dst)?,
        first: lines(operation, n, first)?,
        rest: inputs,
    });
    Ok(())
}

fn update<F: Pointwise<K>, const K: usize>(
    operation: &'static str,
    f: F,
    isa: Isa,
    q: Modulus,
    acc: &mut [Word],
    rest: [&[Word]; K],
) -> Result<(), KernelError> {
    let n = acc.len();
    let mut inputs: [&[Line]; K] = [&[]; K];
    for (input, row) in inputs.iter_mut().zip(rest) {
        *input = lines(operation, n, row)?;
    }
    let acc = lines_mut(operation, acc)?;
    isa.run(Update {
        f,
        q,
        acc,
        rest: inputs,
    });
    Ok(())
}

/// `dst = a + b`. All in `[0, q)`.
///
/// # Errors
/// [`KernelError::Length`] unless the rows have the same length, a multiple of 16.
pub fn add(
    isa: Isa,
    q: Modulus,
    dst: &mut [Word],
    a: &[Word],
    b: &[Word],
) -> Result<(), KernelError> {
    map("sum", Add, isa, q, dst, a, [b])
}

/// `acc += a`. All in `[0, q)`.
///
/// # Errors
/// As [`add`].
pub fn add_assign(isa: Isa, q: Modulus, acc: &mut [Word], a: &[Word]) -> Result<(), KernelError> {
    update("sum", Add, isa, q, acc, [a])
}

/// `dst = a - b`. All in `[0, q)`.
///
/// # Errors
/// As [`add`].
pub fn sub(
    isa: Isa,
    q: Modulus,
    dst: &mut [Word],
    a: &[Word],
    b: &[Word],
) -> Result<(), KernelError> {
    map("difference", Sub, isa, q, dst, a, [b])
}

/// `acc -= a`. All in `[0, q)`.
///
/// # Errors
/// As [`add`].
pub fn sub_assign(isa: Isa, q: Modulus, acc: &mut [Word], a: &[Word]) -> Result<(), KernelError> {
    update("difference", Sub, isa, q, acc, [a])
}

/// `dst = -a`. All in `[0, q)`.
///
/// # Errors
/// As [`add`].
pub fn neg(isa: Isa, q: Modulus, dst: &mut [Word], a: &[Word]) -> Result<(), KernelError> {
    map("negation", Neg, isa, q, dst, a, [])
}

/// `dst = a * b`. All in `[0, q)`.
///
/// # Errors
/// As [`add`].
pub fn mul(
    isa: Isa,
    q: Modulus,
    dst: &mut [Word],
    a: &[Word],
    b: &[Word],
) -> Result<(), KernelError> {
    map("product", Mul, isa, q, dst, a, [b])
}

/// `acc *= a`. All in `[0, q)`.
///
/// # Errors
/// As [`add`].
pub fn mul_assign(isa: Isa, q: Modulus, acc: &mut [Word], a: &[Word]) -> Result<(), KernelError> {
    update("product", Mul, isa, q, acc, [a])
}

/// `acc += a * b`. All in `[0, q)`.
///
/// # Errors
/// As [`add`].
pub fn mul_add_assign(
    isa: Isa,
    q: Modulus,
    acc: &mut [Word],
    a: &[Word],
    b: &[Word],
) -> Result<(), KernelError> {
    update("sum of products", MulAdd, isa, q, acc, [a, b])
}

/// `dst = a * w`. `a` any words, the result in `[0, q)`.
///
/// # Errors
/// As [`add`].
pub fn scale(
    isa: Isa,
    q: Modulus,
    dst: &mut [Word],
    a: &[Word],
    w: ShoupFactor,
) -> Result<(), KernelError> {
    map("multiple", Scale(w), isa, q, dst, a, [])
}

/// `acc *= w`. `acc` any words, the result in `[0, q)`.
///
/// # Errors
/// As [`add`].
pub fn scale_assign(
    isa: Isa,
    q: Modulus,
    acc: &mut [Word],
    w: ShoupFactor,
) -> Result<(), KernelError> {
    update("multiple", Scale(w), isa, q, acc, [])
}

/// `acc += a * w`. `a` any words, `acc` in `[0, q)`.
///
/// # Errors
/// As [`add`].
pub fn scale_add_assign(
    isa: Isa,
    q: Modulus,
    acc: &mut [Word],
    a: &[Word],
    w: ShoupFactor,
) -> Result<(), KernelError> {
    update("sum of multiples", ScaleAdd(w), isa, q, acc, [a])
}

/// `dst = (a - b) * w`. All in `[0, q)`.
///
/// # Errors
/// As [`add`].
pub fn sub_scale(
    isa: Isa,
    q: Modulus,
    dst: &mut [Word],
    a: &[Word],
    b: &[Word],
    w: ShoupFactor,
) -> Result<(), KernelError> {
    map("scaled difference", SubScale(w), isa, q, dst, a, [b])
}

/// `acc = (acc - b) * w`. All in `[0, q)`.
///
/// # Errors
/// As [`add`].
pub fn sub_scale_assign(
    isa: Isa,
    q: Modulus,
    acc: &mut [Word],
    b: &[Word],
    w: ShoupFactor,
) -> Result<(), KernelError> {
    update("scaled difference", SubScale(w), isa, q, acc, [b])
}

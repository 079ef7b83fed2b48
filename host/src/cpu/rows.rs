//! Rows in parallel, each with its polynomial, limb and modulus.

use engine::arith::{Modulus, Word};
use engine::backend::{BackendError, Shape};
use engine::ring::{Basis, LimbIndex, RingContext};
use rayon::prelude::*;
use std::ops::Range;

use super::simd::{self, KernelError};
use super::{Cpu, CpuBuffer};

/// Where a row is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// The polynomial.
    pub poly: usize,
    /// The row within the polynomial.
    pub row: usize,
    /// The limb.
    pub limb: usize,
    /// Its modulus.
    pub modulus: Modulus,
}

/// The place of each row of a shape.
pub(super) fn places(ring: &RingContext, shape: &Shape) -> Vec<Place> {
    let polys =
        (0..shape.batch).flat_map(|poly| shape.basis.iter().enumerate().map(move |l| (poly, l)));
    polys
        .map(|(poly, (row, limb))| Place {
            poly,
            row,
            limb,
            modulus: ring.modulus(limb),
        })
        .collect()
}

impl Cpu {
    /// Calls `f` for every task, in parallel, on the threads of this backend.
    pub(super) fn each<T: Send, E: Into<BackendError> + Send>(
        &self,
        tasks: Vec<T>,
        f: impl Fn(T) -> Result<(), E> + Sync + Send,
    ) -> Result<(), BackendError> {
        let run = || tasks.into_par_iter().with_max_len(1).try_for_each(f);
        self.threads.install(run).map_err(Into::into)
    }

    /// Rows of a group, of so many in all: at most [`simd::GROUP`], and so few that there is a group for each thread.
    pub(super) fn group_size(&self, rows: usize) -> usize {
        rows.div_ceil(self.threads()).clamp(1, simd::GROUP)
    }

    /// Calls `f` for every row, in parallel.
    pub(super) fn for_rows(
        &self,
        x: &mut CpuBuffer,
        f: impl Fn(Place, &mut [Word]) -> Result<(), KernelError> + Sync + Send,
    ) -> Result<(), BackendError> {
        let places = places(&self.context, &x.shape);
        let tasks = x.memory.iter_mut().zip(places).collect();
        self.each(tasks, |(row, place)| f(place, row))
    }
}

/// Shapes are checked before a kernel is called; what it refuses then is a fault of ours.
impl From<KernelError> for BackendError {
    fn from(error: KernelError) -> Self {
        Self::Internal(error.to_string())
    }
}

/// `basis` in pieces of at most `size` consecutive limbs, none of which straddles the border of a digit or of the special
/// limbs: the rows of each.
pub(super) fn groups(ring: &RingContext, basis: &Basis, size: usize) -> Vec<Range<usize>> {
    groups_by(basis, size, |limb| ring.digits().digit_of(limb))
}

/// `basis` in pieces of at most `size` consecutive limbs of one kind: the rows of each.
pub(super) fn groups_by<K: PartialEq>(
    basis: &Basis,
    size: usize,
    kind: impl Fn(LimbIndex) -> K,
) -> Vec<Range<usize>> {
    let kinds: Vec<K> = basis.iter().map(kind).collect();
    let mut groups = Vec::new();
    let mut start = 0;
    for end in 1..=kinds.len() {
        if end == kinds.len() || end - start == size || kinds[end] != kinds[start] {
            groups.push(start..end);
            start = end;
        }
    }
    groups
}

//! What the processor does at most.

use std::thread;
use std::time::Instant;

use engine::arith::ShoupFactor;
use engine::backend::{BackendError, Transfer};

use super::{COPY_BYTES, Ceilings, TRIALS};
use crate::cpu::Cpu;
use crate::cpu::simd::{self, KernelError};

/// Words that a thread multiplies again and again: a quarter of the smallest first-level cache.
const WORDS: usize = 2048;
/// How often.
const ROUNDS: usize = 4096;

/// The best of some trials.
pub(super) fn of_cpu(cpu: &Cpu) -> Result<Ceilings, BackendError> {
    let (mut copy, mut multiply): (f64, f64) = (0.0, 0.0);
    let from = vec![1u32; COPY_BYTES / size_of::<u32>()];
    let mut to = vec![0u32; from.len()];
    for _ in 0..TRIALS {
        let begun = Instant::now();
        copy_on_threads(cpu.threads(), &from, &mut to);
        copy = copy.max(2.0 * COPY_BYTES as f64 / begun.elapsed().as_secs_f64());
        let begun = Instant::now();
        multiply_on_threads(cpu)?;
        let products = (WORDS * ROUNDS * cpu.threads()) as f64;
        multiply = multiply.max(products / begun.elapsed().as_secs_f64());
    }
    Ok(Ceilings {
        copy_gb_per_s: copy / 1e9,
        multiply_gmul_per_s: multiply / 1e9,
    })
}

fn copy_on_threads(threads: usize, from: &[u32], to: &mut [u32]) {
    let piece = from.len().div_ceil(threads);
    thread::scope(|scope| {
        for (to, from) in to.chunks_mut(piece).zip(from.chunks(piece)) {
            scope.spawn(|| to.copy_from_slice(from));
        }
    });
}

/// Products by a constant of words that stay in the cache.
fn multiply_on_threads(cpu: &Cpu) -> Result<(), KernelError> {
    let (isa, q) = (cpu.isa(), cpu.context().modulus(0));
    let w = ShoupFactor::new(q.value() / 3, q);
    let work = || {
        let mut row = vec![1; WORDS];
        (0..ROUNDS).try_for_each(|_| simd::scale_assign(isa, q, &mut row, w))
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..cpu.threads()).map(|_| scope.spawn(work)).collect();
        let done = threads.into_iter().map(thread::ScopedJoinHandle::join);
        // A thread that panics takes this one along at the end of the scope.
        done.flatten().collect()
    })
}

//! Whether a GPU computes what it should, before it is trusted.

use engine::backend::{BackendError, GadgetKey, GadgetOps, RingOps, Shape, Transfer};
use engine::ring::sampling::{Seed, uniform};
use engine::ring::{Basis, Digit};

use super::{Gpu, GpuError};
use crate::cpu::Cpu;

/// Ordinary limbs of the key switch: enough for two digits in most rings, few enough for a fraction of a second.
const LIMBS: usize = 4;

impl Gpu {
    /// Transforms a polynomial over all limbs and back, and switches keys over a few; the words must be those of `judge`.
    ///
    /// # Errors
    /// [`GpuError::SelfTest`] if a word is wrong or the device fails.
    pub fn self_test(&self, judge: &Cpu) -> Result<(), GpuError> {
        let failed = |what: String| GpuError::SelfTest {
            name: self.name().to_owned(),
            what,
        };
        for (what, same) in [
            ("the transform", self.same_transform(judge)),
            ("the key switch", self.same_key_switch(judge)),
        ] {
            match same {
                Ok(true) => {}
                Ok(false) => return Err(failed(format!("{what} gives wrong words"))),
                Err(error) => return Err(failed(format!("{what}: {error}"))),
            }
        }
        Ok(())
    }

    fn same_transform(&self, judge: &Cpu) -> Result<bool, BackendError> {
        let basis = Basis::new(0..self.context.moduli().len());
        let (mut mine, mut right) = (random(self, &basis, 0)?, random(judge, &basis, 0)?);
        let words = judge.download(&right)?;
        self.ntt(&mut mine)?;
        judge.ntt(&mut right)?;
        let forward = self.download(&mine)? == judge.download(&right)?;
        self.intt(&mut mine)?;
        Ok(forward && self.download(&mine)? == words)
    }

    fn same_key_switch(&self, judge: &Cpu) -> Result<bool, BackendError> {
        let all = self.context.ordinary();
        // Limbs of the first and of the last digit.
        let last = all.len().saturating_sub(LIMBS / 2);
        let basis = Basis::new(all.iter().filter(|limb| *limb < LIMBS / 2 || *limb >= last));
        let (mine, right) = (switched(self, &basis)?, switched(judge, &basis)?);
        Ok(mine == right)
    }
}

/// The same words on every backend.
fn random<B: Transfer>(backend: &B, basis: &Basis, seed: u64) -> Result<B::Buffer, BackendError> {
    let shape = Shape {
        batch: 1,
        basis: basis.clone(),
    };
    let seed = Seed([7; 32]).derive(seed);
    backend.upload(&shape, &uniform(backend.context(), basis, &seed))
}

/// The words of a key switch with a key of random words.
fn switched<B: GadgetOps>(backend: &B, basis: &Basis) -> Result<Vec<Vec<u32>>, BackendError> {
    let context = backend.context();
    let extended = basis.union(&context.special());
    let digits = context.digits().at(basis);
    // Digits that `basis` has no limbs of are never read: the smallest buffers stand for them.
    let smallest = Basis::new(basis.iter().take(1));
    let pair = |number: usize| {
        let is_there = digits.iter().any(|(Digit(digit), _)| *digit == number);
        let basis = if is_there { &extended } else { &smallest };
        let half = |half: u64| random(backend, basis, 2 * number as u64 + half + 2);
        Ok([half(0)?, half(1)?])
    };
    let key = GadgetKey {
        pairs: (0..context.digits().len())
            .map(pair)
            .collect::<Result<_, BackendError>>()?,
    };
    let x = random(backend, basis, 1)?;
    let halves = backend.key_switch(&x, &key, [Some(&x), None], basis)?;
    halves.iter().map(|half| backend.download(half)).collect()
}

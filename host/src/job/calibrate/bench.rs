//! The measuring itself: every operation on random values with fresh keys.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use engine::backend::Backend;
use engine::bootstrap::Bootstrapper;
use engine::circuits::{Ciphertexts, Operation, Parts, PlainVector, Refresh, Rotations, Slots};
use engine::ckks::{Ciphertext, Decryptor, Level, Plaintext};
use engine::ring::Rotation;
use num_complex::Complex64;

use crate::job::JobError;
use crate::job::keyed::{AtHand, Keyed};

/// Seconds by rising level.
pub(super) type Points = Vec<(Level, f64)>;

/// Rotations that are measured in turn, each with a key of its own: keys come from memory, not from a cache.
pub(super) const ROTATIONS: [i32; 4] = [1, 2, 4, 8];
/// A measurement takes so many repetitions, and so many seconds, at least.
const LEAST_REPETITIONS: usize = 5;
const LEAST_SECONDS: f64 = 0.04;
/// Bootstraps take seconds each: so many of them.
const BOOTSTRAPS: usize = 3;

/// What is measured on.
pub(super) struct Bench<'a, B: Backend> {
    pub(super) keyed: &'a Keyed<'a, B>,
    pub(super) machine: Ciphertexts<'a, B>,
}

impl<B: Backend> Bench<'_, B> {
    /// The fewest seconds that some work takes, which is told how often it was done before: whatever disturbs it only adds.
    pub(super) fn seconds(
        &self,
        mut work: impl FnMut(usize) -> Result<(), JobError>,
    ) -> Result<f64, JobError> {
        let backend = self.keyed.backend;
        // The first one makes tables and memory.
        work(0)?;
        backend.wait()?;
        let (mut times, mut total) = (Vec::new(), 0.0);
        while times.len() < LEAST_REPETITIONS || total < LEAST_SECONDS {
            let begun = Instant::now();
            work(times.len() + 1)?;
            backend.wait()?;
            let seconds = begun.elapsed().as_secs_f64();
            total += seconds;
            times.push(seconds);
        }
        Ok(least(&times))
    }

    /// Every operation but refreshes, on operands at a level.
    ///
    /// What an operation of the machine does beside others is found as a difference: five products and one rescale less one
    /// product and one rescale are four products.
    pub(super) fn operations(&self, level: Level) -> Result<Vec<(Operation, f64)>, JobError> {
        let machine = &self.machine;
        let operands = [self.keyed.encrypt(1, level)?, self.keyed.encrypt(1, level)?];
        let [x, y] = &operands;
        let plain = machine.plain(&self.values())?;
        let by = ROTATIONS.map(Rotation);
        let rotation = self.seconds(|i| done(machine.rotate(x, by[i % by.len()])))?;
        let conjugation = self.seconds(|_| done(machine.conjugate(x)))?;
        let hoisted = |count: usize| {
            self.seconds(|i| {
                let start = i % (by.len() - count + 1);
                done(machine.rotate_many(x, &by[start..start + count]))
            })
        };
        let pairs = [(x, y), (y, x), (x, x), (y, y), (x, y)];
        let tensor = |count: usize| self.seconds(|_| done(machine.dot(&pairs[..count])));
        let terms: [(&Ciphertext<B>, &PlainVector<B>); 5] = [x, y, x, y, x].map(|x| (x, &plain));
        let products = |count: usize| self.seconds(|_| done(machine.dot_plain(&terms[..count])));
        let multiples = [x, y, x, y, x].map(|x| (x, 0.5));
        let constants = |count: usize| {
            self.seconds(|_| done(machine.linear_combination(&multiples[..count], 0.0)))
        };
        let addition = self.seconds(|_| done(machine.add(x, y)))?;
        let encoding = self.seconds(|_| self.encode(level))?;

        let (alone, many) = (hoisted(1)?, hoisted(by.len())?);
        let hoisted = each(alone, many, by.len());
        let (one, five) = (products(1)?, products(5)?);
        let plain_product = each(one, five, 5);
        let rescale = (one - plain_product).max(0.0);
        let constant_product = each(constants(1)?, constants(5)?, 5);
        let (one, five) = (tensor(1)?, tensor(5)?);
        let tensor_product = each(one, five, 5);
        Ok(vec![
            (Operation::Rotation, rotation),
            (Operation::Conjugation, conjugation),
            (Operation::HoistedRotation, hoisted),
            (Operation::Decomposition, (alone - hoisted).max(0.0)),
            (Operation::TensorProduct, tensor_product),
            (
                Operation::Relinearization,
                (one - tensor_product - rescale).max(0.0),
            ),
            (Operation::PlainProduct, plain_product),
            (Operation::ConstantProduct, constant_product),
            (Operation::Rescale, rescale),
            (Operation::Addition, addition),
            (Operation::Encoding, encoding),
        ])
    }

    fn values(&self) -> Vec<Complex64> {
        let value = |i: usize| Complex64::from((i % 7) as f64 / 7.0);
        (0..self.keyed.params.slots()).map(value).collect()
    }

    fn encode(&self, level: Level) -> Result<(), JobError> {
        let evaluator = self.machine.evaluator();
        let (params, scale) = (self.keyed.params, evaluator.plaintext_scale(level));
        let values = self.values();
        let (backend, encoder) = (self.keyed.backend, &self.keyed.encoder);
        done(Plaintext::encode(
            backend,
            encoder,
            params,
            &[&values],
            level,
            scale,
        ))
    }

    pub(super) fn decrypt(&self, x: &Ciphertext<B>) -> Result<(), JobError> {
        let Keyed {
            backend,
            params,
            encoder,
            secret,
            ..
        } = self.keyed;
        done(Decryptor::new(*backend, params, Arc::clone(encoder), secret).decrypt(x))
    }

    /// Refreshes by the owner, by the level that is given back.
    pub(super) fn refreshes(
        &self,
        owner: &AtHand<'_, B>,
        levels: &[Level],
    ) -> Result<Points, JobError> {
        // A refresh is asked for when few levels are left.
        let low = self.keyed.encrypt(1, Level(0))?;
        let refresh = |&to: &Level| {
            let seconds = self.seconds(|_| done(owner.refresh(&low, to, 64.0, Parts::Complex)))?;
            Ok((to, seconds))
        };
        levels.iter().map(refresh).collect()
    }

    /// Bootstraps of complex and of real vectors by the level that is left of what they give back, and what they have in
    /// common.
    pub(super) fn bootstraps(
        &self,
        rotations: Rotations,
        points: &BTreeMap<Operation, Points>,
    ) -> Result<([(Operation, Points); 2], f64), JobError> {
        let params = self.keyed.params;
        let x = self.keyed.encrypt(1, Level(params.stc_levels()))?;
        let begun = Instant::now();
        let bootstrapper = Bootstrapper::new(self.keyed.evaluator(), rotations)?;
        let prepared = begun.elapsed().as_secs_f64();
        // The first one prepares what is left to prepare.
        let begun = Instant::now();
        let top = params.max_level();
        let bootstrap = |parts| done(bootstrapper.bootstrap(&x, 1.0, parts));
        bootstrap(Parts::Complex)?;
        self.keyed.backend.wait()?;
        let first = begun.elapsed().as_secs_f64();
        let complex = self.seconds_of_few(|| bootstrap(Parts::Complex))?;
        let real = self.seconds_of_few(|| bootstrap(Parts::Real))?;
        let preparation = prepared + (first - complex).max(0.0);
        // Whatever is less than the top is lowered to.
        let lowered: BTreeMap<Level, f64> = [Operation::ConstantProduct, Operation::Rescale]
            .iter()
            .filter_map(|operation| points.get(operation))
            .flatten()
            .fold(BTreeMap::new(), |mut sums, &(level, seconds)| {
                *sums.entry(level).or_default() += seconds;
                sums
            });
        let by_level = |seconds: f64| {
            let below = lowered.iter().filter_map(|(above, lower)| {
                let to = Level(above.0.checked_sub(1)?);
                (to < top).then_some((to, seconds + lower))
            });
            below.chain([(top, seconds)]).collect()
        };
        let both = [
            (Operation::Refresh, by_level(complex)),
            (Operation::RealRefresh, by_level(real)),
        ];
        Ok((both, preparation))
    }

    /// As [`seconds`](Self::seconds), for work that takes seconds and was done before.
    fn seconds_of_few(
        &self,
        mut work: impl FnMut() -> Result<(), JobError>,
    ) -> Result<f64, JobError> {
        let mut times = Vec::with_capacity(BOOTSTRAPS);
        for _ in 0..BOOTSTRAPS {
            let begun = Instant::now();
            work()?;
            self.keyed.backend.wait()?;
            times.push(begun.elapsed().as_secs_f64());
        }
        Ok(least(&times))
    }
}

fn done<T, E: Into<JobError>>(result: Result<T, E>) -> Result<(), JobError> {
    result.map(drop).map_err(Into::into)
}

/// Of `count` things that together take `many` when one takes `one`, with something else once.
fn each(one: f64, many: f64, count: usize) -> f64 {
    ((many - one) / (count - 1) as f64).max(0.0)
}

pub(super) fn least(times: &[f64]) -> f64 {
    times.iter().copied().fold(f64::INFINITY, f64::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_common_is_taken_away() {
        assert_eq!(each(3.0, 11.0, 5), 2.0);
        assert_eq!(each(3.0, 2.0, 5), 0.0);
        assert_eq!(least(&[3.0, 1.0, 2.0]), 1.0);
    }
}

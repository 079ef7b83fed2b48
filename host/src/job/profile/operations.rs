//! The operations that can be profiled, on random values with fresh keys.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::backend::{Backend, GadgetKey, Shape};
use engine::bootstrap::{Bootstrapper, key_plan};
use engine::circuits::{Parts, Refresh, Rotations};
use engine::ckks::{KeyPlan, Level, Params};
use engine::protocol::{Owner, PlanError, Server, Task};
use engine::ring::sampling::{Seed, uniform};
use engine::ring::{Basis, Digit, Rotation};
use engine::train::Model;

use super::outcome::Outcome;
use super::{ProfileConfig, ProfileReport, StepShape};
use crate::job::JobError;
use crate::job::keyed::{AtHand, Keyed};
use crate::job::samples::batch_size;
use crate::job::task::Setup;
use crate::job::train::bootstrapper;

/// What can be profiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Forward transforms of every limb of polynomials.
    Ntt,
    /// A key switch of polynomials.
    KeySwitch,
    /// A product of ciphertexts, relinearized and rescaled.
    Multiply,
    /// A rotation of ciphertexts.
    Rotate,
    /// A bootstrap of ciphertexts.
    Bootstrap,
    /// A training step on as many samples as fit, of 64 features and 10 classes.
    Step,
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Ntt,
        Self::KeySwitch,
        Self::Multiply,
        Self::Rotate,
        Self::Bootstrap,
        Self::Step,
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ntt => "ntt",
            Self::KeySwitch => "key-switch",
            Self::Multiply => "multiply",
            Self::Rotate => "rotate",
            Self::Bootstrap => "bootstrap",
            Self::Step => "step",
        }
    }
}

/// The rate of the step; any does.
const RATE: f64 = 1.0;
/// Ciphertexts that are alive at once, at most, beside keys: that of a bootstrap is the most.
#[cfg(feature = "gpu")]
const ALIVE: usize = 64;

/// Of keys and values: nothing here is secret, and the result is to be the same on every device.
const SEED: Seed = Seed([7; 32]);

/// An operation, which leaves its result.
pub(super) type Run<'r, B> = dyn FnMut(&mut Outcome<'_, B>) -> Result<(), JobError> + 'r;

/// What is measured: it gets the level and the operation.
type Measure<'m, B> = dyn FnMut(usize, &mut Run<'_, B>) -> Result<ProfileReport, JobError> + 'm;

/// Bytes that a device needs for an operation.
#[cfg(feature = "gpu")]
pub(super) fn memory_bytes(config: &ProfileConfig, params: &Params) -> u64 {
    let top = params.top_level();
    let keys = match config.operation {
        Operation::Ntt => 0,
        Operation::KeySwitch | Operation::Multiply | Operation::Rotate => {
            let plan = KeyPlan {
                relinearization: Some(top),
                ..no_keys()
            };
            plan.bytes(params)
        }
        Operation::Bootstrap => {
            key_plan(params, Rotations::Hoisted).map_or(0, |plan| plan.bytes(params))
        }
        Operation::Step => setup(config, params).map_or(0, |setup| setup.plan.keys().bytes(params)),
    };
    (keys + ALIVE * config.batch * params.ciphertext_bytes(top)) as u64
}

/// Prepares an operation, and has it measured.
pub(super) fn with<B: Backend>(
    config: &ProfileConfig,
    params: &Params,
    backend: &B,
    measure: &mut Measure<'_, B>,
) -> Result<ProfileReport, JobError> {
    let level = |highest: Level| match config.level.map(Level) {
        Some(level) if level > highest => {
            let range = format!("at most {} for this operation", highest.0);
            Err(JobError::option("the level", level.0, range))
        }
        level => Ok(level.unwrap_or(highest)),
    };
    match config.operation {
        Operation::Ntt => {
            let level = level(params.top_level())?;
            let mut x = random(backend, params.basis(level), config.batch, &mut 0)?;
            measure(level.0, &mut |outcome| {
                backend.ntt(&mut x)?;
                outcome.words(&x)
            })
        }
        Operation::KeySwitch => {
            let level = level(params.top_level())?;
            key_switch(config, params, backend, level, measure)
        }
        Operation::Multiply => {
            let level = level(params.max_level())?;
            let plan = KeyPlan {
                relinearization: Some(level),
                ..no_keys()
            };
            let keyed = Keyed::new(params, backend, &plan, SEED)?;
            let (x, y) = (
                keyed.encrypt(config.batch, level)?,
                keyed.encrypt(config.batch, level)?,
            );
            let evaluator = keyed.evaluator();
            measure(level.0, &mut |outcome| {
                outcome.ciphertexts(&evaluator.mul(&x, &y)?)
            })
        }
        Operation::Rotate => {
            let level = level(params.max_level())?;
            let plan = KeyPlan {
                rotations: BTreeMap::from([(Rotation(1), level)]),
                ..no_keys()
            };
            let keyed = Keyed::new(params, backend, &plan, SEED)?;
            let x = keyed.encrypt(config.batch, level)?;
            let evaluator = keyed.evaluator();
            measure(level.0, &mut |outcome| {
                outcome.ciphertexts(&evaluator.rotate(&x, Rotation(1))?)
            })
        }
        Operation::Bootstrap => {
            let level = level(Level(params.stc_levels()))?;
            let plan = key_plan(params, Rotations::Hoisted).map_err(PlanError::from)?;
            let keyed = Keyed::new(params, backend, &plan, SEED)?;
            let x = keyed.encrypt(config.batch, level)?;
            let bootstrapper = Bootstrapper::new(keyed.evaluator(), Rotations::Hoisted)?;
            measure(level.0, &mut |outcome| {
                outcome.ciphertexts(&bootstrapper.bootstrap(&x, 1.0, Parts::Complex)?)
            })
        }
        Operation::Step => step(config, params, backend, measure),
    }
}

fn no_keys() -> KeyPlan {
    KeyPlan {
        relinearization: None,
        conjugation: None,
        encapsulation: false,
        rotations: BTreeMap::new(),
    }
}

/// Polynomials unlike any before: `made` counts them.
fn random<B: Backend>(
    backend: &B,
    basis: &Basis,
    batch: usize,
    made: &mut u64,
) -> Result<B::Buffer, JobError> {
    let first = *made;
    *made += batch as u64;
    let polys = (first..*made).flat_map(|i| uniform(backend.context(), basis, &SEED.derive(i)));
    let shape = Shape {
        batch,
        basis: basis.clone(),
    };
    Ok(backend.upload(&shape, &polys.collect::<Vec<_>>())?)
}

fn key_switch<B: Backend>(
    config: &ProfileConfig,
    params: &Params,
    backend: &B,
    level: Level,
    measure: &mut Measure<'_, B>,
) -> Result<ProfileReport, JobError> {
    let (basis, key_basis) = (params.basis(level), params.key_basis(level));
    let mut made = 0;
    let x = random(backend, basis, config.batch, &mut made)?;
    let digits = params.ring().digits().at(basis);
    let is_there = |number: usize| digits.iter().any(|(Digit(digit), _)| *digit == number);
    let numbers = digits.last().map_or(0, |(Digit(last), _)| last + 1);
    // A pair is found by the number of its digit. Those of digits that `basis` has no limbs of are never read: the smallest buffers
    // stand for them.
    let smallest = Basis::new(basis.iter().take(1));
    let pairs = (0..numbers).map(|number| {
        let basis = if is_there(number) {
            &key_basis
        } else {
            &smallest
        };
        let mut half = || random(backend, basis, 1, &mut made);
        Ok([half()?, half()?])
    });
    let key = GadgetKey {
        pairs: pairs.collect::<Result<_, JobError>>()?,
    };
    measure(level.0, &mut |outcome| {
        let halves = backend.key_switch(&x, &key, [None, None], basis)?;
        halves.iter().try_for_each(|half| outcome.words(half))
    })
}

fn setup(config: &ProfileConfig, params: &Params) -> Result<Setup, JobError> {
    let StepShape {
        features,
        classes,
        activation,
        refresh,
    } = config.step;
    let batch = batch_size(None, params.slots(), classes, None)?;
    let task = Task {
        features,
        classes,
        batch,
    };
    Setup::new(params, task, activation, refresh)
}

fn step<B: Backend>(
    config: &ProfileConfig,
    params: &Params,
    backend: &B,
    measure: &mut Measure<'_, B>,
) -> Result<ProfileReport, JobError> {
    let Setup { plan, .. } = &setup(config, params)?;
    let keyed = Keyed::new(params, backend, plan.keys(), SEED)?;
    let owner = Owner::new(
        backend,
        params,
        Arc::clone(&keyed.encoder),
        keyed.secret.clone(),
    );
    let Task {
        features,
        classes,
        batch,
    } = plan.task();
    let values: Vec<f64> = (0..batch * features)
        .map(|i| (i % 13) as f64 / 13.0 - 0.5)
        .collect();
    let labels: Vec<usize> = (0..batch).map(|i| i % classes).collect();
    let samples = owner.encrypt_batch(plan, &values, &labels, &SEED)?;
    let start = Model::zeros(classes, features);
    let start = owner.encrypt_start(plan, &start, &SEED)?.ciphertext;
    let at_hand = AtHand(&owner, SEED);
    let bootstrapper = bootstrapper(plan, keyed.evaluator())?;
    let refresher: &dyn Refresh<B> = match &bootstrapper {
        Some(bootstrapper) => bootstrapper,
        None => &at_hand,
    };
    let server = Server::new(keyed.evaluator(), refresher, plan, RATE)?;
    let received = samples.received();
    measure(start.level().0, &mut |outcome| {
        let mut state = server.step(&start, &received, 0)?;
        // Where the server refreshes by itself, that is part of its work.
        if bootstrapper.is_some() {
            state = server.refresh(&state)?;
        }
        outcome.ciphertexts(&state)
    })
}

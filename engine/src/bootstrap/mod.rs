//! Bootstrapping: a ciphertext gets its levels back without the owner.
//!
//! Slots to coefficients first, while few limbs are left; then the modulus is raised through a sparse secret, which adds a
//! multiple of the bottom modulus to each coefficient; coefficients to slots; and a scaled sine removes the multiples.
//! (Cheon, Han, Kim, Kim, Song, EUROCRYPT'18; maps for the transforms: Chen, Chillotti, Song,
//! EUROCRYPT'19; double angles: Han, Ki, CT-RSA'20; encapsulation: Bossuat, Troncoso-Pastoriza, Hubaux, ACNS'22.)
//!
//! What is raised has the *values* of the vector as its coefficients, so the size that the sine is sensitive to is that of
//! the values, whatever pattern they form. A refresh is given a bound for them and scales by it, down and up.
//!
//! A value beyond the bound is not seen on ciphertexts: up to twice the bound it loses 2 bits, and beyond
//! `2^(message_bits - 2)` times the bound it comes out as another value. [`Clear`] slots check every refresh, so a
//! simulation of the same program says where it happens.

mod dft;
mod failure;
mod mod1;

pub use failure::log2_failure;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::backend::Backend;
use crate::circuits::{
    Budget, Ciphertexts, Clear, LinearMap, Parts, PlainVector, Refresh, Rotations, Slots,
};
use crate::ckks::{
    Ciphertext, Encoder, EvalError, Evaluator, KeyPlan, Level, Params, SPARSE_WEIGHT,
};
use mod1::Reduction;

/// Why a parameter set cannot be bootstrapped.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BootstrapError {
    /// No levels for it.
    #[error("parameter set {params} has no levels for bootstrapping; boot-39 has")]
    NotBootstrappable {
        /// The set.
        params: String,
    },
    /// A number of levels that the program does not have.
    #[error("parameter set {params} gives the modular reduction {found} levels, it takes {needed}")]
    Levels {
        /// The set.
        params: String,
        /// Levels it takes.
        needed: usize,
        /// Levels there are.
        found: usize,
    },
    /// The evaluator refused.
    #[error(transparent)]
    Eval(#[from] EvalError),
}

/// The program of a bootstrap, prepared on a machine whose plain vectors are `P`, but for the raising of the modulus.
#[derive(Clone, Debug)]
struct Program<P> {
    stc: Vec<LinearMap<P>>,
    /// The last map of slots-to-coefficients, without its constant.
    last: dft::Diagonals,
    cts: Vec<LinearMap<P>>,
    reduction: Reduction,
    rotations: Rotations,
    params: Params,
}

impl<P: Clone> Program<P> {
    fn new<S: Slots<Plain = P>>(
        machine: &S,
        params: &Params,
        rotations: Rotations,
    ) -> Result<Self, BootstrapError> {
        let linear_map = |map, level| linear_map(machine, map, rotations, Level(level));
        let name = || params.name().to_owned();
        if !params.is_bootstrappable() {
            return Err(BootstrapError::NotBootstrappable { params: name() });
        }
        let reduction = Reduction::new(params.bootstrap_gain());
        let (needed, found) = (reduction.depth(), params.evalmod_levels());
        if needed != found {
            return Err(BootstrapError::Levels {
                params: name(),
                needed,
                found,
            });
        }
        let encoder = Encoder::new(params.degree());
        // The slots of the raised ciphertext in units of its scale, to coefficients in units of WIDTH q0; half of it, because
        // the parts are taken as a sum and a difference with the conjugate.
        let constant =
            params.scale(params.top_level()) / (2.0 * mod1::WIDTH * Self::bottom(params));
        let each = constant.powf(1.0 / params.cts_levels() as f64);
        let cts = dft::coefficients_to_slots(&encoder, params.cts_levels()).into_iter();
        let top = params.top_level().0;
        let cts = (0..)
            .zip(cts)
            .map(|(i, map)| linear_map(dft::scaled(map, each), top - i));
        let cts = cts.collect::<Result<_, _>>()?;
        let mut stc = dft::slots_to_coefficients(&encoder, params.stc_levels());
        let last = stc.pop().unwrap_or_default();
        let stc = (0..)
            .zip(stc)
            .map(|(i, map)| linear_map(map, params.stc_levels() - i));
        Ok(Self {
            stc: stc.collect::<Result<_, _>>()?,
            last,
            cts,
            reduction,
            rotations,
            params: params.clone(),
        })
    }

    /// The modulus of level 0.
    fn bottom(params: &Params) -> f64 {
        params.ring().log2(params.basis(Level(0))).exp2()
    }

    /// The last map of slots-to-coefficients for values in `[-2^log_bound, 2^log_bound]`.
    fn last_map<S: Slots<Plain = P>>(
        &self,
        machine: &S,
        log_bound: i32,
    ) -> Result<LinearMap<P>, EvalError> {
        let unit = self.params.message_ratio() * Self::bottom(&self.params);
        let constant = unit / self.params.scale(Level(0)) / f64::from(log_bound).exp2();
        linear_map(
            machine,
            dft::scaled(self.last.clone(), constant),
            self.rotations,
            Level(1),
        )
    }

    fn slots_to_coefficients<S: Slots<Plain = P>>(
        &self,
        machine: &S,
        x: &S::Vector,
        last: &LinearMap<P>,
    ) -> Result<S::Vector, EvalError> {
        let mut x = machine.lower(x, Level(self.params.stc_levels()))?;
        for map in self.stc.iter().chain(std::iter::once(last)) {
            x = map.apply(machine, &x)?;
        }
        Ok(x)
    }

    /// From the raised vector to the values over the bound. The parts are reduced one after the other: as fast as together
    /// on a device that is busy with one, and in half the memory.
    fn reduce<S: Slots<Plain = P>>(
        &self,
        machine: &S,
        raised: &S::Vector,
        parts: Parts,
    ) -> Result<S::Vector, EvalError> {
        let mut x = raised.clone();
        for map in &self.cts {
            x = map.apply(machine, &x)?;
        }
        let conjugate = machine.conjugate(&x)?;
        let real = self
            .reduction
            .apply(machine, &machine.add(&x, &conjugate)?)?;
        if parts == Parts::Real {
            return Ok(real);
        }
        // (conjugate - x) i = 2 Im.
        let imaginary = machine.mul_i(&machine.sub(&conjugate, &x)?)?;
        let imaginary = self.reduction.apply(machine, &imaginary)?;
        machine.add(&real, &machine.mul_i(&imaginary)?)
    }
}

fn linear_map<S: Slots>(
    machine: &S,
    map: dft::Diagonals,
    rotations: Rotations,
    level: Level,
) -> Result<LinearMap<S::Plain>, EvalError> {
    let signed = |k| i32::try_from(k).unwrap_or(i32::MAX);
    let diagonals = map.into_iter().map(|(k, d)| (signed(k), d)).collect();
    match rotations {
        Rotations::Hoisted => LinearMap::at(machine, &diagonals, level),
        Rotations::Chained => Ok(LinearMap::new(machine, &diagonals)?.with(rotations)),
    }
}

/// The operations of a bootstrap, but for the raising of the modulus.
#[derive(Clone, Debug)]
pub struct Budgets {
    /// Of the first one, of a complex vector, which encodes the maps.
    pub first: Budget,
    /// Of any later one of a complex vector.
    pub complex: Budget,
    /// Of any later one of a real vector.
    pub real: Budget,
}

/// The operations of bootstraps, by dry runs.
///
/// # Cost
/// The maps on `f64`: a second at `N = 2^16`.
///
/// # Errors
/// [`BootstrapError`].
pub fn budgets(params: &Params, rotations: Rotations) -> Result<Budgets, BootstrapError> {
    let machine = Clear::counting(params.slots());
    let program = Program::new(&machine, params, rotations)?;
    let last = program.last_map(&machine, 0)?;
    let run = |parts| {
        let x = machine.zeros(1, Level(params.stc_levels()))?;
        program.slots_to_coefficients(&machine, &x, &last)?;
        let raised = machine.zeros(1, params.top_level())?;
        program.reduce(&machine, &raised, parts)?;
        Ok::<_, EvalError>(machine.take_budget())
    };
    Ok(Budgets {
        first: run(Parts::Complex)?,
        complex: run(Parts::Complex)?,
        real: run(Parts::Real)?,
    })
}

/// The keys of a bootstrap.
///
/// # Cost
/// As [`budgets`].
///
/// # Errors
/// [`BootstrapError`].
pub fn key_plan(params: &Params, rotations: Rotations) -> Result<KeyPlan, BootstrapError> {
    let budget = budgets(params, rotations)?.complex;
    Ok(KeyPlan {
        relinearization: budget.relinearization(),
        conjugation: budget.conjugation(),
        encapsulation: true,
        rotations: budget.rotations().clone(),
    })
}

/// `log2` of the probability that a bootstrap fails.
#[must_use]
pub fn log2_failure_of(params: &Params) -> f64 {
    log2_failure(SPARSE_WEIGHT, mod1::RANGE, params.degree())
}

/// Bootstraps ciphertexts with the keys of one owner.
pub struct Bootstrapper<'a, B: Backend> {
    machine: Ciphertexts<'a, B>,
    program: Program<PlainVector<B>>,
    /// The last map of slots-to-coefficients, by `log2` of the bound.
    last: Mutex<BTreeMap<i32, LinearMap<PlainVector<B>>>>,
}

/// The machine of a bootstrap cannot refresh.
struct Unrefreshed;

impl<B: Backend> Refresh<B> for Unrefreshed {
    fn refresh(
        &self,
        _: &Ciphertext<B>,
        _: Level,
        _: f64,
        _: Parts,
    ) -> Result<Ciphertext<B>, EvalError> {
        Err(EvalError::Refresh("a bootstrap has no refresh".to_owned()))
    }
}

impl<'a, B: Backend> Bootstrapper<'a, B> {
    /// Prepares the maps.
    ///
    /// # Cost
    /// Encodes 251 diagonals at `N = 2^16`: 8 s on one core. With chained rotations they are encoded when first used.
    ///
    /// # Errors
    /// [`BootstrapError`] for a set without the levels of a bootstrap.
    pub fn new(evaluator: Evaluator<'a, B>, rotations: Rotations) -> Result<Self, BootstrapError> {
        let params = evaluator.params();
        let machine = Ciphertexts::new(evaluator, &Unrefreshed);
        let program = Program::new(&machine, params, rotations)?;
        Ok(Self {
            machine,
            program,
            last: Mutex::default(),
        })
    }

    /// The same values at the highest level for use.
    ///
    /// # Range
    /// Real and imaginary parts in `[-bound, bound]`; with [`Parts::Real`] the imaginary ones are dropped. The precision is
    /// that of `bound`, or of one if it is smaller.
    ///
    /// # Errors
    /// [`EvalError::LevelExhausted`] below the levels of slots-to-coefficients, [`EvalError::OutOfRange`] for a bound that is
    /// no positive number below `2^30`, [`EvalError::MissingKey`], [`EvalError::MissingRotation`].
    pub fn bootstrap(
        &self,
        x: &Ciphertext<B>,
        bound: f64,
        parts: Parts,
    ) -> Result<Ciphertext<B>, EvalError> {
        let (op, params) = ("bootstrap", self.machine.evaluator().params());
        let needed = Level(params.stc_levels());
        if x.level() < needed {
            let left = x.level();
            return Err(EvalError::LevelExhausted { op, needed, left });
        }
        // Written so that NaN is refused too.
        if !(bound > 0.0 && bound < f64::from(1 << 30)) {
            return Err(EvalError::OutOfRange {
                op,
                found: bound,
                bound: f64::from(1 << 30),
            });
        }
        #[expect(clippy::cast_possible_truncation, reason = "at most 30")]
        let log_bound = bound.log2().ceil().max(0.0) as i32;
        let last = self.last_map(log_bound)?;
        let machine = &self.machine;
        let bottom = self.program.slots_to_coefficients(machine, x, &last)?;
        let raised = machine.evaluator().raise(&bottom)?;
        let values = self.program.reduce(machine, &raised, parts)?;
        match log_bound {
            0 => Ok(values),
            _ => machine.mul_integer(&values, 1 << log_bound),
        }
    }

    fn last_map(&self, log_bound: i32) -> Result<LinearMap<PlainVector<B>>, EvalError> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(map) = last.get(&log_bound) {
            return Ok(map.clone());
        }
        let map = self.program.last_map(&self.machine, log_bound)?;
        last.insert(log_bound, map.clone());
        Ok(map)
    }
}

impl<B: Backend> Refresh<B> for Bootstrapper<'_, B> {
    fn refresh(
        &self,
        x: &Ciphertext<B>,
        to: Level,
        bound: f64,
        parts: Parts,
    ) -> Result<Ciphertext<B>, EvalError> {
        let fresh = self.bootstrap(x, bound, parts)?;
        self.machine.lower(&fresh, to)
    }
}

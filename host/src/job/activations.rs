//! How good the activations are: their errors, levels, refreshes and, on ciphertexts, their time.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use engine::backend::Backend;
use engine::circuits::activation::{Activation, ActivationChoice, Approximation, Classes};
use engine::circuits::packing::{Grouping, Layout};
use engine::circuits::{
    Budget, Ciphertexts, Clear, Course, NoiseModel, Operation, Parts, Refresh, RefreshPlan, Slots,
    Stage,
};
use engine::ckks::{
    Ciphertext, Decryptor, Encoder, Encryptor, EvalError, Evaluator, KeyGenerator, KeyPlan, Level,
    Params, SecretKey,
};
use engine::protocol::RefreshBy;
use num_complex::Complex64;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use super::event::Running;
use super::{
    ActivationReport, ActivationsConfig, ActivationsReport, Event, JobError, Observer, SIGMOID,
    Stage as JobStage, params, random,
};
use crate::launch::{Device, Job, launch};

/// Ranges of logits that are looked at, and numbers of classes.
const RANGES: [f64; 4] = [4.0, 8.0, 32.0, 128.0];
/// See [`RANGES`].
const CLASSES: [usize; 4] = [3, 5, 7, 10];
/// The most samples in the clear.
const MAX_SAMPLES: usize = 1 << 24;
/// Ciphertexts at once, with powers of an argument among them: an estimate.
const WORKING_CIPHERTEXTS: usize = 32;

/// Measures each activation on random logits, uniform in `[-range, range]`: its polynomials on `f64`, on clear slots with
/// the noise of the parameter set, and if asked for, on ciphertexts refreshed by their owner.
///
/// # Errors
/// [`JobError`]: a parameter set that is not allowed or has too few levels, a device that fails.
pub fn activations(
    config: &ActivationsConfig,
    observer: &mut dyn Observer,
) -> Result<ActivationsReport, JobError> {
    if !(1..=MAX_SAMPLES).contains(&config.samples) {
        let range = format!("from 1 to {MAX_SAMPLES}");
        return Err(JobError::option(
            "the number of samples",
            config.samples,
            range,
        ));
    }
    let params = params::choose(&config.params, config.allow_insecure)?;
    let cases = cases(&params)?;
    let table = Table {
        config,
        cases,
        measured: AtomicUsize::new(0),
        params: &params,
    };
    launch(&table, config.device, config.threads, &params, observer)
}

struct Table<'a> {
    config: &'a ActivationsConfig,
    params: &'a Params,
    cases: Vec<Case>,
    /// Cases that need not be measured again.
    measured: AtomicUsize,
}

/// One activation for one range and number of classes, planned.
struct Case {
    choice: ActivationChoice,
    range: f64,
    classes: usize,
    activation: Activation,
    layout: Layout,
    stages: Vec<Stage>,
    plan: RefreshPlan,
    budget: Budget,
    /// Logits of as many samples as a vector holds.
    logits: Vec<f64>,
}

impl Job for Table<'_> {
    type Output = ActivationsReport;

    fn memory_bytes(&self) -> u64 {
        let Self { config, params, .. } = self;
        if !config.encrypted {
            return 0;
        }
        let keys = key_plan(&self.cases).bytes(params);
        (keys + WORKING_CIPHERTEXTS * params.ciphertext_bytes(params.top_level())) as u64
    }

    fn run<B: Backend>(
        &self,
        backend: &B,
        device: &Device,
        observer: &mut dyn Observer,
    ) -> Result<ActivationsReport, JobError> {
        let Self {
            config,
            params,
            cases,
            measured,
        } = self;
        let owner = if config.encrypted {
            Some(OwnerKeys::new(backend, params, cases)?)
        } else {
            None
        };
        let mut running = Running::begin(observer, JobStage::Evaluate, cases.len());
        let noise = NoiseModel::of(params);
        let before = measured.load(Ordering::Relaxed);
        for (case, seed) in cases.iter().zip(1..).skip(before) {
            let [max_error, mean_error] = case.clear_errors(config.samples);
            let machine = Clear::noisy(params.slots(), noise.clone(), seed);
            let x = machine.vector(&[case.scaled()?], case.plan.start)?;
            let y = case.apply(&machine, &x)?;
            let noisy_error = case.error(&machine.values(&y)[0])?;
            let encrypted = owner
                .as_ref()
                .map(|owner| owner.measure(case))
                .transpose()?;
            let report = ActivationReport {
                activation: case.choice.name().to_owned(),
                range: case.range,
                classes: case.classes,
                levels: case.activation.depth(),
                refreshes: case.budget.count(Operation::RealRefresh),
                key_switches: case.budget.key_switches(),
                max_error,
                mean_error,
                noisy_error,
                encrypted_error: encrypted.map(|(error, _)| error),
                seconds: encrypted.map(|(_, seconds)| seconds),
            };
            running.observer().event(&Event::Activation(&report));
            running.advance();
            measured.fetch_add(1, Ordering::Relaxed);
        }
        running.end();
        Ok(ActivationsReport {
            params: params.name().to_owned(),
            samples: config.samples,
            device: device.name.clone(),
            threads: device.threads,
        })
    }
}

/// Each activation for each range that it has and each number of classes.
fn cases(params: &Params) -> Result<Vec<Case>, JobError> {
    let mut cases = Vec::new();
    for choice in [
        |range| ActivationChoice::Softmax { range },
        |_| ActivationChoice::SoftmaxMax,
        |_| SIGMOID,
    ] {
        for range in RANGES {
            for classes in CLASSES {
                let case = Case::new(params, choice(range), range, classes)?;
                // The sigmoid has one range.
                if range <= case.activation.range() {
                    cases.push(case);
                }
            }
        }
    }
    Ok(cases)
}

/// The keys for all cases.
fn key_plan(cases: &[Case]) -> KeyPlan {
    let mut budget = Budget::default();
    for case in cases {
        budget.merge(&case.budget);
    }
    KeyPlan {
        relinearization: budget.relinearization(),
        conjugation: budget.conjugation(),
        encapsulation: false,
        rotations: budget.rotations().clone(),
    }
}

impl Case {
    fn new(
        params: &Params,
        choice: ActivationChoice,
        range: f64,
        classes: usize,
    ) -> Result<Self, JobError> {
        let (slots, range_of_levels) = (params.slots(), RefreshBy::of(params).levels(params));
        let activation = choice
            .build(classes)
            .map_err(engine::protocol::PlanError::from)?;
        let samples = slots / classes.next_power_of_two();
        let layout = Layout::plan(slots, classes, 1, samples, Grouping::Flat)?;
        let stages = activation.stages();
        let plan = RefreshPlan::fewest(&stages, None, range_of_levels).ok_or_else(|| {
            let deepest = stages.iter().map(|stage| stage.depth).max();
            JobError::from(EvalError::LevelExhausted {
                op: choice.name(),
                needed: Level(deepest.unwrap_or(0)),
                left: Level(range_of_levels.depth()),
            })
        })?;
        let mut case = Self {
            choice,
            range,
            classes,
            activation,
            layout,
            stages,
            plan,
            budget: Budget::default(),
            logits: uniform(samples * classes, range),
        };
        let machine = Clear::exact(slots);
        let x = machine.vector(&[case.scaled()?], case.plan.start)?;
        let _ = machine.take_budget();
        case.apply(&machine, &x)?;
        case.budget = machine.take_budget();
        Ok(case)
    }

    /// The logits in slots, as the activation takes them.
    fn scaled(&self) -> Result<Vec<Complex64>, JobError> {
        let scale = self.activation.input_scale();
        let scaled: Vec<f64> = self.logits.iter().map(|z| scale * z).collect();
        Ok(self.layout.pack_columns(&scaled)?)
    }

    fn apply<S: Slots>(&self, machine: &S, x: &S::Vector) -> Result<S::Vector, EvalError> {
        let classes = Classes::new(machine, &self.layout, &self.activation.masks())?;
        let mut course = Course::new(&self.stages, &self.plan.refreshes);
        self.activation.apply(machine, &classes, &mut course, x)
    }

    /// The largest and the mean error of the polynomials, where the error of a sample is that of its worst class.
    fn clear_errors(&self, samples: usize) -> [f64; 2] {
        let (mut largest, mut sum) = (0.0f64, 0.0);
        let logits = uniform(samples * self.classes, self.range);
        for logits in logits.chunks_exact(self.classes) {
            let mut found = logits.to_vec();
            self.activation.approximate(&mut found);
            let error = self.distance(logits, &found);
            largest = largest.max(error);
            sum += error;
        }
        [largest, sum / samples as f64]
    }

    /// The largest error of probabilities in slots.
    fn error(&self, probabilities: &[Complex64]) -> Result<f64, JobError> {
        let samples = self.logits.len() / self.classes;
        let found = self.layout.unpack_columns(probabilities, samples)?;
        let rows = self.logits.chunks_exact(self.classes);
        let errors = rows.zip(found.chunks_exact(self.classes));
        Ok(errors
            .map(|(logits, found)| self.distance(logits, found))
            .fold(0.0, f64::max))
    }

    /// The distance of a sample's probabilities to the exact ones.
    fn distance(&self, logits: &[f64], found: &[f64]) -> f64 {
        let mut exact = logits.to_vec();
        self.activation.exact(&mut exact);
        let errors = exact.iter().zip(found).map(|(a, b)| (a - b).abs());
        errors.fold(0.0, f64::max)
    }
}

/// Numbers in `[-range, range]`, always the same.
fn uniform(count: usize, range: f64) -> Vec<f64> {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut number = || range * (f64::from(random.next_u32()) / f64::from(u32::MAX / 2) - 1.0);
    (0..count).map(|_| number()).collect()
}

/// The owner of a key, who encrypts, refreshes and decrypts, with the server's keys at hand.
struct OwnerKeys<'a, B: Backend> {
    backend: &'a B,
    params: &'a Params,
    encoder: Arc<Encoder>,
    secret: SecretKey,
    keys: engine::ckks::EvaluationKeys<B>,
    /// Seconds that refreshes took.
    refreshing: Cell<f64>,
}

impl<'a, B: Backend> OwnerKeys<'a, B> {
    /// Keys for all cases.
    fn new(backend: &'a B, params: &'a Params, cases: &[Case]) -> Result<Self, JobError> {
        let plan = key_plan(cases);
        let secret = SecretKey::generate(params, &random::secret_seed()?);
        let generator = KeyGenerator::new(backend, params, &secret);
        let keys = generator.evaluation_keys(&plan, &random::secret_seed()?)?;
        Ok(Self {
            backend,
            params,
            encoder: Arc::new(Encoder::new(params.degree())),
            keys,
            secret,
            refreshing: Cell::new(0.0),
        })
    }

    /// The error on ciphertexts, and the seconds it took without refreshes.
    fn measure(&self, case: &Case) -> Result<(f64, f64), JobError> {
        let encoder = Arc::clone(&self.encoder);
        let evaluator = Evaluator::new(self.backend, self.params, encoder, &self.keys);
        let machine = Ciphertexts::new(evaluator, self);
        let x = self.encrypt(&[case.scaled()?], case.plan.start)?;
        self.refreshing.set(0.0);
        let begun = Instant::now();
        let y = case.apply(&machine, &x)?;
        let error = case.error(&self.decrypt(&y)?[0])?;
        Ok((error, begun.elapsed().as_secs_f64() - self.refreshing.get()))
    }

    fn encrypt(
        &self,
        vectors: &[Vec<Complex64>],
        level: Level,
    ) -> Result<Ciphertext<B>, EvalError> {
        let seed = random::secret_seed().map_err(|error| EvalError::Refresh(error.to_string()))?;
        let vectors: Vec<&[Complex64]> = vectors.iter().map(Vec::as_slice).collect();
        let encryptor = Encryptor::new(self.backend, self.params, Arc::clone(&self.encoder));
        let (fresh, _) = encryptor.with_secret(&self.secret, &vectors, level, &seed)?;
        Ok(fresh)
    }

    fn decrypt(&self, x: &Ciphertext<B>) -> Result<Vec<Vec<Complex64>>, EvalError> {
        let encoder = Arc::clone(&self.encoder);
        Decryptor::new(self.backend, self.params, encoder, &self.secret).decrypt(x)
    }
}

impl<B: Backend> Refresh<B> for OwnerKeys<'_, B> {
    fn refresh(
        &self,
        x: &Ciphertext<B>,
        to: Level,
        _: f64,
        _: Parts,
    ) -> Result<Ciphertext<B>, EvalError> {
        let begun = Instant::now();
        let fresh = self.encrypt(&self.decrypt(x)?, to)?;
        let seconds = self.refreshing.get() + begun.elapsed().as_secs_f64();
        self.refreshing.set(seconds);
        Ok(fresh)
    }
}

//! The measuring itself: every operation at a few levels, on random values with fresh keys.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use engine::backend::{Backend, BackendError};
use engine::bootstrap::{Bootstrapper, key_plan};
use engine::circuits::{Ciphertexts, Costs, Curve, Operation, PlainVector, Refresh, Slots};
use engine::ckks::{
    Ciphertext, Decryptor, Encoder, EvaluationKeys, KeyGenerator, KeyName, KeyPlan, Level, Params,
    Plaintext, SecretKey,
};
use engine::protocol::{Owner, PlanError, RefreshBy};
use engine::ring::Rotation;
use engine::train::{ExactTrainer, Model, Precision};
use num_complex::Complex64;

use super::{Asked, Calibration, Subject};
use crate::job::event::Running;
use crate::job::keyed::{AtHand, Keyed};
use crate::job::task::SIGMOID;
use crate::job::{JobError, Observer, Stage, random};
use crate::launch::{Device, Job, launch};

/// The most levels between two that are measured.
const STRIDE: usize = 4;
/// Rotations that are measured in turn, each with a key of its own: keys come from memory, not from a cache.
const ROTATIONS: [i32; 4] = [1, 2, 4, 8];
/// Samples, features and classes of the training in the clear that is measured.
const CLEAR: [usize; 3] = [256, 256, 10];
/// Levels at which the making of keys is measured, where bootstrapping does not ask for more.
const KEY_LEVELS: usize = 3;
/// Ciphertexts that are alive at once, at most, beside keys: that of a bootstrap is the most.
const CIPHERTEXTS: usize = 64;
/// A measurement takes so many repetitions, and so many seconds, at least.
const BOOTSTRAPS: usize = 3;
const LEAST_REPETITIONS: usize = 5;
const LEAST_SECONDS: f64 = 0.04;

/// Measures on the device that is asked for.
pub(super) fn on_device(
    asked: &Asked<'_>,
    observer: &mut dyn Observer,
) -> Result<Calibration, JobError> {
    let keys = keys(asked)?;
    let measuring = Measuring { asked, keys };
    let threads = Some(asked.threads);
    launch(&measuring, asked.device, threads, asked.params, observer)
}

struct Measuring<'a> {
    asked: &'a Asked<'a>,
    keys: KeyPlan,
}

impl Job for Measuring<'_> {
    type Output = Calibration;

    fn memory_bytes(&self) -> u64 {
        let params = self.asked.params;
        let ciphertexts = CIPHERTEXTS * params.ciphertext_bytes(params.top_level());
        (self.keys.bytes(params) + ciphertexts) as u64
    }

    fn run<B: Backend>(
        &self,
        backend: &B,
        device: &Device,
        observer: &mut dyn Observer,
    ) -> Result<Calibration, JobError> {
        let subject = self.asked.subject(device.name.clone())?;
        all(self.asked, backend, &self.keys, subject, observer)
    }
}

/// Keys for every operation at every level for use, and those of a bootstrap.
fn keys(asked: &Asked<'_>) -> Result<KeyPlan, JobError> {
    let top = asked.params.max_level();
    let mut keys = KeyPlan {
        relinearization: Some(top),
        conjugation: Some(top),
        encapsulation: false,
        rotations: ROTATIONS.map(|by| (Rotation(by), top)).into(),
    };
    for part in 1..KEY_LEVELS {
        let by = Rotation(-i32::try_from(part).unwrap_or(1));
        keys.rotations.insert(by, Level(part * top.0 / KEY_LEVELS));
    }
    match asked.refresh.rotations() {
        None => Ok(keys),
        Some(rotations) => {
            let bootstrap = key_plan(asked.params, rotations).map_err(PlanError::from)?;
            Ok(keys.union(&bootstrap))
        }
    }
}

/// Levels on both sides of those where a gadget digit begins, and some between.
fn levels(params: &Params) -> Vec<Level> {
    let digits = |level: usize| params.ring().digits().at(params.basis(Level(level))).len();
    let top = params.max_level().0;
    let mut levels: BTreeSet<usize> = [1, top].into();
    for level in 1..top {
        if digits(level) != digits(level + 1) {
            levels.extend([level, level + 1]);
        }
    }
    let known: Vec<usize> = levels.iter().copied().collect();
    for pair in known.windows(2) {
        levels.extend((pair[0]..pair[1]).step_by(STRIDE));
    }
    levels.into_iter().map(Level).collect()
}

fn all<B: Backend>(
    asked: &Asked<'_>,
    backend: &B,
    plan: &KeyPlan,
    subject: Subject,
    observer: &mut dyn Observer,
) -> Result<Calibration, JobError> {
    let params = asked.params;
    let mut running = Running::begin(observer, Stage::Keys, plan.len());
    let (keyed, key) = make_keys(params, backend, plan, &mut running)?;
    running.end();

    let levels = levels(params);
    let mut running = Running::begin(observer, Stage::Calibrate, levels.len() + 2);
    let owner = Owner::new(
        backend,
        params,
        Arc::clone(&keyed.encoder),
        keyed.secret.clone(),
    );
    let at_hand = AtHand(&owner, random::secret_seed()?);
    let bench = Bench {
        keyed: &keyed,
        machine: Ciphertexts::new(keyed.evaluator(), &at_hand),
    };
    let mut points: BTreeMap<Operation, Vec<(Level, f64)>> = BTreeMap::new();
    let (mut encryption, mut decryption) = (Vec::new(), Vec::new());
    for &level in &levels {
        for (operation, seconds) in bench.operations(level)? {
            points.entry(operation).or_default().push((level, seconds));
        }
        let fresh = keyed.encrypt(1, level)?;
        encryption.push((level, bench.seconds(|_| keyed.encrypt(1, level).map(drop))?));
        decryption.push((level, bench.seconds(|_| bench.decrypt(&fresh))?));
        running.advance();
    }
    let (refresh, bootstrap_preparation) = match asked.refresh {
        RefreshBy::Owner => (bench.refreshes(&at_hand, &levels)?, 0.0),
        RefreshBy::Bootstrap | RefreshBy::BootstrapLean => {
            bench.bootstraps(asked.refresh, &points)?
        }
    };
    points.insert(Operation::Refresh, refresh);
    running.advance();
    let clear_product = clear_product(&bench)?;
    running.advance();
    running.end();
    let curves = points
        .into_iter()
        .map(|(operation, points)| Ok((operation, curve(points)?)));
    let costs = Costs::new(curves.collect::<Result<_, JobError>>()?);
    Ok(Calibration {
        subject,
        costs: costs.map_err(|error| JobError::Measured(error.to_string()))?,
        key: curve(key)?,
        encryption: curve(encryption)?,
        decryption: curve(decryption)?,
        bootstrap_preparation,
        clear_product,
        seconds: 0.0,
    })
}

/// A curve through measured points. Nothing takes longer at a lower level, and what disturbs a measurement only adds: so what
/// was measured above a level bounds what is measured there.
fn curve(mut points: Vec<(Level, f64)>) -> Result<Curve, JobError> {
    points
        .iter_mut()
        .rev()
        .fold(f64::INFINITY, |bound, (_, seconds)| {
            *seconds = seconds.min(bound);
            *seconds
        });
    Curve::new(points).map_err(|error| JobError::Measured(error.to_string()))
}

/// The keys, and the seconds that one takes by its highest level.
fn make_keys<'a, B: Backend>(
    params: &'a Params,
    backend: &'a B,
    plan: &KeyPlan,
    running: &mut Running<'_>,
) -> Result<(Keyed<'a, B>, Vec<(Level, f64)>), JobError> {
    let secret = SecretKey::generate(params, &random::secret_seed()?);
    let levels: BTreeMap<KeyName, Level> = KeyName::all(params, plan).into_iter().collect();
    let mut keys = EvaluationKeys::default();
    let mut times: BTreeMap<Level, Vec<f64>> = BTreeMap::new();
    let mut begun = Instant::now();
    let generator = KeyGenerator::new(backend, params, &secret);
    generator.each_key(plan, &random::secret_seed()?, |name, key| {
        backend.wait()?;
        // Keys to and from the sparse secret are of another size, and there are two.
        if let (false, Some(level)) = (
            matches!(name, KeyName::ToSparse | KeyName::ToDense),
            levels.get(&name),
        ) {
            times
                .entry(*level)
                .or_default()
                .push(begun.elapsed().as_secs_f64());
        }
        name.insert(&mut keys, params.degree(), key);
        running.advance();
        begun = Instant::now();
        Ok::<_, BackendError>(())
    })?;
    let keyed = Keyed {
        backend,
        params,
        encoder: Arc::new(Encoder::new(params.degree())),
        secret,
        keys,
    };
    let times = times.into_iter();
    Ok((
        keyed,
        times.map(|(level, times)| (level, least(&times))).collect(),
    ))
}

struct Bench<'a, B: Backend> {
    keyed: &'a Keyed<'a, B>,
    machine: Ciphertexts<'a, B>,
}

impl<B: Backend> Bench<'_, B> {
    /// The fewest seconds that some work takes, which is told how often it was done before: whatever disturbs it only adds.
    fn seconds(
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
    fn operations(&self, level: Level) -> Result<Vec<(Operation, f64)>, JobError> {
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

    fn decrypt(&self, x: &Ciphertext<B>) -> Result<(), JobError> {
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
    fn refreshes(
        &self,
        owner: &AtHand<'_, B>,
        levels: &[Level],
    ) -> Result<Vec<(Level, f64)>, JobError> {
        // A refresh is asked for when few levels are left.
        let low = self.keyed.encrypt(1, Level(0))?;
        let refresh = |&to: &Level| {
            let seconds = self.seconds(|_| done(owner.refresh(&low, to, 64.0)))?;
            Ok((to, seconds))
        };
        levels.iter().map(refresh).collect()
    }

    /// Bootstraps by the level that is left of what they give back, and what they have in common.
    fn bootstraps(
        &self,
        by: RefreshBy,
        points: &BTreeMap<Operation, Vec<(Level, f64)>>,
    ) -> Result<(Vec<(Level, f64)>, f64), JobError> {
        let Some(rotations) = by.rotations() else {
            return Ok((Vec::new(), 0.0));
        };
        let params = self.keyed.params;
        let x = self.keyed.encrypt(1, Level(params.stc_levels()))?;
        let begun = Instant::now();
        let bootstrapper =
            Bootstrapper::new(self.keyed.evaluator(), rotations).map_err(PlanError::from)?;
        let prepared = begun.elapsed().as_secs_f64();
        // The first one prepares what is left to prepare.
        let begun = Instant::now();
        let top = params.max_level();
        bootstrapper.refresh(&x, top, 1.0)?;
        self.keyed.backend.wait()?;
        let first = begun.elapsed().as_secs_f64();
        let seconds = self.seconds_of_few(|| done(bootstrapper.refresh(&x, top, 1.0)))?;
        let preparation = prepared + (first - seconds).max(0.0);
        // Whatever is less than the top is lowered to.
        let lowered: BTreeMap<Level, f64> = [Operation::ConstantProduct, Operation::Rescale]
            .iter()
            .filter_map(|operation| points.get(operation))
            .flatten()
            .fold(BTreeMap::new(), |mut sums, &(level, seconds)| {
                *sums.entry(level).or_default() += seconds;
                sums
            });
        let below = lowered.into_iter().filter_map(|(above, lower)| {
            let to = Level(above.0.checked_sub(1)?);
            (to < top).then_some((to, seconds + lower))
        });
        Ok((below.chain([(top, seconds)]).collect(), preparation))
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

/// Training in the clear, for each sample, feature and class.
fn clear_product<B: Backend>(bench: &Bench<'_, B>) -> Result<f64, JobError> {
    let [samples, features, classes] = CLEAR;
    let activation = SIGMOID.build(classes).map_err(PlanError::from)?;
    let x: Vec<f64> = (0..samples * features)
        .map(|i| (i % 13) as f64 / 13.0)
        .collect();
    let labels: Vec<usize> = (0..samples).map(|i| i % classes).collect();
    let start = Model::zeros(classes, features);
    let mut trainer = ExactTrainer::new(start, &activation, Precision::Exact);
    let seconds = bench.seconds(|_| {
        trainer.step(&x, &labels, 0.1);
        Ok(())
    })?;
    Ok(seconds / (samples * features * classes) as f64)
}

fn done<T, E: Into<JobError>>(result: Result<T, E>) -> Result<(), JobError> {
    result.map(drop).map_err(Into::into)
}

/// Of `count` things that together take `many` when one takes `one`, with something else once.
fn each(one: f64, many: f64, count: usize) -> f64 {
    ((many - one) / (count - 1) as f64).max(0.0)
}

fn least(times: &[f64]) -> f64 {
    times.iter().copied().fold(f64::INFINITY, f64::min)
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::ckks::presets;

    #[test]
    fn what_disturbs_a_measurement_is_left_out() {
        let points = [(1, 2.0), (2, 9.0), (4, 3.0), (8, 5.0)];
        let found = curve(points.map(|(level, s)| (Level(level), s)).to_vec()).unwrap();
        let seconds: Vec<f64> = found.points().iter().map(|point| point.1).collect();
        assert_eq!(seconds, [2.0, 3.0, 3.0, 5.0]);
        assert!(curve(Vec::new()).is_err());
        assert_eq!(each(3.0, 11.0, 5), 2.0);
        assert_eq!(each(3.0, 2.0, 5), 0.0);
    }

    #[test]
    fn levels_are_on_both_sides_of_each_digit() {
        for name in presets::NAMES {
            let params = presets::named(name).unwrap().unwrap();
            let levels: Vec<usize> = levels(&params).into_iter().map(|level| level.0).collect();
            let digits = |level: usize| params.ring().digits().at(params.basis(Level(level))).len();
            assert_eq!((levels[0], levels.last()), (1, Some(&params.max_level().0)));
            for pair in levels.windows(2) {
                let is_jump = digits(pair[0]) != digits(pair[1]);
                assert!(
                    pair[1] - pair[0] <= if is_jump { 1 } else { STRIDE },
                    "{name}"
                );
            }
        }
    }
}

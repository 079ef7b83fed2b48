//! A calibration from its measurements: keys, levels, curves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use engine::backend::{Backend, BackendError};
use engine::bootstrap::key_plan;
use engine::circuits::{Ciphertexts, Costs, Curve, Operation};
use engine::ckks::{Encoder, EvaluationKeys, KeyGenerator, KeyName, KeyPlan, Level, Params};
use engine::protocol::{Owner, PlanError};
use engine::ring::Rotation;
use engine::train::{ExactTrainer, Model, Precision};

use super::bench::{Bench, Points, ROTATIONS, least};
use super::{Asked, Calibration, Subject};
use crate::job::event::Running;
use crate::job::keyed::{self, AtHand, Keyed};
use crate::job::task::SIGMOID;
use crate::job::{JobError, Observer, Stage, random};
use crate::launch::{Device, Job, launch};

/// The most levels between two that are measured.
const STRIDE: usize = 4;
/// Samples, features and classes of the training in the clear that is measured.
const CLEAR: [usize; 3] = [256, 256, 10];
/// Levels at which the making of keys is measured, where bootstrapping does not ask for more.
const KEY_LEVELS: usize = 3;
/// Ciphertexts that are alive at once, at most, beside keys: that of a bootstrap is the most.
const CIPHERTEXTS: usize = 64;

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
    let mut points: BTreeMap<Operation, Points> = BTreeMap::new();
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
    let mut bootstrap_preparation = 0.0;
    match asked.refresh.rotations() {
        None => {
            let refreshes = bench.refreshes(&at_hand, &levels)?;
            points.insert(Operation::RealRefresh, refreshes.clone());
            points.insert(Operation::Refresh, refreshes);
        }
        Some(rotations) => {
            let bootstraps;
            (bootstraps, bootstrap_preparation) = bench.bootstraps(rotations, &points)?;
            points.extend(bootstraps);
        }
    }
    running.advance();
    let clear_product = clear_product(&bench)?;
    running.advance();
    running.end();
    let curves = points.into_iter().map(|(operation, points)| {
        let points = match is_measured_alone(operation) {
            true => bounded(points),
            false => points,
        };
        Ok((operation, curve(points)?))
    });
    let costs = Costs::new(curves.collect::<Result<_, JobError>>()?);
    Ok(Calibration {
        subject,
        costs: costs.map_err(|error| JobError::Measured(error.to_string()))?,
        key: curve(bounded(key))?,
        encryption: curve(bounded(encryption))?,
        decryption: curve(bounded(decryption))?,
        bootstrap_preparation,
        clear_product,
        seconds: 0.0,
    })
}

fn curve(points: Points) -> Result<Curve, JobError> {
    Curve::new(points).map_err(|error| JobError::Measured(error.to_string()))
}

/// Nothing takes longer at a lower level, and what disturbs a measurement only adds: so what was measured above a level bounds
/// what is measured there. Not so for differences of measurements, which may be too small.
fn bounded(mut points: Points) -> Points {
    let from_above = points.iter_mut().rev();
    from_above.fold(f64::INFINITY, |bound, (_, seconds)| {
        *seconds = seconds.min(bound);
        *seconds
    });
    points
}

/// Whether an operation is measured by itself, and not as a difference.
const fn is_measured_alone(operation: Operation) -> bool {
    use Operation as Op;
    matches!(
        operation,
        Op::Rotation
            | Op::Conjugation
            | Op::Addition
            | Op::Encoding
            | Op::Refresh
            | Op::RealRefresh
    )
}

/// The keys, and the seconds that one takes by its highest level.
fn make_keys<'a, B: Backend>(
    params: &'a Params,
    backend: &'a B,
    plan: &KeyPlan,
    running: &mut Running<'_>,
) -> Result<(Keyed<'a, B>, Points), JobError> {
    let seed = random::secret_seed()?;
    let secret = keyed::secret(params, &seed);
    let levels: BTreeMap<KeyName, Level> = KeyName::all(params, plan).into_iter().collect();
    let mut keys = EvaluationKeys::default();
    let mut times: BTreeMap<Level, Vec<f64>> = BTreeMap::new();
    let mut begun = Instant::now();
    let generator = KeyGenerator::new(backend, params, &secret);
    generator.each_key(plan, &keyed::keys_seed(&seed), |name, key| {
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
        seed,
        secret,
        keys,
    };
    let times = times.into_iter();
    Ok((
        keyed,
        times.map(|(level, times)| (level, least(&times))).collect(),
    ))
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

#[cfg(test)]
mod tests {
    use super::*;
    use engine::ckks::presets;

    #[test]
    fn what_disturbs_a_measurement_is_left_out() {
        let points = [(1, 2.0), (2, 9.0), (4, 3.0), (8, 5.0)];
        let found = bounded(points.map(|(level, s)| (Level(level), s)).to_vec());
        let seconds: Vec<f64> = found.iter().map(|point| point.1).collect();
        assert_eq!(seconds, [2.0, 3.0, 3.0, 5.0]);
        assert!(curve(Vec::new()).is_err());
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

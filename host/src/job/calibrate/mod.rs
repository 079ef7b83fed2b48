//! What operations take on this machine: measured once, kept, and used to plan and to predict.

mod bench;
mod cache;
mod measure;

use std::path::{Path, PathBuf};
use std::time::Instant;

use engine::circuits::{Costs, Curve, Operation};
use engine::ckks::Params;
use engine::protocol::RefreshBy;
use serde::{Deserialize, Serialize};

use super::{DeviceChoice, Event, JobError, Observer, OperationCost, ParamsChoice, params};
use crate::file::hexadecimal;
use crate::launch;

/// Of [`calibrate`].
#[derive(Clone, Debug)]
pub struct CalibrateConfig {
    /// Parameter set; one below 128 bits of security will do, because nothing is kept.
    pub params: ParamsChoice,
    /// Who gives levels back; bootstrapping, where the parameter set has the levels for it, if nothing is said.
    pub refresh: Option<RefreshBy>,
    /// Device.
    pub device: DeviceChoice,
    /// Threads of the processor; all there are, if nothing is said.
    pub threads: Option<usize>,
    /// The directory of calibrations.
    pub cache: PathBuf,
    /// Whether it is measured again though there is one.
    pub again: bool,
}

/// What a calibration is of: it holds for nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Subject {
    /// Version of the program.
    version: String,
    /// Name of the parameter set.
    params: String,
    /// Its fingerprint.
    fingerprint: String,
    pub(super) device: String,
    pub(super) threads: usize,
    refresh: RefreshBy,
}

/// Seconds, measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Calibration {
    pub(super) subject: Subject,
    /// By operation and level.
    pub(super) costs: Costs,
    /// Making a switching key up to a level.
    pub(super) key: Curve,
    /// Encrypting a vector at a level.
    pub(super) encryption: Curve,
    /// Decrypting a vector at a level.
    pub(super) decryption: Curve,
    /// Preparing what bootstraps have in common, once.
    pub(super) bootstrap_preparation: f64,
    /// Training in the clear, for each sample, feature and class.
    pub(super) clear_product: f64,
    /// How long all this took.
    pub(super) seconds: f64,
}

/// Of [`calibrate`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CalibrateReport {
    /// Parameter set.
    pub params: String,
    /// Device.
    pub device: String,
    /// Threads of the processor.
    pub threads: usize,
    /// Who refreshes.
    pub refresh: String,
    /// Where it is kept.
    pub file: PathBuf,
    /// Whether it was measured now; otherwise it was there.
    pub measured: bool,
    /// How long measuring took.
    pub seconds: f64,
    /// The operations, at the levels at which they were measured.
    pub operations: Vec<OperationCost>,
    /// Making a switching key, by the highest level it is for.
    pub key: Curve,
    /// Encrypting a vector, by level.
    pub encryption: Curve,
    /// Decrypting a vector, by level.
    pub decryption: Curve,
    /// Preparing what bootstraps have in common, once.
    pub bootstrap_preparation: f64,
    /// Training in the clear, for each sample, feature and class.
    pub clear_product: f64,
}

/// Measures what operations take on a device, unless it is known.
///
/// # Errors
/// [`JobError`]: a parameter set or device that cannot be had, a directory that cannot be written.
pub fn calibrate(
    config: &CalibrateConfig,
    observer: &mut dyn Observer,
) -> Result<CalibrateReport, JobError> {
    let params = params::choose(&config.params, true)?;
    let refresh = config.refresh.unwrap_or_else(|| RefreshBy::of(&params));
    let asked = Asked {
        params: &params,
        refresh,
        device: config.device,
        threads: launch::threads_of(config.threads)?,
        cache: &config.cache,
    };
    let known = match config.again {
        true => None,
        false => asked.known(AGAIN, observer)?,
    };
    let measured = known.is_none();
    let found = match known {
        Some(known) => known,
        None => asked.measure(observer)?,
    };
    Ok(found.report(&config.cache, measured))
}

/// The costs that are known of a device, if a directory is given where they may be.
pub(super) fn known_costs(
    params: &Params,
    refresh: Option<RefreshBy>,
    (device, threads): (DeviceChoice, Option<usize>),
    cache: Option<&Path>,
    observer: &mut dyn Observer,
) -> Result<Option<Costs>, JobError> {
    let Some(cache) = cache else {
        return Ok(None);
    };
    let asked = Asked {
        params,
        refresh: refresh.unwrap_or_else(|| RefreshBy::of(params)),
        device,
        threads: launch::threads_of(threads)?,
        cache,
    };
    let known = asked.known(ESTIMATED, observer)?;
    Ok(known.map(|known| known.costs))
}

/// What comes of a calibration that is of no use.
const AGAIN: &str = "operations are measured again";
const ESTIMATED: &str =
    "refreshes are planned by estimated costs (`veilgrad calibrate` measures them)";

/// Which calibration is wanted.
pub(super) struct Asked<'a> {
    pub(super) params: &'a Params,
    pub(super) refresh: RefreshBy,
    pub(super) device: DeviceChoice,
    pub(super) threads: usize,
    pub(super) cache: &'a Path,
}

impl Asked<'_> {
    fn subject(&self, device: String) -> Result<Subject, JobError> {
        let identity = params::identity(self.params)?;
        Ok(Subject {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            params: identity.name,
            fingerprint: hexadecimal(&identity.fingerprint),
            device,
            threads: self.threads,
            refresh: self.refresh,
        })
    }

    /// The one that is kept. The observer is told of one that is of no use, and what comes of it.
    pub(super) fn known(
        &self,
        consequence: &str,
        observer: &mut dyn Observer,
    ) -> Result<Option<Calibration>, JobError> {
        let subject = self.subject(launch::expected_device(self.device)?)?;
        Ok(
            cache::read(self.cache, &subject).unwrap_or_else(|complaint| {
                observer.event(&Event::Note(format!("{complaint}; {consequence}")));
                None
            }),
        )
    }

    /// A new one, which is kept.
    pub(super) fn measure(&self, observer: &mut dyn Observer) -> Result<Calibration, JobError> {
        let begun = Instant::now();
        let mut found = measure::on_device(self, observer)?;
        found.seconds = begun.elapsed().as_secs_f64();
        cache::write(self.cache, &found)?;
        Ok(found)
    }

    /// The one that is kept, or a new one.
    pub(super) fn get(&self, observer: &mut dyn Observer) -> Result<Calibration, JobError> {
        match self.known(AGAIN, observer)? {
            Some(known) => Ok(known),
            None => self.measure(observer),
        }
    }
}

impl Calibration {
    fn report(self, cache: &Path, measured: bool) -> CalibrateReport {
        let curves = Operation::ALL.into_iter().filter_map(|operation| {
            let curve = self.costs.curve(operation)?;
            Some(
                curve
                    .points()
                    .iter()
                    .map(move |&(level, seconds)| OperationCost {
                        operation,
                        level: level.0,
                        seconds,
                    }),
            )
        });
        CalibrateReport {
            operations: curves.flatten().collect(),
            file: cache::file(cache, &self.subject),
            params: self.subject.params,
            device: self.subject.device,
            threads: self.subject.threads,
            refresh: self.subject.refresh.name().to_owned(),
            measured,
            seconds: self.seconds,
            key: self.key,
            encryption: self.encryption,
            decryption: self.decryption,
            bootstrap_preparation: self.bootstrap_preparation,
            clear_product: self.clear_product,
        }
    }
}

/// A calibration of nothing, to be filled in by tests.
#[cfg(test)]
pub(super) fn nothing() -> Calibration {
    let curves = Operation::ALL.map(|operation| (operation, Curve::constant(0.0)));
    Calibration {
        subject: Subject {
            version: String::new(),
            params: "insecure-10".to_owned(),
            fingerprint: "0123456789abcdef".to_owned(),
            device: "cpu (portable)".to_owned(),
            threads: 2,
            refresh: RefreshBy::Owner,
        },
        costs: Costs::new(curves.into()).unwrap(),
        key: Curve::constant(0.0),
        encryption: Curve::constant(0.0),
        decryption: Curve::constant(0.0),
        bootstrap_preparation: 0.0,
        clear_product: 0.0,
        seconds: 0.0,
    }
}

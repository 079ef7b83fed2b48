//! Where the time of an operation goes.

mod operations;
mod outcome;
mod report;
mod trace;

use std::path::PathBuf;
use std::time::Instant;

use engine::circuits::activation::ActivationChoice;
use engine::ckks::Params;
use engine::protocol::RefreshBy;

use super::{DeviceChoice, JobError, Observer, ParamsChoice, params};
use crate::file::AtomicFile;
use crate::launch;
use crate::memory;
use crate::profile::{Profiled, Timed};

pub use operations::Operation;
use outcome::Outcome;
pub use report::{KernelRow, ProfileReport};

/// Of [`profile`].
#[derive(Clone, Debug)]
pub struct ProfileConfig {
    /// What to do.
    pub operation: Operation,
    /// Parameter set; one below 128 bits of security will do, because nothing is kept.
    pub params: ParamsChoice,
    /// The level of the operands; the highest there is, if nothing is said. A step has levels of its own.
    pub level: Option<usize>,
    /// Ciphertexts or polynomials at once; one for a step.
    pub batch: usize,
    /// The training of which a step is measured.
    pub step: StepShape,
    /// How often the whole is measured.
    pub repetitions: usize,
    /// Device.
    pub device: DeviceChoice,
    /// Threads of the processor; all there are, if nothing is said.
    pub threads: Option<usize>,
    /// Where a trace goes that Perfetto and Chrome open, if anywhere.
    pub trace: Option<PathBuf>,
}

/// A training of which one step is measured, on a mini-batch of as many rows as are used by default.
#[derive(Clone, Copy, Debug)]
pub struct StepShape {
    /// Features of a sample.
    pub features: usize,
    /// Classes.
    pub classes: usize,
    /// What turns logits into probabilities; [`default_activation`](super::default_activation) if nothing is said.
    pub activation: Option<ActivationChoice>,
    /// Who gives levels back; bootstrapping, where the parameter set has the levels for it, if nothing is said.
    pub refresh: Option<RefreshBy>,
}

impl Default for StepShape {
    /// That of the bundled digits.
    fn default() -> Self {
        Self {
            features: 64,
            classes: 10,
            activation: None,
            refresh: None,
        }
    }
}

/// The most repetitions.
const MAX_REPETITIONS: usize = 1 << 16;
/// The largest batch.
const MAX_BATCH: usize = 1 << 10;

/// Does an operation again and again, then once more with every kernel timed. Keys and values are the same in every call, so that the
/// result is the same on every device.
///
/// Where a GPU fails in the middle, nothing is measured on the CPU instead: it would be the profile of another device.
///
/// # Errors
/// [`JobError`]: numbers out of range, a batch or level of a step (which has its own), a set without the levels of the operation, a
/// device that fails.
pub fn profile(
    config: &ProfileConfig,
    observer: &mut dyn Observer,
) -> Result<ProfileReport, JobError> {
    check(config)?;
    let params = params::choose(&config.params, true)?;
    check_memory(config, &params)?;
    // Before anything is measured: a place where it cannot be is found out early.
    let trace = config.trace.as_deref();
    let trace = trace
        .map(|path| AtomicFile::create(path, false))
        .transpose()?;
    let threads = launch::threads_of(config.threads)?;
    let cpu = launch::cpu(&params, threads)?;
    #[cfg(feature = "gpu")]
    {
        let bytes = || operations::memory_bytes(config, &params);
        let gpu = launch::gpu::choose(config.device, &cpu, &params, bytes, observer)?;
        if let Some(gpu) = gpu {
            let name = launch::gpu::device(&gpu, threads).name;
            let report = measure(config, &params, &gpu, (name, threads), trace);
            return report.map_err(|error| of_gpu(gpu.name(), error));
        }
    }
    #[cfg(not(feature = "gpu"))]
    {
        let _ = observer;
        launch::refuse_gpu(config.device)?;
    }
    let name = launch::cpu_name(&cpu);
    measure(config, &params, &Timed::new(cpu), (name, threads), trace)
}

/// Checks numbers that nothing else has to be known for.
fn check(config: &ProfileConfig) -> Result<(), JobError> {
    for (name, count, most) in [
        ("the batch", config.batch, MAX_BATCH),
        (
            "the number of repetitions",
            config.repetitions,
            MAX_REPETITIONS,
        ),
    ] {
        if !(1..=most).contains(&count) {
            let range = format!("from 1 to {most}");
            return Err(JobError::option(name, count, range));
        }
    }
    match (config.operation, config.batch, config.level) {
        (Operation::Step, 2.., _) => {
            let range = "1 for a step, which works on one mini-batch";
            Err(JobError::option("the batch", config.batch, range))
        }
        (Operation::Step, _, Some(level)) => {
            let range = "left out for a step, whose plan has levels of its own";
            Err(JobError::option("the level", level, range))
        }
        _ => Ok(()),
    }
}

/// Checks that there is memory for the batch on this side of the device: its words, the operands made of them, and a result of two
/// polynomials each.
fn check_memory(config: &ProfileConfig, params: &Params) -> Result<(), JobError> {
    let each = 2 * params.ciphertext_bytes(params.top_level()) as u64;
    let most = memory::available_bytes().map_or(u64::MAX, |left| left / each);
    if config.batch as u64 <= most {
        return Ok(());
    }
    let range = format!("at most {most} with the memory that is left");
    Err(JobError::option("the batch", config.batch, range))
}

/// A failure of a GPU, with its name and what may be done.
#[cfg(feature = "gpu")]
fn of_gpu(name: &str, error: JobError) -> JobError {
    match error {
        JobError::Backend(error) if launch::gpu::is_of_the_device(&error) => {
            JobError::Device(format!(
                "{name} failed ({error}); try a smaller --batch, another parameter set, or --device cpu"
            ))
        }
        error => error,
    }
}

fn measure<B: Profiled>(
    config: &ProfileConfig,
    params: &Params,
    backend: &B,
    (device, threads): (String, usize),
    mut trace: Option<AtomicFile>,
) -> Result<ProfileReport, JobError> {
    let ceilings = backend.ceilings()?;
    operations::with(config, params, backend, &mut |level, run| {
        // The first one makes tables and pipelines.
        let mut outcome = Outcome::hashed(backend);
        run(&mut outcome)?;
        let result = outcome.digest();
        let mut run = || run(&mut Outcome::ignored(backend));
        let mut times = Vec::with_capacity(config.repetitions);
        for _ in 0..config.repetitions {
            backend.wait()?;
            let begun = Instant::now();
            run()?;
            backend.wait()?;
            times.push(begun.elapsed().as_secs_f64());
        }
        backend.begin()?;
        run()?;
        let spans = backend.end()?;
        if let Some(file) = trace.take() {
            trace::write(file, &spans)?;
        }
        Ok(ProfileReport {
            operation: config.operation.name().to_owned(),
            params: params.name().to_owned(),
            level,
            limbs: params.limbs_at(engine::ckks::Level(level)),
            batch: config.batch,
            device: device.clone(),
            threads,
            repetitions: config.repetitions,
            result: result.clone(),
            median_ms: 1e3 * median(&mut times),
            ceilings,
            kernels: report::rows(&spans, ceilings),
            trace: config.trace.clone(),
        })
    })
}

/// The middle of some times; the mean of two of them for an even number.
fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    let middle = times.len() / 2;
    match times.len() % 2 {
        _ if times.is_empty() => 0.0,
        1 => times[middle],
        _ => (times[middle - 1] + times[middle]) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&mut [4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median(&mut [7.0]), 7.0);
        assert_eq!(median(&mut []), 0.0);
    }
}

//! The one place where the choice of a device becomes a type.

use std::num::NonZero;
use std::sync::Arc;
use std::thread;

use engine::backend::Backend;
use engine::ckks::{EvalError, Params};

use crate::cpu::Cpu;
use crate::cpu::simd::Isa;
use crate::job::JobError;

/// Where a job runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceChoice {
    /// The best device there is.
    Auto,
    /// The processor.
    Cpu,
}

/// The device of a running job, for reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// What it is called.
    pub name: String,
    /// Threads it works with.
    pub threads: usize,
}

/// Work that any backend can do.
pub trait Job {
    /// What comes of it.
    type Output;

    /// Does it.
    ///
    /// # Errors
    /// Its own.
    fn run<B: Backend>(self, backend: &B, device: &Device) -> Result<Self::Output, JobError>;
}

/// Runs a job on the device of choice, on this thread as far as the device does not have its own.
///
/// # Errors
/// [`JobError::Option`] for no threads; those of the job.
pub fn launch<J: Job>(
    job: J,
    choice: DeviceChoice,
    threads: Option<usize>,
    params: &Params,
) -> Result<J::Output, JobError> {
    let threads = match threads {
        Some(threads) => threads,
        None => thread::available_parallelism().map_or(1, NonZero::get),
    };
    let (DeviceChoice::Auto | DeviceChoice::Cpu) = choice;
    let context = Arc::clone(params.ring());
    let backend = Cpu::with(context, Isa::detect(), threads).map_err(EvalError::from)?;
    let device = Device {
        name: format!("cpu ({})", backend.isa().name()),
        threads: backend.threads(),
    };
    job.run(&backend, &device)
}

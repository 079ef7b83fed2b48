//! The one place where the choice of a device becomes a type.

use std::num::NonZero;
use std::sync::Arc;
use std::thread;

use engine::backend::Backend;
use engine::ckks::{EvalError, Params};

use crate::cpu::Cpu;
use crate::cpu::simd::Isa;
use crate::job::{JobError, Observer};

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

/// The most threads.
const MAX_THREADS: usize = 1024;

/// Work that any backend can do.
pub trait Job {
    /// What comes of it.
    type Output;

    /// Does it.
    ///
    /// # Errors
    /// Its own.
    fn run<B: Backend>(
        self,
        backend: &B,
        device: &Device,
        observer: &mut dyn Observer,
    ) -> Result<Self::Output, JobError>;
}

/// So many threads, or as many as the machine has.
///
/// # Errors
/// [`JobError::Option`] for a number out of range.
pub(crate) fn threads_of(threads: Option<usize>) -> Result<usize, JobError> {
    match threads {
        Some(threads) if (1..=MAX_THREADS).contains(&threads) => Ok(threads),
        Some(threads) => {
            let range = format!("from 1 to {MAX_THREADS}");
            Err(JobError::option("the number of threads", threads, range))
        }
        None => Ok(thread::available_parallelism().map_or(1, NonZero::get)),
    }
}

/// Runs a job on the device of choice with so many threads (as many as the machine has, if nothing is said).
///
/// # Errors
/// [`JobError::Option`] for a number of threads out of range, those of the device and of the job.
pub fn launch<J: Job>(
    job: J,
    choice: DeviceChoice,
    threads: Option<usize>,
    params: &Params,
    observer: &mut dyn Observer,
) -> Result<J::Output, JobError> {
    let threads = threads_of(threads)?;
    let (DeviceChoice::Auto | DeviceChoice::Cpu) = choice;
    let context = Arc::clone(params.ring());
    let backend = Cpu::with(context, Isa::detect(), threads).map_err(EvalError::from)?;
    let name = format!("{} ({})", Cpu::NAME, backend.isa());
    let device = Device { name, threads };
    job.run(&backend, &device, observer)
}

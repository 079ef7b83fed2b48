//! The one place where the choice of a device becomes a type.

use std::num::NonZero;
use std::sync::Arc;
use std::thread;

use engine::backend::Backend;
use engine::ckks::{EvalError, Params};

use crate::cpu::Cpu;
use crate::cpu::simd::Isa;
use crate::job::{JobError, Observer};

/// Where a job runs. The result is the same everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceChoice {
    /// A GPU that passes its self-test and has the memory, otherwise the processor.
    Auto,
    /// The processor.
    Cpu,
    /// A GPU; the processor goes on where it fails.
    Gpu(GpuChoice),
}

/// Which GPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GpuChoice {
    /// Its number; the first that can be used, if nothing is said.
    pub number: Option<usize>,
    /// A fault to test with.
    pub fault: Option<Fault>,
}

/// What may go wrong with a device, to be made on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It computes wrong words.
    WrongWords,
    /// It switches keys to wrong words, and does everything else well.
    WrongWeights,
    /// It has no more memory than so many bytes.
    Memory(u64),
    /// It has no more memory than so many bytes, and nobody finds out before the job begins.
    HiddenMemory(u64),
    /// It has no more memory after so many submissions.
    FullAfter(u64),
    /// It is lost after so many submissions.
    LostAfter(u64),
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

/// Work that any backend can do. It may be begun again on another device, and then goes on from where it had come to.
pub trait Job {
    /// What comes of it.
    type Output;

    /// Bytes that a device must hold for it.
    fn memory_bytes(&self) -> u64;

    /// Does it.
    ///
    /// # Errors
    /// Its own.
    fn run<B: Backend>(
        &self,
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
/// A GPU that fails its self-test, lacks memory, or is lost in the middle is told of in a note, and the job is done on the
/// processor.
///
/// # Errors
/// [`JobError::Option`] for a number of threads out of range, [`JobError::Device`] for a GPU that is not there, those of the job.
pub fn launch<J: Job>(
    job: &J,
    choice: DeviceChoice,
    threads: Option<usize>,
    params: &Params,
    observer: &mut dyn Observer,
) -> Result<J::Output, JobError> {
    let threads = threads_of(threads)?;
    let cpu = cpu(params, threads)?;
    #[cfg(feature = "gpu")]
    if let Some(gpu) = gpu::choose(choice, &cpu, params, || job.memory_bytes(), observer)? {
        match job.run(&gpu, &gpu::device(&gpu, threads), observer) {
            Err(JobError::Backend(error)) if gpu::is_of_the_device(&error) => {
                gpu::tell_of_failure(&gpu, &error, observer);
            }
            done => return done,
        }
    }
    #[cfg(not(feature = "gpu"))]
    refuse_gpu(choice)?;
    let name = cpu_name(&cpu);
    job.run(&cpu, &Device { name, threads }, observer)
}

pub(crate) fn cpu(params: &Params, threads: usize) -> Result<Cpu, JobError> {
    let context = Arc::clone(params.ring());
    Ok(Cpu::with(context, Isa::detect(), threads).map_err(EvalError::from)?)
}

pub(crate) fn cpu_name(cpu: &Cpu) -> String {
    name_of(cpu.isa())
}

fn name_of(isa: Isa) -> String {
    format!("{} ({isa})", Cpu::NAME)
}

/// Refuses a choice that cannot be met.
#[cfg(not(feature = "gpu"))]
pub(crate) fn refuse_gpu(choice: DeviceChoice) -> Result<(), JobError> {
    match choice {
        DeviceChoice::Auto | DeviceChoice::Cpu => Ok(()),
        DeviceChoice::Gpu(_) => Err(JobError::Device(
            "this program was built without GPUs".to_owned(),
        )),
    }
}

/// The name of the device that a choice leads to, if it turns out to be sound.
///
/// # Errors
/// [`JobError::Device`] for a GPU that is not there.
pub(crate) fn expected_device(choice: DeviceChoice) -> Result<String, JobError> {
    #[cfg(feature = "gpu")]
    if let Some(name) = gpu::expected(choice)? {
        return Ok(name);
    }
    #[cfg(not(feature = "gpu"))]
    refuse_gpu(choice)?;
    Ok(name_of(Isa::detect()))
}

#[cfg(feature = "gpu")]
pub(crate) mod gpu {
    //! Which GPU, if any, and what is said when it fails.

    use super::*;
    use crate::gpu::{AdapterReport, Gpu, GpuError, Options, adapters, asked_for};
    use crate::job::Event;
    use engine::backend::BackendError;

    /// The GPU to run on; nothing if it shall be the processor, after saying why if there was a choice.
    pub(crate) fn choose(
        choice: DeviceChoice,
        judge: &Cpu,
        params: &Params,
        memory_bytes: impl FnOnce() -> u64,
        observer: &mut dyn Observer,
    ) -> Result<Option<Gpu>, JobError> {
        let choice = match choice {
            DeviceChoice::Cpu => return Ok(None),
            DeviceChoice::Gpu(choice) => choice,
            DeviceChoice::Auto => {
                let adapters = adapters();
                match adapters.iter().find(|adapter| adapter.automatic) {
                    None => {
                        observer.event(&Event::Note(none_by_itself(&adapters)));
                        return Ok(None);
                    }
                    Some(adapter) => GpuChoice {
                        number: Some(adapter.number),
                        fault: None,
                    },
                }
            }
        };
        let trusted = Gpu::open(Arc::clone(params.ring()), &options(choice)).and_then(|gpu| {
            gpu.self_test(judge)?;
            gpu.reserve(memory_bytes())?;
            Ok(gpu)
        });
        match trusted {
            Ok(gpu) => {
                if let Some(Fault::HiddenMemory(bytes)) = choice.fault {
                    gpu.limit_memory(bytes);
                }
                Ok(Some(gpu))
            }
            Err(error @ GpuError::None { .. }) => Err(not_there(error)),
            Err(error) => {
                let note = format!("{error}; the job runs on the CPU, with the same result");
                observer.event(&Event::Note(note));
                Ok(None)
            }
        }
    }

    /// Why no adapter is used where nothing is said.
    fn none_by_itself(adapters: &[AdapterReport]) -> String {
        let reasons = adapters.iter().filter_map(|adapter| {
            let reason = adapter.reason.as_ref()?;
            Some(format!("{}: {reason}", adapter.name))
        });
        let reasons: Vec<_> = reasons.collect();
        let why = if reasons.is_empty() {
            "there is no GPU".to_owned()
        } else {
            reasons.join("; ")
        };
        format!("the job runs on the CPU ({why})")
    }

    /// The name of the GPU that a choice leads to, if it is one.
    pub(super) fn expected(choice: DeviceChoice) -> Result<Option<String>, JobError> {
        let adapter = match choice {
            // Looking for adapters would start their drivers.
            DeviceChoice::Cpu => None,
            DeviceChoice::Auto => adapters().into_iter().find(|adapter| adapter.automatic),
            DeviceChoice::Gpu(GpuChoice { number, .. }) => {
                let adapter = asked_for(number).map_err(not_there)?;
                // The job of one that cannot be used runs on the CPU.
                Some(adapter).filter(|adapter| adapter.usable)
            }
        };
        Ok(adapter.map(|adapter| name_of_gpu(&adapter.name)))
    }

    fn not_there(error: GpuError) -> JobError {
        JobError::Device(error.to_string())
    }

    fn name_of_gpu(adapter: &str) -> String {
        format!("{} ({adapter})", Gpu::NAME)
    }

    fn options(choice: GpuChoice) -> Options {
        let mut options = Options {
            number: choice.number,
            ..Options::default()
        };
        match choice.fault {
            Some(Fault::WrongWords) => options.wrong_powers = true,
            Some(Fault::WrongWeights) => options.wrong_weights = true,
            Some(Fault::Memory(bytes)) => options.memory_bytes = Some(bytes),
            Some(Fault::FullAfter(submissions)) => options.full_after = Some(submissions),
            Some(Fault::LostAfter(submissions)) => options.lost_after = Some(submissions),
            Some(Fault::HiddenMemory(_)) | None => {}
        }
        options
    }

    pub(crate) fn device(gpu: &Gpu, threads: usize) -> Device {
        Device {
            name: name_of_gpu(gpu.name()),
            threads,
        }
    }

    /// Whether another device might do what this one failed at.
    pub(crate) fn is_of_the_device(error: &BackendError) -> bool {
        use BackendError::{DeviceLost, Internal, OutOfMemory};
        matches!(error, DeviceLost | OutOfMemory { .. } | Internal(_))
    }

    pub(crate) fn tell_of_failure(gpu: &Gpu, error: &BackendError, observer: &mut dyn Observer) {
        let note = format!(
            "{} failed ({error}); the job goes on on the CPU from its last finished step, with the same result",
            gpu.name()
        );
        observer.event(&Event::Note(note));
    }
}

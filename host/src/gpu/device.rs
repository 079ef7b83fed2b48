//! An open adapter, and what went wrong with it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use engine::backend::BackendError;
use shaders::ProductForm;
use wgpu::{
    DeviceDescriptor, ErrorFilter, ExperimentalFeatures, Features, MemoryHints, PollError,
    PollStatus, PollType, Trace,
};

use super::adapter::{self, Candidate, WANTED};
use super::quiet::catch_quietly;
use super::{GpuError, Options};

/// The longest that it may take until one more submission is done. Far above anything seen; a driver that hangs is given up.
const PATIENCE: Duration = Duration::from_secs(300);

/// An open adapter.
#[derive(Debug)]
pub(super) struct Device {
    pub(super) wgpu: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    pub(super) name: String,
    pub(super) form: ProductForm,
    pub(super) timestamps: bool,
    pub(super) binding_bytes: u64,
    pub(super) buffer_bytes: u64,
    state: Arc<State>,
    /// Submissions after which the device is destroyed; a fault to test with.
    lost_after: Option<u64>,
    submissions: AtomicU64,
}

/// What the driver reported from any thread.
#[derive(Debug, Default)]
struct State {
    lost: AtomicBool,
    /// Submissions that are done, as far as a wait has found out.
    done: AtomicU64,
    error: Mutex<Option<BackendError>>,
}

impl Device {
    /// Opens an adapter.
    pub(super) fn open(candidate: &Candidate, options: &Options) -> Result<Self, GpuError> {
        let (adapter, name) = (&candidate.adapter, &candidate.report.name);
        let (offered, limits) = if options.portable {
            (Features::empty(), wgpu::Limits::default())
        } else {
            (adapter.features() & WANTED, adapter.limits())
        };
        let best = adapter::best_form(offered);
        let form = options.form.unwrap_or(best);
        if form == ProductForm::Wide && best == ProductForm::Halves {
            let (name, reason) = (name.clone(), "it has no 64-bit integers".to_owned());
            return Err(GpuError::Unsuitable { name, reason });
        }
        let mut features = offered;
        if options.host_clock {
            features.remove(Features::TIMESTAMP_QUERY);
        }
        if form == ProductForm::Halves {
            features.remove(Features::SHADER_INT64);
        }
        let descriptor = DeviceDescriptor {
            label: None,
            required_features: features,
            required_limits: limits.clone(),
            experimental_features: ExperimentalFeatures::disabled(),
            memory_hints: MemoryHints::Performance,
            trace: Trace::Off,
        };
        let (wgpu, queue) =
            pollster::block_on(adapter.request_device(&descriptor)).map_err(|error| {
                let (name, reason) = (name.clone(), error.to_string());
                GpuError::Driver { name, reason }
            })?;
        let state = Arc::new(State::default());
        let seen = Arc::clone(&state);
        wgpu.set_device_lost_callback(move |_, _| seen.lost.store(true, Ordering::Release));
        let seen = Arc::clone(&state);
        wgpu.on_uncaptured_error(Arc::new(move |error: wgpu::Error| seen.report(&error)));
        Ok(Self {
            name: name.clone(),
            form,
            timestamps: features.contains(Features::TIMESTAMP_QUERY),
            binding_bytes: adapter::binding_bytes(&limits),
            buffer_bytes: limits.max_buffer_size,
            wgpu,
            queue,
            state,
            lost_after: options.lost_after,
            submissions: AtomicU64::new(0),
        })
    }

    /// What went wrong so far.
    pub(super) fn check(&self) -> Result<(), BackendError> {
        if self.is_lost() {
            return Err(BackendError::DeviceLost);
        }
        let Some(error) = self.state.error() else {
            return Ok(());
        };
        // Calls on a device that is gone fail before it is told that it is gone, which comes with the end of its work.
        self.end()?;
        if self.is_lost() {
            return Err(BackendError::DeviceLost);
        }
        Err(error)
    }

    fn is_lost(&self) -> bool {
        self.state.lost.load(Ordering::Acquire)
    }

    /// Hands commands to the device.
    pub(super) fn submit(&self, commands: Option<wgpu::CommandBuffer>) {
        self.queue.submit(commands);
        let state = Arc::clone(&self.state);
        self.queue.on_submitted_work_done(move || {
            state.done.fetch_add(1, Ordering::Relaxed);
        });
        let submissions = self.submissions.fetch_add(1, Ordering::Relaxed) + 1;
        if self.lost_after.is_some_and(|after| submissions > after) {
            self.wgpu.destroy();
        }
    }

    /// Waits until everything submitted is done.
    pub(super) fn wait(&self) -> Result<(), BackendError> {
        self.end()?;
        self.check()
    }

    /// Waits until everything submitted has ended, well or not.
    fn end(&self) -> Result<(), BackendError> {
        let ended = self.state.end(|| self.wgpu.poll(wait_for_all()));
        if ended.is_err() {
            // The last handle of a queue waits for its work when it is dropped, for ever if the driver hangs: this one stays.
            std::mem::forget(self.queue.clone());
        }
        ended
    }

    /// How often commands were handed over.
    pub(super) fn submissions(&self) -> u64 {
        self.submissions.load(Ordering::Relaxed)
    }

    /// Runs `make`, and says whether the device had no memory for it.
    pub(super) fn allocate<T>(&self, make: impl FnOnce() -> T) -> Option<T> {
        let scope = self.wgpu.push_error_scope(ErrorFilter::OutOfMemory);
        let made = make();
        match pollster::block_on(scope.pop()) {
            None => Some(made),
            Some(_) => None,
        }
    }
}

fn wait_for_all() -> PollType {
    PollType::Wait {
        submission_index: None,
        timeout: Some(PATIENCE),
    }
}

impl State {
    /// Waits by `poll`, again and again as long as submissions end meanwhile: many may be queued. A device of which none ends is
    /// lost; so is one that wgpu says is lost, which it does by a panic.
    fn end(
        &self,
        mut poll: impl FnMut() -> Result<PollStatus, PollError>,
    ) -> Result<(), BackendError> {
        while !self.lost.load(Ordering::Acquire) {
            let done = self.done.load(Ordering::Relaxed);
            match catch_quietly(&mut poll) {
                Ok(Ok(_)) => return Ok(()),
                Ok(Err(error @ PollError::WrongSubmissionIndex(..))) => {
                    return Err(BackendError::Internal(error.to_string()));
                }
                Ok(Err(PollError::Timeout)) if self.done.load(Ordering::Relaxed) > done => {}
                Ok(Err(PollError::Timeout)) | Err(_) => self.lost.store(true, Ordering::Release),
            }
        }
        Err(BackendError::DeviceLost)
    }

    fn error(&self) -> Option<BackendError> {
        let error = self.error.lock().unwrap_or_else(PoisonError::into_inner);
        error.clone()
    }

    fn report(&self, error: &wgpu::Error) {
        let error = match error {
            // Of work, not of a buffer that was asked for: nobody knows how many bytes it would have taken.
            wgpu::Error::OutOfMemory { source } => {
                BackendError::Internal(format!("out of memory: {source}"))
            }
            other => BackendError::Internal(other.to_string()),
        };
        let mut first = self.error.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert(error);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_does_not_end_or_panics_is_lost_for_good() {
        let well = || Ok(PollStatus::QueueEmpty);
        let lost = Err(BackendError::DeviceLost);
        let state = State::default();
        assert_eq!(state.end(well), Ok(()));
        assert_eq!(state.end(|| Err(PollError::Timeout)), lost);
        assert_eq!(state.end(well), lost);
        let state = State::default();
        // As a panic, but without its message.
        let ended = state.end(|| std::panic::resume_unwind(Box::new("lost")));
        assert_eq!(ended, lost);
        assert_eq!(state.end(well), lost);
    }

    #[test]
    fn a_device_is_waited_for_as_long_as_its_submissions_end() {
        let state = State::default();
        let mut polls = 0;
        let ended = state.end(|| {
            polls += 1;
            state.done.fetch_add(3, Ordering::Relaxed);
            if polls < 4 {
                Err(PollError::Timeout)
            } else {
                Ok(PollStatus::QueueEmpty)
            }
        });
        assert_eq!((ended, polls), (Ok(()), 4));
        // One more ends, and then none.
        let mut polls = 0;
        let ended = state.end(|| {
            polls += 1;
            state.done.fetch_add(polls % 2, Ordering::Relaxed);
            Err(PollError::Timeout)
        });
        assert_eq!((ended, polls), (Err(BackendError::DeviceLost), 2));
    }

    #[test]
    fn work_without_memory_is_no_count_of_bytes() {
        let state = State::default();
        let source = Box::new(std::io::Error::other("no room for a command buffer"));
        state.report(&wgpu::Error::OutOfMemory { source });
        let error = state.error().map(|error| error.to_string());
        let text = "internal fault: out of memory: no room for a command buffer";
        assert_eq!(error.as_deref(), Some(text));
    }
}

//! Memory of the device: buffers by size class, used again and again.
//!
//! A buffer goes back to the pool when its owner drops it. Commands recorded before still name it; since all commands run in the
//! order of their recording, whoever takes it next comes after them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::backend::BackendError;
use wgpu::{BufferDescriptor, BufferUsages};

use super::Options;
use super::device::Device;

/// Bytes of one buffer when it is found out how many a device has.
const TRIAL_BYTES: usize = 128 << 20;

/// Buffers of one device.
#[derive(Debug)]
pub(super) struct Pool {
    device: Arc<Device>,
    /// The most bytes that may be held.
    budget: AtomicU64,
    /// Submissions after which nothing is given; a fault to test with.
    full_after: Option<u64>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    free: BTreeMap<u64, Vec<wgpu::Buffer>>,
    usage: Usage,
}

/// Bytes of the buffers of a device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// In use.
    pub used: u64,
    /// In use at the most.
    pub peak: u64,
    /// Held, in use or not.
    pub held: u64,
}

/// A buffer that goes back to its pool.
#[derive(Debug)]
pub(super) struct Block {
    buffer: wgpu::Buffer,
    bytes: u64,
    pool: Arc<Pool>,
}

impl Pool {
    pub(super) fn new(device: Arc<Device>, options: &Options) -> Arc<Self> {
        Arc::new(Self {
            device,
            budget: AtomicU64::new(options.memory_bytes.unwrap_or(u64::MAX)),
            full_after: options.full_after,
            state: Mutex::default(),
        })
    }

    pub(super) fn usage(&self) -> Usage {
        self.state().usage
    }

    fn budget(&self) -> u64 {
        self.budget.load(Ordering::Relaxed)
    }

    /// Changes the most bytes that may be held.
    pub(super) fn limit(&self, bytes: u64) {
        self.budget.store(bytes, Ordering::Relaxed);
    }

    /// Whether the device has so many bytes to give, found out by asking for them.
    pub(super) fn has_room(&self, bytes: u64) -> bool {
        if self.usage().held.saturating_add(bytes) > self.budget() {
            return false;
        }
        let pieces = (0..bytes).step_by(TRIAL_BYTES);
        let pieces =
            pieces.map(|at| self.create((bytes - at).min(TRIAL_BYTES as u64).next_multiple_of(4)));
        let held: Option<Vec<_>> = pieces.collect();
        held.is_some() && self.device.check().is_ok()
    }

    fn create(&self, bytes: u64) -> Option<wgpu::Buffer> {
        self.device.allocate(|| {
            self.device.wgpu.create_buffer(&BufferDescriptor {
                label: None,
                size: bytes,
                usage: BufferUsages::STORAGE | BufferUsages::COPY_SRC | BufferUsages::COPY_DST,
                mapped_at_creation: false,
            })
        })
    }

    /// A buffer of at least `bytes`, whose content is not set.
    pub(super) fn take(self: &Arc<Self>, bytes: u64) -> Result<Block, BackendError> {
        self.device.check()?;
        let class = size_class(bytes, self.device.buffer_bytes);
        if self
            .full_after
            .is_some_and(|after| self.device.submissions() > after)
        {
            return Err(out_of_memory(class));
        }
        let mut state = self.state();
        let reused = state.free.get_mut(&class).and_then(Vec::pop);
        let buffer = match reused {
            Some(buffer) => buffer,
            None => self.make(&mut state, class)?,
        };
        state.usage.used += class;
        state.usage.peak = state.usage.peak.max(state.usage.used);
        Ok(Block {
            buffer,
            bytes: class,
            pool: Arc::clone(self),
        })
    }

    fn make(&self, state: &mut State, bytes: u64) -> Result<wgpu::Buffer, BackendError> {
        let make = || self.create(bytes);
        let fits = |state: &State| state.usage.held + bytes <= self.budget();
        let mut buffer = if fits(state) { make() } else { None };
        if buffer.is_none() && !state.free.is_empty() {
            // What is not in use may be of the wrong size. The device frees it once its work is done.
            state.usage.held = state.usage.used;
            state.free.clear();
            self.device.wait()?;
            buffer = if fits(state) { make() } else { None };
        }
        self.device.check()?;
        let buffer = buffer.ok_or_else(|| out_of_memory(bytes))?;
        state.usage.held += bytes;
        Ok(buffer)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Block {
    /// The buffer itself.
    pub(super) fn buffer(&self) -> &wgpu::Buffer {
        &self.buffer
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        let mut state = self.pool.state();
        state.usage.used -= self.bytes;
        let free = state.free.entry(self.bytes).or_default();
        free.push(self.buffer.clone());
    }
}

fn out_of_memory(bytes: u64) -> BackendError {
    let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
    BackendError::OutOfMemory { bytes }
}

/// `bytes`, which are no more than `most`, rounded up by an eighth at most and not beyond `most` (but to whole words), so that
/// levels of nearly the same size share buffers.
fn size_class(bytes: u64, most: u64) -> u64 {
    let step = (bytes.max(1).ilog2().saturating_sub(3)).max(8);
    let class = bytes.max(1).next_multiple_of(1 << step);
    class.min(most / 4 * 4).max(bytes.next_multiple_of(4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_waste_an_eighth_at_most() {
        for bytes in (1..200_000).step_by(37).chain([1 << 27, (1 << 27) + 4]) {
            let class = size_class(bytes, u64::MAX);
            assert!(class >= bytes && class.is_multiple_of(256));
            assert!(bytes < 4096 || class - bytes <= bytes / 8, "{bytes}");
        }
        assert_eq!(size_class(1 << 27, u64::MAX), 1 << 27);
    }

    #[test]
    fn no_class_is_larger_than_the_largest_buffer() {
        let largest = (1 << 31) - 1;
        assert_eq!(size_class((1 << 31) - (1 << 16), u64::MAX), 1 << 31);
        assert_eq!(size_class((1 << 31) - (1 << 16), largest), (1 << 31) - 4);
        assert_eq!(size_class((1 << 31) - 4, largest), (1 << 31) - 4);
    }
}

//! The GPU backend: wgpu, one dispatch for all limbs of all polynomials of a batch.
//!
//! Calls are recorded and handed to the device when enough has come together or a result is read; nothing but a download waits.
//! Every word is that of [`engine::backend::Reference`].

mod adapter;
mod basis;
mod buffer;
mod cache;
mod call;
mod device;
mod error;
mod gadget;
mod limits;
mod pipelines;
mod pool;
mod quiet;
mod readback;
mod recording;
mod ring;
mod self_test;
mod submit;
mod tables;
mod timing;
mod transfer;
mod transform;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use engine::backend::Backend;
use engine::ring::RingContext;

pub use crate::profile::Cost;
pub(crate) use adapter::asked_for;
pub use adapter::{AdapterReport, adapters};
pub use buffer::GpuBuffer;
pub use error::GpuError;
pub use pool::Usage;
pub use recording::Tally;
pub use shaders::ProductForm;

use device::Device;
use limits::ChunkSize;
use pipelines::{Pipelines, Tiling};
use pool::Pool;
use recording::Recording;
use tables::Tables;

/// How to use a GPU; what is not said is what the adapter does best.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The number of the adapter; without it the first that can be used.
    pub number: Option<usize>,
    /// The form of products of words.
    pub form: Option<ProductForm>,
    /// Bytes of a binding at most.
    pub binding_bytes: Option<u64>,
    /// Bytes of all buffers at most.
    pub memory_bytes: Option<u64>,
    /// Whether to do with what every adapter offers: the limits that WebGPU promises, and no feature besides.
    pub portable: bool,
    /// Whether kernels are timed by the clock of the host, as where an adapter tells no times.
    pub host_clock: bool,
    /// Whether commands are counted and never handed over, to count what would take long.
    pub count_only: bool,
    /// Submissions after which the device is lost: a fault to test with.
    pub lost_after: Option<u64>,
    /// Submissions after which the device has no more memory: a fault to test with.
    pub full_after: Option<u64>,
    /// Whether the powers of the roots are wrong: a fault to test with.
    pub wrong_powers: bool,
    /// Whether the weights of base conversions are wrong: a fault to test with.
    pub wrong_weights: bool,
}

/// A GPU set up for one ring.
#[derive(Debug)]
pub struct Gpu {
    context: Arc<RingContext>,
    device: Arc<Device>,
    chunk: ChunkSize,
    tiling: Tiling,
    pipelines: Pipelines,
    tables: Tables,
    pool: Arc<Pool>,
    recording: Mutex<Recording>,
    /// A fault to test with.
    wrong_weights: bool,
    /// Whether nothing is handed over.
    count_only: bool,
    /// The device counts time from here.
    first_tick: OnceLock<u64>,
    /// The host counts time from here.
    opened: Instant,
}

impl Gpu {
    /// Opens an adapter for a ring. It is not yet trusted: see [`self_test`](Self::self_test).
    ///
    /// # Errors
    /// [`GpuError`]: no such adapter, one that lacks something, a degree outside `2^10..=2^16`, no memory for the tables.
    pub fn open(context: Arc<RingContext>, options: &Options) -> Result<Self, GpuError> {
        let instance = adapter::instance();
        let candidate = adapter::choose(&instance, options.number)?;
        let device = Arc::new(Device::open(&candidate, options)?);
        let unsuitable = |reason: String| GpuError::Unsuitable {
            name: device.name.clone(),
            reason,
        };
        let (degree, limbs) = (context.degree(), context.moduli().len());
        let tiling = Tiling::new(degree)
            .ok_or_else(|| unsuitable(format!("its kernels do not serve the degree {degree}")))?;
        let binding_bytes = options
            .binding_bytes
            .unwrap_or(u64::MAX)
            .min(device.binding_bytes);
        let chunk = ChunkSize::new(binding_bytes, limbs, degree).ok_or_else(|| {
            unsuitable(format!(
                "{limbs} limbs of {degree} words do not fit a binding"
            ))
        })?;
        let tables = Tables::new(&device, &context, options.wrong_powers);
        let tables = tables.map_err(|error| GpuError::Driver {
            name: device.name.clone(),
            reason: error.to_string(),
        })?;
        Ok(Self {
            pool: Pool::new(Arc::clone(&device), options),
            pipelines: Pipelines::new(degree),
            recording: Mutex::default(),
            wrong_weights: options.wrong_weights,
            count_only: options.count_only,
            first_tick: OnceLock::new(),
            opened: Instant::now(),
            context,
            device,
            chunk,
            tiling,
            tables,
        })
    }

    /// The name of the adapter.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.device.name
    }

    /// The form of products in use.
    #[must_use]
    pub fn form(&self) -> ProductForm {
        self.device.form
    }

    /// Bytes of the buffers.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.pool.usage()
    }

    /// Calls of each kernel since the last time this was asked.
    #[must_use]
    pub fn take_tallies(&self) -> BTreeMap<&'static str, Tally> {
        self.recording().take_tallies()
    }

    /// Checks that the device can hold so many bytes.
    ///
    /// # Errors
    /// [`GpuError::Memory`].
    pub fn reserve(&self, bytes: u64) -> Result<(), GpuError> {
        if self.pool.has_room(bytes) {
            return Ok(());
        }
        let name = self.device.name.clone();
        Err(GpuError::Memory {
            name,
            needed: bytes,
        })
    }

    /// Allows no more than so many bytes from now on: a fault to test with.
    pub fn limit_memory(&self, bytes: u64) {
        self.pool.limit(bytes);
    }

    fn recording(&self) -> MutexGuard<'_, Recording> {
        self.recording
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sizes that tables for the device hold as words.
#[expect(
    clippy::cast_possible_truncation,
    reason = "rows, limbs and words of buffers that fit a binding of less than 2^32 bytes"
)]
const fn word(size: usize) -> u32 {
    size as u32
}

impl Backend for Gpu {
    const NAME: &'static str = "gpu";
}

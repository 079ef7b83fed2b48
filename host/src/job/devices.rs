//! The devices of this machine.

use std::num::NonZero;
use std::thread;

use serde::Serialize;

use crate::cpu::simd::Isa;
#[cfg(feature = "gpu")]
use crate::gpu::AdapterReport;

/// What there is to compute on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DevicesReport {
    /// The vector instructions that the processor's kernels use.
    pub cpu: String,
    /// Its threads.
    pub threads: usize,
    /// All adapters, in the order of their numbers.
    #[cfg(feature = "gpu")]
    pub adapters: Vec<AdapterReport>,
    /// What is used where nothing is said.
    pub automatic: String,
}

/// Looks at the processor and at all adapters.
#[must_use]
pub fn describe_devices() -> DevicesReport {
    #[cfg(feature = "gpu")]
    let adapters = crate::gpu::adapters();
    #[cfg(feature = "gpu")]
    let automatic = adapters.iter().find(|adapter| adapter.automatic);
    #[cfg(feature = "gpu")]
    let automatic = automatic.map_or("cpu".to_owned(), |a| format!("gpu:{}", a.number));
    #[cfg(not(feature = "gpu"))]
    let automatic = "cpu".to_owned();
    DevicesReport {
        cpu: Isa::detect().to_string(),
        threads: thread::available_parallelism().map_or(1, NonZero::get),
        #[cfg(feature = "gpu")]
        adapters,
        automatic,
    }
}

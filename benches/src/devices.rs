//! What a benchmark runs on: the CPU with one and two threads, and the GPU if there is one.

use std::sync::Arc;

use criterion::Criterion;
use engine::backend::Backend;
use engine::ckks::Params;
use host::cpu::Cpu;
use host::cpu::simd::Isa;
use host::gpu::{Gpu, Options, adapters};

use crate::{is_smoke, threads};

/// A device with a name.
pub trait Device: Backend {
    /// Its name, in the names of groups.
    fn label(&self) -> String;
    /// Bytes of buffers, at most so far.
    fn peak_bytes(&self) -> u64;
}

impl Device for Cpu {
    fn label(&self) -> String {
        match self.threads() {
            1 => "1 thread".to_owned(),
            threads => format!("{threads} threads"),
        }
    }
    fn peak_bytes(&self) -> u64 {
        self.usage().peak as u64
    }
}

impl Device for Gpu {
    fn label(&self) -> String {
        format!("GPU {}", self.name())
    }
    fn peak_bytes(&self) -> u64 {
        self.usage().peak
    }
}

/// A benchmark that is written once for every device.
pub trait OnDevice {
    /// Measures on one.
    fn measure<D: Device>(&self, c: &mut Criterion, params: &Params, device: &D);
}

/// Measures on each device. A GPU is one that `--device auto` takes; once through (`BENCH_SMOKE=1`) a software device will do.
pub fn on_each_device(c: &mut Criterion, params: &Params, bench: &impl OnDevice) {
    for threads in threads() {
        bench.measure(c, params, &cpu(params, threads));
    }
    let suits =
        |adapter: &&host::gpu::AdapterReport| adapter.automatic || is_smoke() && adapter.usable;
    match adapters().iter().find(suits) {
        Some(adapter) => {
            let options = Options {
                number: Some(adapter.number),
                ..Options::default()
            };
            let gpu = Gpu::open(Arc::clone(params.ring()), &options).unwrap();
            bench.measure(c, params, &gpu);
        }
        None => eprintln!("no GPU: measured on the CPU only"),
    }
}

/// The CPU with its widest instructions.
pub fn cpu(params: &Params, threads: usize) -> Cpu {
    Cpu::with(Arc::clone(params.ring()), Isa::detect(), threads).unwrap()
}

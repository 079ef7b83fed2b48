//! The GPU of the tests, if there is one.

use std::sync::Arc;

use engine::ckks::Params;
use engine::ring::RingContext;
use host::gpu::{Gpu, GpuError, Options, ProductForm, adapters};

/// Whether tests must fail without a GPU (`REQUIRE_GPU=1`).
pub fn is_gpu_required() -> bool {
    std::env::var_os("REQUIRE_GPU").is_some_and(|value| value != "0")
}

/// The GPU with these options; without one, says that `test` was skipped.
///
/// # Panics
/// If there is none and one is required, or if it cannot be opened.
pub fn gpu(test: &str, params: &Params, options: &Options) -> Option<Gpu> {
    gpu_for(test, params.ring(), options)
}

/// As [`gpu`], for any ring.
///
/// # Panics
/// As [`gpu`].
pub fn gpu_for(test: &str, ring: &Arc<RingContext>, options: &Options) -> Option<Gpu> {
    match Gpu::open(Arc::clone(ring), options) {
        Ok(gpu) => Some(gpu),
        Err(GpuError::None { .. }) if !is_gpu_required() => {
            eprintln!("skipped, no GPU: {test}");
            None
        }
        Err(error) => panic!("{test}: {error}"),
    }
}

/// The forms of products that the GPU has.
pub fn forms() -> Vec<ProductForm> {
    let wide = adapters()
        .iter()
        .find(|adapter| adapter.usable)
        .is_some_and(|a| a.wide_products);
    let forms = [(ProductForm::Halves, true), (ProductForm::Wide, wide)];
    forms
        .into_iter()
        .filter_map(|(form, has)| has.then_some(form))
        .collect()
}

//! One pipeline for each kernel, made when it is first needed.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use engine::backend::BackendError;
use shaders::layout::{MATRIX_WIDTH, THREAD_WORDS, WORKGROUP_SIZE};
use wgpu::{
    BindGroupLayout, ComputePipeline, ComputePipelineDescriptor, PipelineCompilationOptions,
    ShaderModuleDescriptor, ShaderSource,
};

use super::device::Device;

/// The pipelines of a ring.
#[derive(Debug)]
pub(super) struct Pipelines {
    degree: usize,
    made: Mutex<HashMap<&'static str, Pipeline>>,
}

/// A pipeline and the layout of its bindings.
#[derive(Clone, Debug)]
pub(super) struct Pipeline {
    pub(super) compute: ComputePipeline,
    pub(super) layout: BindGroupLayout,
}

/// How the transform of a degree is laid out over workgroups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tiling {
    /// Threads of a workgroup.
    pub(super) threads: usize,
    /// Words of a workgroup.
    pub(super) tile: usize,
    /// Stages down the columns, in two halves.
    pub(super) outer: u32,
    pub(super) inner: u32,
}

impl Tiling {
    /// Of a degree from `2^10` to `2^16`.
    pub(super) fn new(degree: usize) -> Option<Self> {
        let stages = degree.checked_ilog2()?.checked_sub(MATRIX_WIDTH.ilog2())?;
        let threads = (degree / THREAD_WORDS).min(WORKGROUP_SIZE as usize);
        (degree.is_power_of_two() && (2..=8).contains(&stages)).then(|| Self {
            threads,
            tile: threads * THREAD_WORDS,
            outer: stages.div_ceil(2),
            inner: stages / 2,
        })
    }
}

impl Pipelines {
    pub(super) fn new(degree: usize) -> Self {
        Self {
            degree,
            made: Mutex::default(),
        }
    }

    /// The pipeline of a kernel.
    pub(super) fn get(
        &self,
        device: &Device,
        name: &'static str,
    ) -> Result<Pipeline, BackendError> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pipeline) = made.get(name) {
            return Ok(pipeline.clone());
        }
        let pipeline = self.make(device, name)?;
        device.check()?;
        made.insert(name, pipeline.clone());
        Ok(pipeline)
    }

    fn make(&self, device: &Device, name: &'static str) -> Result<Pipeline, BackendError> {
        let kernel = shaders::kernel(name);
        let kernel = kernel.ok_or_else(|| BackendError::Internal(format!("no kernel {name}")))?;
        // With the run-time checks of wgpu: on a software device they cost nothing that could be measured, since nearly all loops are
        // unrolled in the text and drivers check bounds of buffers anyway.
        let module = device.wgpu.create_shader_module(ShaderModuleDescriptor {
            label: Some(name),
            source: ShaderSource::Wgsl(kernel.source(device.form).into()),
        });
        let constants = self.constants(name);
        let options = PipelineCompilationOptions {
            constants: &constants,
            // Every word of a tile is written before it is read.
            zero_initialize_workgroup_memory: false,
        };
        let compute = device
            .wgpu
            .create_compute_pipeline(&ComputePipelineDescriptor {
                label: Some(name),
                layout: None,
                module: &module,
                entry_point: Some("main"),
                compilation_options: options,
                cache: None,
            });
        Ok(Pipeline {
            layout: compute.get_bind_group_layout(0),
            compute,
        })
    }

    fn constants(&self, name: &str) -> Vec<(&'static str, f64)> {
        let degree = ("DEGREE", self.degree as f64);
        match (name.split('_').next(), Tiling::new(self.degree)) {
            (Some("measure"), _) => Vec::new(),
            (Some("ntt"), Some(tiling)) => vec![
                degree,
                ("THREADS", tiling.threads as f64),
                ("TILE", tiling.tile as f64),
                ("OUTER", tiling.outer.into()),
                ("INNER", tiling.inner.into()),
            ],
            _ => vec![degree],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tilings_fill_workgroups() {
        for bits in 10..=16 {
            let tiling = Tiling::new(1 << bits).unwrap();
            assert!(tiling.threads <= 256 && tiling.tile <= 4096);
            assert_eq!(tiling.outer + tiling.inner + 8, bits);
            assert!(tiling.outer <= 4 && tiling.inner >= 1);
            assert!((1usize << bits).is_multiple_of(tiling.tile));
            // The registers of a thread that are not in one column are in others of its tile.
            let width = tiling.tile >> (tiling.outer + tiling.inner);
            assert!(width >> (4 - tiling.inner) > 0);
        }
        for degree in [0, 1 << 9, 1 << 17, 3 << 10] {
            assert_eq!(Tiling::new(degree), None);
        }
    }
}

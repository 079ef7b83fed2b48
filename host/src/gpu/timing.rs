//! The time of each dispatch, and what the device does at most.

use engine::backend::{BackendError, Transfer};
use shaders::layout::{MEASURE_CHAIN, WORKGROUP_SIZE};
use wgpu::{
    BufferDescriptor, BufferUsages, CommandEncoder, ComputePassDescriptor,
    ComputePassTimestampWrites, QuerySet, QuerySetDescriptor, QueryType,
};

use super::recording::{Binding, Command, Dispatch};
use super::{Gpu, word};
use crate::profile::{COPY_BYTES, Ceilings, Cost, Profiled, Span, TRIALS};

/// Words that products are measured with.
const MULTIPLY_WORDS: usize = 1 << 20;
/// Words of a thread of the kernels that measure.
const VECTOR: usize = 4;

impl Gpu {
    /// Runs commands one after the other, each dispatch in a pass of its own, and adds their spans.
    pub(super) fn submit_timed(
        &self,
        commands: &[Command],
        spans: &mut Vec<Span>,
    ) -> Result<(), BackendError> {
        let dispatches = commands.iter().filter_map(|command| match command {
            Command::Dispatch(dispatch) => Some(dispatch),
            Command::Clear(_) => None,
        });
        let times = if self.device.timestamps {
            self.times_of_device(commands, dispatches.clone().count())?
        } else {
            self.times_of_host(commands)?
        };
        for (dispatch, [begin, end]) in dispatches.zip(times) {
            spans.push(Span {
                kernel: dispatch.kernel,
                begin,
                seconds: (end - begin).max(0.0),
                cost: dispatch.cost,
            });
        }
        Ok(())
    }

    /// Begin and end of each dispatch in seconds, by timestamps of the device.
    fn times_of_device(
        &self,
        commands: &[Command],
        dispatches: usize,
    ) -> Result<Vec<[f64; 2]>, BackendError> {
        let device = &self.device.wgpu;
        if dispatches == 0 {
            let mut encoder = device.create_command_encoder(&Default::default());
            self.encode(&mut encoder, commands)?;
            self.device.submit(Some(encoder.finish()));
            return Ok(Vec::new());
        }
        let count = word(2 * dispatches);
        let queries = device.create_query_set(&QuerySetDescriptor {
            label: None,
            ty: QueryType::Timestamp,
            count,
        });
        let bytes = u64::from(count) * size_of::<u64>() as u64;
        let resolved = device.create_buffer(&BufferDescriptor {
            label: None,
            size: bytes,
            usage: BufferUsages::QUERY_RESOLVE | BufferUsages::COPY_SRC,
            mapped_at_creation: false,
        });
        let staging = self.staging(bytes)?;
        let mut encoder = device.create_command_encoder(&Default::default());
        let mut number = 0;
        for command in commands {
            match command {
                Command::Clear(_) => self.encode(&mut encoder, std::slice::from_ref(command))?,
                Command::Dispatch(dispatch) => {
                    self.encode_timed(&mut encoder, dispatch, &queries, number)?;
                    number += 2;
                }
            }
        }
        encoder.resolve_query_set(&queries, 0..count, &resolved, 0);
        encoder.copy_buffer_to_buffer(&resolved, 0, &staging, 0, bytes);
        self.device.submit(Some(encoder.finish()));
        let mut ticks: Vec<u64> = Vec::new();
        self.map(&staging, bytes, |bytes| {
            ticks = bytemuck::pod_collect_to_vec(bytes)
        })?;
        let period = f64::from(self.device.queue.get_timestamp_period()) * 1e-9;
        let times = ticks.chunks_exact(2);
        Ok(times
            .map(|pair| [pair[0] as f64 * period, pair[1] as f64 * period])
            .collect())
    }

    fn encode_timed(
        &self,
        encoder: &mut CommandEncoder,
        dispatch: &Dispatch,
        queries: &QuerySet,
        number: u32,
    ) -> Result<(), BackendError> {
        let mut pass = encoder.begin_compute_pass(&ComputePassDescriptor {
            label: Some(dispatch.kernel),
            timestamp_writes: Some(ComputePassTimestampWrites {
                query_set: queries,
                beginning_of_pass_write_index: Some(number),
                end_of_pass_write_index: Some(number + 1),
            }),
        });
        self.encode_dispatch(&mut pass, dispatch)
    }

    /// The same by the host's clock: every dispatch is waited for.
    fn times_of_host(&self, commands: &[Command]) -> Result<Vec<[f64; 2]>, BackendError> {
        let mut times = Vec::new();
        for command in commands {
            let begin = self.opened.elapsed().as_secs_f64();
            let mut encoder = self.device.wgpu.create_command_encoder(&Default::default());
            self.encode(&mut encoder, std::slice::from_ref(command))?;
            self.device.submit(Some(encoder.finish()));
            self.device.wait()?;
            if let Command::Dispatch(_) = command {
                times.push([begin, self.opened.elapsed().as_secs_f64()]);
            }
        }
        Ok(times)
    }

    /// The shortest time of some runs of a kernel over one buffer into another.
    fn measure(&self, kernel: &'static str, words: usize, cost: Cost) -> Result<f64, BackendError> {
        let bytes = (words * size_of::<u32>()) as u64;
        let (from, to) = (self.pool.take(bytes)?, self.pool.take(bytes)?);
        let window = |block: &super::pool::Block| Binding {
            buffer: block.buffer().clone(),
            offset: 0,
            bytes,
        };
        // One that is not counted: it makes the pipeline and touches the memory.
        self.begin()?;
        for _ in 0..=TRIALS {
            self.record(Command::Dispatch(Dispatch {
                kernel,
                bindings: vec![window(&from), window(&to)],
                grid: [word(words / VECTOR) / WORKGROUP_SIZE, 1, 1],
                cost,
            }))?;
        }
        let spans = self.end()?;
        let times = spans.iter().skip(1).map(|span| span.seconds);
        Ok(times.fold(f64::INFINITY, f64::min))
    }
}

impl Profiled for Gpu {
    fn begin(&self) -> Result<(), BackendError> {
        self.wait()?;
        self.recording().set_timed(true);
        Ok(())
    }

    fn end(&self) -> Result<Vec<Span>, BackendError> {
        self.wait()?;
        let mut spans = self.recording().set_timed(false);
        let first = spans
            .iter()
            .map(|span| span.begin)
            .fold(f64::INFINITY, f64::min);
        spans.iter_mut().for_each(|span| span.begin -= first);
        Ok(spans)
    }

    fn ceilings(&self) -> Result<Ceilings, BackendError> {
        let copy = Cost {
            bytes: 2 * COPY_BYTES as u64,
            products: 0,
        };
        let multiply = Cost {
            bytes: (2 * MULTIPLY_WORDS * size_of::<u32>()) as u64,
            products: MULTIPLY_WORDS as u64 * u64::from(MEASURE_CHAIN),
        };
        let copied = self.measure("measure_copy", COPY_BYTES / size_of::<u32>(), copy)?;
        let multiplied = self.measure("measure_multiply", MULTIPLY_WORDS, multiply)?;
        Ok(Ceilings {
            copy_gb_per_s: copy.bytes as f64 / copied / 1e9,
            multiply_gmul_per_s: multiply.products as f64 / multiplied / 1e9,
        })
    }
}

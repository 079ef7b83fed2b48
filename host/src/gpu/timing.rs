//! The time of each command, and what the device does at most.

use engine::backend::{BackendError, Transfer};
use shaders::layout::{MEASURE_CHAIN, WORKGROUP_SIZE};
use wgpu::{
    BufferDescriptor, BufferUsages, CommandEncoder, ComputePassDescriptor,
    ComputePassTimestampWrites, QuerySet, QuerySetDescriptor, QueryType,
};

use super::recording::{Binding, Command, Dispatch};
use super::{Gpu, word};
use crate::profile::{Ceilings, Cost, Profiled, Span, TRIALS};

/// Words that products are measured with.
const MULTIPLY_WORDS: usize = 1 << 20;
/// Words of a thread of the kernels that measure.
const VECTOR: usize = 4;
/// Bytes that a copy is measured with, if a binding may have so many: ten times the largest second-level cache.
const COPY_BYTES: usize = 512 << 20;
/// Workgroups in the first dimension of the grids that measure.
const ROW: usize = 1 << 15;

impl Gpu {
    /// Runs commands, each dispatch in a pass of its own, and adds their spans.
    ///
    /// By the clock of the host, each command ends before the next begins. A device with timestamps may overlap passes of which none
    /// needs the result of another, and tells the times of passes only: what is cleared between them has no span.
    pub(super) fn submit_timed(
        &self,
        commands: &[Command],
        spans: &mut Vec<Span>,
    ) -> Result<(), BackendError> {
        let span = |(command, [begin, seconds]): (&Command, [f64; 2])| Span {
            kernel: command.kernel(),
            begin,
            seconds,
            cost: command.cost(),
        };
        if self.device.timestamps {
            let is_dispatch = |command: &&Command| matches!(command, Command::Dispatch(_));
            let dispatches = commands.iter().filter(is_dispatch);
            let times = self.times_of_device(commands, dispatches.clone().count())?;
            spans.extend(dispatches.zip(times).map(span));
        } else {
            let times = self.times_of_host(commands)?;
            spans.extend(commands.iter().zip(times).map(span));
        }
        Ok(())
    }

    /// Begin and length of each dispatch in seconds, by timestamps of the device.
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
        let first = *self.first_tick.get_or_init(|| ticks[0]);
        Ok(times_of(&ticks, first, period))
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

    /// Begin and length of each command in seconds, by the host's clock: every one is waited for.
    fn times_of_host(&self, commands: &[Command]) -> Result<Vec<[f64; 2]>, BackendError> {
        let mut times = Vec::new();
        for command in commands {
            let begin = self.opened.elapsed().as_secs_f64();
            let mut encoder = self.device.wgpu.create_command_encoder(&Default::default());
            self.encode(&mut encoder, std::slice::from_ref(command))?;
            self.device.submit(Some(encoder.finish()));
            self.device.wait()?;
            times.push([begin, self.opened.elapsed().as_secs_f64() - begin]);
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
                grid: grid(words),
                cost,
            }))?;
        }
        let spans = self.end()?;
        let times = spans.iter().skip(1).map(|span| span.seconds);
        Ok(times.fold(f64::INFINITY, f64::min))
    }

    /// 10^9 bytes in a second, of the largest copy that there is memory for.
    fn copy_ceiling(&self) -> Result<f64, BackendError> {
        let mut bytes = copy_bytes(self.device.binding_bytes);
        loop {
            let cost = Cost {
                bytes: 2 * bytes as u64,
                products: 0,
            };
            let less = copy_bytes(bytes as u64 / 2);
            match self.measure("measure_copy", bytes / size_of::<u32>(), cost) {
                Err(BackendError::OutOfMemory { .. }) if less > 0 => bytes = less,
                measured => return Ok(cost.bytes as f64 / measured? / 1e9),
            }
        }
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
        let multiply = Cost {
            bytes: (2 * MULTIPLY_WORDS * size_of::<u32>()) as u64,
            products: MULTIPLY_WORDS as u64 * u64::from(MEASURE_CHAIN),
        };
        let multiplied = self.measure("measure_multiply", MULTIPLY_WORDS, multiply)?;
        Ok(Ceilings {
            copy_gb_per_s: self.copy_ceiling()?,
            multiply_gmul_per_s: multiply.products as f64 / multiplied / 1e9,
        })
    }
}

/// Begin and length in seconds of what is between the two ticks of each pair; `first` is zero. (Ticks may count from 1970: as
/// floating-point numbers, they would be off by hundreds.)
fn times_of(ticks: &[u64], first: u64, period: f64) -> Vec<[f64; 2]> {
    let seconds = |from: u64, to: u64| to.saturating_sub(from) as f64 * period;
    let pairs = ticks.chunks_exact(2);
    pairs
        .map(|pair| [seconds(first, pair[0]), seconds(pair[0], pair[1])])
        .collect()
}

/// Bytes that a copy is measured with: whole rows of workgroups.
fn copy_bytes(binding_bytes: u64) -> usize {
    let row = ROW * WORKGROUP_SIZE as usize * VECTOR * size_of::<u32>();
    let most = usize::try_from(binding_bytes).unwrap_or(usize::MAX);
    most.min(COPY_BYTES) / row * row
}

/// The workgroups of a kernel that measures: one row, or whole rows.
fn grid(words: usize) -> [u32; 3] {
    let groups = words / VECTOR / WORKGROUP_SIZE as usize;
    [word(groups.min(ROW)), word(groups.div_ceil(ROW)), 1]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::limits::{MIN_BINDING_BYTES, WORKGROUPS};

    #[test]
    fn ticks_are_subtracted_before_they_are_rounded() {
        let now = 1_790_000_000_123_456_789;
        let ticks = [now + 1000, now + 1100, now + 1101, now + 1200, now, now - 1];
        let [a, b, c] = times_of(&ticks, now, 1.0)[..] else {
            panic!("three pairs");
        };
        assert_eq!((a, b), ([1000.0, 100.0], [1101.0, 99.0]));
        // A clock that goes back is no length.
        assert_eq!(c, [0.0, 0.0]);
    }

    #[test]
    fn a_copy_is_measured_in_a_grid_that_every_adapter_has() {
        for (binding, bytes) in [
            (MIN_BINDING_BYTES, 128 << 20),
            (300 << 20, 256 << 20),
            ((1 << 31) - 4, 512 << 20),
        ] {
            assert_eq!(copy_bytes(binding), bytes);
            let words = bytes / size_of::<u32>();
            let [x, y, z] = grid(words);
            assert!(x.max(y) <= WORKGROUPS && z == 1);
            assert_eq!((x * y * WORKGROUP_SIZE) as usize * VECTOR, words);
        }
        assert_eq!(grid(MULTIPLY_WORDS), [1024, 1, 1]);
    }
}

//! Recorded commands to the device.

use engine::backend::BackendError;
use wgpu::{
    BindGroupDescriptor, BindGroupEntry, BindingResource, BufferBinding, CommandEncoder,
    CommandEncoderDescriptor, ComputePass, ComputePassDescriptor,
};

use super::Gpu;
use super::recording::{Binding, Command, Dispatch};

impl Gpu {
    /// Adds a command, and hands over what is recorded if that is enough.
    pub(super) fn record(&self, command: Command) -> Result<(), BackendError> {
        self.device.check()?;
        let is_full = {
            let mut recording = self.recording();
            recording.push(command);
            recording.is_full()
        };
        if is_full { self.flush() } else { Ok(()) }
    }

    /// Hands over what is recorded, without waiting.
    pub(super) fn flush(&self) -> Result<(), BackendError> {
        // Locked until the commands are handed over: what another thread records comes after them.
        let mut recording = self.recording();
        let mut commands = recording.take();
        if self.count_only {
            commands.clear();
        }
        if let (Some(spans), false) = (recording.spans(), commands.is_empty()) {
            self.submit_timed(&commands, spans)?;
        } else if !commands.is_empty() {
            let descriptor = CommandEncoderDescriptor::default();
            let mut encoder = self.device.wgpu.create_command_encoder(&descriptor);
            self.encode(&mut encoder, &commands)?;
            self.device.submit(Some(encoder.finish()));
        }
        self.device.check()
    }

    /// All dispatches between two other commands in one pass.
    pub(super) fn encode(
        &self,
        encoder: &mut CommandEncoder,
        commands: &[Command],
    ) -> Result<(), BackendError> {
        let is_dispatch = |command: &Command| matches!(command, Command::Dispatch(_));
        for run in commands.chunk_by(|a, b| is_dispatch(a) && is_dispatch(b)) {
            if let [Command::Clear(binding)] = run {
                encoder.clear_buffer(&binding.buffer, binding.offset, Some(binding.bytes));
                continue;
            }
            let mut pass = encoder.begin_compute_pass(&ComputePassDescriptor::default());
            for command in run {
                if let Command::Dispatch(dispatch) = command {
                    self.encode_dispatch(&mut pass, dispatch)?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn encode_dispatch(
        &self,
        pass: &mut ComputePass<'_>,
        dispatch: &Dispatch,
    ) -> Result<(), BackendError> {
        let pipeline = self.pipelines.get(&self.device, dispatch.kernel)?;
        let entries: Vec<_> = (0..).zip(&dispatch.bindings).map(entry).collect();
        let group = self.device.wgpu.create_bind_group(&BindGroupDescriptor {
            label: Some(dispatch.kernel),
            layout: &pipeline.layout,
            entries: &entries,
        });
        pass.set_pipeline(&pipeline.compute);
        pass.set_bind_group(0, &group, &[]);
        let [x, y, z] = dispatch.grid;
        pass.dispatch_workgroups(x, y, z);
        Ok(())
    }
}

fn entry((number, binding): (u32, &Binding)) -> BindGroupEntry<'_> {
    BindGroupEntry {
        binding: number,
        resource: BindingResource::Buffer(BufferBinding {
            buffer: &binding.buffer,
            offset: binding.offset,
            size: std::num::NonZero::new(binding.bytes),
        }),
    }
}

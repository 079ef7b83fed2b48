//! Words to the device and back. Reading is the only wait.

use std::sync::mpsc;

use engine::arith::Word;
use engine::backend::BackendError;
use wgpu::{Buffer, BufferDescriptor, BufferUsages, CommandEncoderDescriptor, MapMode};

use super::Gpu;
use super::recording::Binding;

/// The most bytes that go over at once: a driver may have little memory that the host sees, too.
const TRANSFER_BYTES: usize = 128 << 20;

impl Gpu {
    /// The words of windows, one after the other.
    pub(super) fn read(&self, windows: &[Binding]) -> Result<Vec<Word>, BackendError> {
        self.flush()?;
        let windows: Vec<_> = windows.iter().flat_map(parts).collect();
        let largest = windows.iter().map(|window| window.bytes).max().unwrap_or(0);
        let staging = self.staging(largest)?;
        let total: u64 = windows.iter().map(|window| window.bytes).sum();
        let mut words = Vec::with_capacity(usize::try_from(total).unwrap_or(0) / size_of::<Word>());
        for Binding {
            buffer,
            offset,
            bytes,
        } in &windows
        {
            let mut encoder = self
                .device
                .wgpu
                .create_command_encoder(&CommandEncoderDescriptor::default());
            encoder.copy_buffer_to_buffer(buffer, *offset, &staging, 0, *bytes);
            self.device.submit(Some(encoder.finish()));
            self.map(&staging, *bytes, |bytes| {
                words.extend_from_slice(bytemuck::cast_slice(bytes))
            })?;
        }
        Ok(words)
    }

    /// Writes a window. What was submitted before comes first.
    pub(super) fn write(&self, window: &Binding, bytes: &[u8]) -> Result<(), BackendError> {
        self.device.check()?;
        for (part, bytes) in parts(window).zip(bytes.chunks(TRANSFER_BYTES)) {
            let write = || {
                self.device
                    .queue
                    .write_buffer(&part.buffer, part.offset, bytes)
            };
            let written = self.device.allocate(write);
            let bytes = bytes.len();
            written.ok_or(BackendError::OutOfMemory { bytes })?;
            // The copy that the driver keeps until then is given back with the submission.
            self.device.submit(None);
        }
        self.device.check()
    }

    /// A buffer that the host can read.
    pub(super) fn staging(&self, bytes: u64) -> Result<Buffer, BackendError> {
        let make = || {
            self.device.wgpu.create_buffer(&BufferDescriptor {
                label: None,
                size: bytes,
                usage: BufferUsages::MAP_READ | BufferUsages::COPY_DST,
                mapped_at_creation: false,
            })
        };
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        self.device
            .allocate(make)
            .ok_or(BackendError::OutOfMemory { bytes })
    }

    /// Waits for what was submitted, and shows the first bytes of a buffer of [`staging`](Self::staging).
    pub(super) fn map(
        &self,
        staging: &Buffer,
        bytes: u64,
        see: impl FnOnce(&[u8]),
    ) -> Result<(), BackendError> {
        let (sender, receiver) = mpsc::channel();
        staging.map_async(MapMode::Read, 0..bytes, move |mapped| {
            // Nobody listens any more only if the wait below failed.
            let _ = sender.send(mapped);
        });
        self.device.wait()?;
        let failed = |error: &dyn std::fmt::Display| match self.device.check() {
            Err(known) => known,
            Ok(()) => BackendError::Internal(format!("the device gives no result: {error}")),
        };
        match receiver.try_recv() {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(failed(&error)),
            Err(error) => return Err(failed(&error)),
        }
        let view = staging
            .get_mapped_range(0..bytes)
            .map_err(|error| failed(&error))?;
        see(&view);
        drop(view);
        staging.unmap();
        Ok(())
    }
}

/// A window in parts that go over one by one.
fn parts(window: &Binding) -> impl Iterator<Item = Binding> {
    let starts = (0..window.bytes).step_by(TRANSFER_BYTES);
    starts.map(move |start| Binding {
        buffer: window.buffer.clone(),
        offset: window.offset + start,
        bytes: (window.bytes - start).min(TRANSFER_BYTES as u64),
    })
}

//! Constants on the device: powers of the roots, made once for a ring, and the tables of calls, made when a call is first seen.

use std::sync::{Mutex, PoisonError};

use engine::arith::ShoupFactor;
use engine::backend::BackendError;
use engine::ring::RingContext;
use engine::ring::ntt::NttTable;
use rayon::prelude::*;
use shaders::layout::Limb;
use wgpu::{Buffer, BufferDescriptor, BufferUsages};

use super::cache::Cache;
use super::device::Device;
use super::recording::Binding;

/// Tables kept at most; a job has some hundred kinds of calls, and constants that change from call to call come on top.
const MAX_TABLES: usize = 4096;

/// Tables of a ring on a device.
#[derive(Debug)]
pub(super) struct Tables {
    limbs: Vec<Limb>,
    inverse_degree: Vec<ShoupFactor>,
    powers: Buffer,
    inverse_powers: Buffer,
    calls: Mutex<Cache<Buffer>>,
}

impl Tables {
    /// Makes and uploads the powers: 16 bytes for each word of a row. `wrong` changes one bit of them.
    pub(super) fn new(
        device: &Device,
        context: &RingContext,
        wrong: bool,
    ) -> Result<Self, BackendError> {
        let limbs = 0..context.moduli().len();
        let degree = context.degree();
        let tables = limbs.into_par_iter();
        let tables = tables.map(|i| NttTable::new(degree, context.modulus(i), context.root(i)));
        let tables: Vec<_> = tables.collect();
        let upload = |powers: fn(&NttTable) -> &[ShoupFactor]| {
            let factors = tables.iter().flat_map(|table| powers(table).iter());
            let mut words: Vec<u32> = factors.flat_map(|w| [w.value(), w.quotient()]).collect();
            if let (true, Some(last)) = (wrong, words.iter_mut().rev().nth(1)) {
                *last ^= 1;
            }
            let bytes = words.len() * size_of::<u32>();
            let make = || storage(device, bytemuck::cast_slice(&words));
            device
                .allocate(make)
                .ok_or(BackendError::OutOfMemory { bytes })
        };
        Ok(Self {
            powers: upload(NttTable::powers)?,
            inverse_powers: upload(NttTable::inverse_powers)?,
            inverse_degree: tables.iter().map(NttTable::inverse_degree).collect(),
            limbs: context.moduli().iter().map(|q| limb(*q)).collect(),
            calls: Mutex::new(Cache::new(MAX_TABLES)),
        })
    }

    /// What reduces words modulo a limb.
    pub(super) fn limb(&self, limb: usize) -> Limb {
        self.limbs.get(limb).copied().unwrap_or_default()
    }

    /// `1/N` of a limb.
    pub(super) fn inverse_degree(&self, limb: usize) -> ShoupFactor {
        self.inverse_degree[limb]
    }

    /// The powers of the roots, or of their inverses.
    pub(super) fn powers(&self, inverse: bool) -> Binding {
        whole(if inverse {
            &self.inverse_powers
        } else {
            &self.powers
        })
    }

    /// A table with this content, filled up with zeros to `room` bytes.
    pub(super) fn table(
        &self,
        device: &Device,
        content: &[u8],
        room: usize,
    ) -> Result<Binding, BackendError> {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(table) = calls.get(content) {
            return Ok(whole(&table));
        }
        let mut padded = content.to_vec();
        padded.resize(room.max(content.len()), 0);
        let bytes = padded.len();
        let table = device.allocate(|| storage(device, &padded));
        let table = table.ok_or(BackendError::OutOfMemory { bytes })?;
        let binding = whole(&table);
        calls.insert(content.into(), table);
        Ok(binding)
    }
}

fn whole(buffer: &Buffer) -> Binding {
    Binding {
        buffer: buffer.clone(),
        offset: 0,
        bytes: buffer.size(),
    }
}

/// A buffer with this content. It is new, so that the queue may write it at once, before whatever reads it.
fn storage(device: &Device, bytes: &[u8]) -> Buffer {
    let buffer = device.wgpu.create_buffer(&BufferDescriptor {
        label: None,
        size: bytes.len() as u64,
        usage: BufferUsages::STORAGE | BufferUsages::UNIFORM | BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    device.queue.write_buffer(&buffer, 0, bytes);
    buffer
}

fn limb(q: engine::arith::Modulus) -> Limb {
    let wide = ShoupFactor::new(q.reduce_wide(1 << u32::BITS), q);
    Limb {
        q: q.value(),
        one_shoup: ShoupFactor::new(1, q).quotient(),
        wide: wide.value(),
        wide_shoup: wide.quotient(),
    }
}

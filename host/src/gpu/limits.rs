//! How batches are cut into buffers and dispatches, so that every binding fits the adapter. Pure arithmetic.

use std::ops::Range;

/// What every adapter must offer: the defaults of WebGPU.
pub(super) const MIN_BINDING_BYTES: u64 = 128 << 20;
/// Storage buffers of one kernel.
pub(super) const STORAGE_BUFFERS: u32 = 8;
/// Workgroup memory of a transform: 4096 words.
pub(super) const WORKGROUP_BYTES: u32 = 16 << 10;
/// Threads of a workgroup.
pub(super) const INVOCATIONS: u32 = shaders::layout::WORKGROUP_SIZE;
/// Workgroups in one dimension of a grid.
pub(super) const WORKGROUPS: u32 = 65535;
/// The most bytes of a binding that is used, which is what wgpu allows: places of words are counted in 32 bits, and those of bytes
/// by drivers with a sign.
const MOST_BINDING_BYTES: u64 = (1 << 31) - 4;

/// Polynomials of one buffer of the device. The same for all buffers of a ring, so that batches of one size are cut alike whatever
/// their limbs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ChunkSize(pub(super) usize);

impl ChunkSize {
    /// As many polynomials over all `limbs` of the ring as fit a binding; nothing if not even one does.
    pub(super) fn new(binding_bytes: u64, limbs: usize, degree: usize) -> Option<Self> {
        let poly_bytes = (limbs * degree * size_of::<u32>()) as u64;
        let polys = binding_bytes.min(MOST_BINDING_BYTES) / poly_bytes.max(1);
        let polys = polys.min(u64::from(WORKGROUPS));
        usize::try_from(polys)
            .ok()
            .filter(|polys| *polys > 0)
            .map(Self)
    }

    /// How many of `count` batches of one size go into each group, so that a buffer holds a group and groups are few and alike; one
    /// for batches that are larger than a buffer.
    pub(super) fn groups(self, batch: usize, count: usize) -> usize {
        let fit = (self.0 / batch.max(1)).clamp(1, count.max(1));
        count.div_ceil(count.div_ceil(fit).max(1)).max(1)
    }

    /// The largest pieces of `0..batch` such that no operand that begins at one of `firsts` straddles two buffers within a piece.
    pub(super) fn pieces(self, batch: usize, firsts: &[usize]) -> Vec<Range<usize>> {
        let mut pieces = Vec::new();
        let mut start = 0;
        while start < batch {
            let rooms = firsts.iter().map(|first| self.0 - (first + start) % self.0);
            let end = batch.min(start + rooms.min().unwrap_or(batch));
            pieces.push(start..end);
            start = end;
        }
        pieces
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_holds_what_a_binding_holds() {
        // 59 limbs of 2^16 words: 14.75 MiB.
        assert_eq!(ChunkSize::new(128 << 20, 59, 1 << 16), Some(ChunkSize(8)));
        assert_eq!(ChunkSize::new(u64::MAX, 59, 1 << 16), Some(ChunkSize(138)));
        assert_eq!(ChunkSize::new(1 << 20, 59, 1 << 16), None);
    }

    #[test]
    fn groups_of_batches_fit_a_buffer() {
        for (batch, count, group) in [
            (1, 4, 4),
            (2, 4, 4),
            (3, 4, 2),
            (4, 4, 2),
            (5, 4, 1),
            (9, 4, 1),
            (0, 4, 4),
            (1, 0, 1),
        ] {
            assert_eq!(ChunkSize(8).groups(batch, count), group, "{batch}, {count}");
        }
        // Three and three, not five and one.
        assert_eq!(ChunkSize(5).groups(1, 6), 3);
        // In the largest binding, four digits of as many as 34 polynomials of 59 limbs of 2^16 words.
        let largest = ChunkSize::new(MOST_BINDING_BYTES, 59, 1 << 16).unwrap();
        for (batch, group) in [(1, 4), (16, 4), (34, 4), (35, 2)] {
            assert_eq!(largest.groups(batch, 4), group, "{batch}");
        }
        assert_eq!(largest.pieces(4 * 34, &[0]).len(), 1);
    }

    #[test]
    fn pieces_cover_the_batch_and_never_straddle() {
        for size in 1..5 {
            for batch in 0..12 {
                for firsts in [&[0][..], &[3, 0], &[1, 2, 7], &[]] {
                    let pieces = ChunkSize(size).pieces(batch, firsts);
                    let covered: Vec<_> = pieces.iter().cloned().flatten().collect();
                    assert_eq!(covered, (0..batch).collect::<Vec<_>>());
                    for piece in &pieces {
                        for first in firsts {
                            let ends = [piece.start, piece.end - 1].map(|i| (first + i) / size);
                            assert_eq!(ends[0], ends[1]);
                        }
                    }
                }
            }
        }
        assert_eq!(ChunkSize(4).pieces(8, &[0, 8]), [0..4, 4..8]);
    }
}

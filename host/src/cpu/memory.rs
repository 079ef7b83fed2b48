//! Memory for rows of words, recycled.
//!
//! A [`Buffer`] holds rows of equal length. Every row begins on a cache line, and consecutive rows begin [`STAGGER`] cache lines
//! further than their length alone would put them, so that words of equal index in several rows do not compete for the
//! same cache sets. Large buffers lie on huge pages where the system has them. A dropped buffer returns to its [`Pool`]
//! and serves the next request of about its size.

#![expect(
    unsafe_code,
    reason = "aligned allocation, and slices of what was allocated"
)]

use std::{
    alloc::{self, Layout},
    collections::BTreeMap,
    ptr::NonNull,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use engine::arith::Word;
use rayon::prelude::*;

/// Words of a cache line of 64 bytes.
const LINE: usize = 16;
/// Cache lines between the end of a row and the start of the next.
pub const STAGGER: usize = 5;
/// Bytes of a huge page.
const HUGE_PAGE: usize = 2 << 20;

/// Why memory was not to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MemoryError {
    /// The system refused, or the size cannot be expressed.
    #[error("{rows} rows of {words} words do not fit into memory")]
    OutOfMemory {
        /// Rows asked for.
        rows: usize,
        /// Words of a row.
        words: usize,
    },
}

/// Bytes of the buffers of a pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// In live buffers.
    pub in_use: usize,
    /// The largest `in_use` so far.
    pub peak: usize,
    /// Kept for later requests.
    pub idle: usize,
}

/// A store of buffers; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Pool {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// By size, in bytes.
    idle: BTreeMap<usize, Vec<Block>>,
    usage: Usage,
}

impl Pool {
    /// An empty pool.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// `rows` rows of `words` words, all zero.
    ///
    /// # Errors
    /// [`MemoryError::OutOfMemory`].
    pub fn alloc_zeroed(&self, rows: usize, words: usize) -> Result<Buffer, MemoryError> {
        let (mut buffer, fresh) = self.take(rows, words)?;
        if !fresh {
            buffer.storage_mut().fill(0);
        }
        Ok(buffer)
    }

    /// `rows` rows of `words` words that hold anything, for a caller that writes before it reads.
    ///
    /// # Errors
    /// [`MemoryError::OutOfMemory`].
    pub fn alloc(&self, rows: usize, words: usize) -> Result<Buffer, MemoryError> {
        self.take(rows, words).map(|(buffer, _)| buffer)
    }

    /// Bytes in use.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.lock().usage
    }

    /// Gives idle memory back to the system.
    pub fn trim(&self) {
        let mut state = self.lock();
        state.usage.idle = 0;
        state.idle.clear();
    }

    /// A buffer, and whether its memory is fresh and therefore zero.
    fn take(&self, rows: usize, words: usize) -> Result<(Buffer, bool), MemoryError> {
        let error = MemoryError::OutOfMemory { rows, words };
        let stride = words
            .checked_next_multiple_of(LINE)
            .and_then(|words| words.checked_add(STAGGER * LINE))
            .ok_or(error)?;
        let bytes = rows
            .checked_mul(stride)
            .and_then(|words| words.checked_mul(size_of::<Word>()))
            .and_then(round_up)
            .ok_or(error)?;
        let recycled = {
            let mut state = self.lock();
            // The smallest that fits, but none that is more than twice too large: what lives long is made first, when little
            // is idle, and what is made later at lower levels reuses what higher ones left.
            let mut fitting = state.idle.range_mut(bytes..=bytes.saturating_mul(3));
            let block = fitting.find_map(|(_, blocks)| blocks.pop());
            if let Some(block) = &block {
                state.usage.idle -= block.layout.size();
            }
            block
        };
        let fresh = recycled.is_none();
        let block = recycled.or_else(|| Block::new(bytes)).ok_or(error)?;
        let mut state = self.lock();
        state.usage.in_use += block.layout.size();
        state.usage.peak = state.usage.peak.max(state.usage.in_use);
        drop(state);
        let buffer = Buffer {
            block: Some(block),
            rows,
            words,
            stride,
            pool: self.clone(),
        };
        Ok((buffer, fresh))
    }

    fn give_back(&self, block: Block) {
        let bytes = block.layout.size();
        let mut state = self.lock();
        state.usage.in_use -= bytes;
        state.usage.idle += bytes;
        state.idle.entry(bytes).or_default().push(block);
    }

    /// The state; a thread that panicked while it held the lock left nothing half done.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whole pages.
fn round_up(bytes: usize) -> Option<usize> {
    bytes.max(1).checked_next_multiple_of(4096)
}

/// Memory that was initialized once.
#[derive(Debug)]
struct Block {
    start: NonNull<Word>,
    layout: Layout,
}

// SAFETY: a block owns its memory, and words may be read and written from any thread.
unsafe impl Send for Block {}
// SAFETY: a shared block is only read.
unsafe impl Sync for Block {}

impl Block {
    /// Zeroed memory of `bytes` bytes.
    fn new(bytes: usize) -> Option<Self> {
        let align = if bytes >= HUGE_PAGE { HUGE_PAGE } else { 64 };
        let layout = Layout::from_size_align(bytes, align).ok()?;
        // SAFETY: `round_up` gives at least one page.
        let start = NonNull::new(unsafe { alloc::alloc(layout) })?;
        advise_huge_pages(start, bytes);
        // SAFETY: the memory was just allocated with this size.
        unsafe { start.write_bytes(0, bytes) };
        Some(Self {
            start: start.cast(),
            layout,
        })
    }

    const fn words(&self) -> usize {
        self.layout.size() / size_of::<Word>()
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with this layout.
        unsafe { alloc::dealloc(self.start.as_ptr().cast(), self.layout) }
    }
}

/// Asks for huge pages before the memory is touched; a refusal costs only speed.
#[cfg(target_os = "linux")]
fn advise_huge_pages(start: NonNull<u8>, bytes: usize) {
    if bytes >= HUGE_PAGE {
        // SAFETY: the range was allocated by the caller; the advice does not change its contents.
        unsafe { libc::madvise(start.as_ptr().cast(), bytes, libc::MADV_HUGEPAGE) };
    }
}

#[cfg(not(target_os = "linux"))]
fn advise_huge_pages(_: NonNull<u8>, _: usize) {}

/// Rows of words; returns to its pool when dropped.
#[derive(Debug)]
pub struct Buffer {
    /// Present until the drop.
    block: Option<Block>,
    rows: usize,
    words: usize,
    /// Words from the start of a row to that of the next.
    stride: usize,
    pool: Pool,
}

impl Buffer {
    /// The number of rows.
    #[must_use]
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// The number of words of a row.
    #[must_use]
    pub const fn words(&self) -> usize {
        self.words
    }

    /// Row `i`, empty if there is none.
    #[must_use]
    pub fn row(&self, i: usize) -> &[Word] {
        if i < self.rows {
            &self.storage()[i * self.stride..][..self.words]
        } else {
            &[]
        }
    }

    /// Row `i`, empty if there is none.
    #[must_use]
    pub fn row_mut(&mut self, i: usize) -> &mut [Word] {
        if i < self.rows {
            let (start, words) = (i * self.stride, self.words);
            &mut self.storage_mut()[start..][..words]
        } else {
            &mut []
        }
    }

    /// All rows.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[Word]> {
        self.storage()
            .chunks(self.stride)
            .map(|row| &row[..self.words])
    }

    /// All rows, disjoint.
    pub fn iter_mut(&mut self) -> impl ExactSizeIterator<Item = &mut [Word]> {
        let (stride, words) = (self.stride, self.words);
        self.storage_mut()
            .chunks_mut(stride)
            .map(move |row| &mut row[..words])
    }

    /// All rows, for several threads.
    pub fn par_iter_mut(&mut self) -> impl IndexedParallelIterator<Item = &mut [Word]> {
        let (stride, words) = (self.stride, self.words);
        self.storage_mut()
            .par_chunks_mut(stride)
            .map(move |row| &mut row[..words])
    }

    /// The words of all rows and what lies between them.
    fn storage(&self) -> &[Word] {
        self.block.as_ref().map_or(&[], |block| {
            debug_assert!(self.rows * self.stride <= block.words());
            // SAFETY: the block holds at least this many initialized words, and lives as long as the result.
            unsafe { std::slice::from_raw_parts(block.start.as_ptr(), self.rows * self.stride) }
        })
    }

    /// The words of all rows and what lies between them.
    fn storage_mut(&mut self) -> &mut [Word] {
        let words = self.rows * self.stride;
        self.block.as_mut().map_or(&mut [], |block| {
            debug_assert!(words <= block.words());
            // SAFETY: as in `storage`; the exclusive borrow makes the result the only reference.
            unsafe { std::slice::from_raw_parts_mut(block.start.as_ptr(), words) }
        })
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Some(block) = self.block.take() {
            self.pool.give_back(block);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_aligned_staggered_and_disjoint() {
        let pool = Pool::new();
        let mut buffer = pool.alloc_zeroed(20, 1 << 16).unwrap();
        assert!(buffer.iter().all(|row| row.iter().all(|word| *word == 0)));
        for (i, row) in buffer.iter_mut().enumerate() {
            row.fill(Word::try_from(i).unwrap());
        }
        buffer.par_iter_mut().for_each(|row| row[0] += 1);
        for i in 0..20 {
            let row = buffer.row(i);
            assert_eq!(row.len(), 1 << 16);
            assert_eq!(row.as_ptr() as usize % 64, 0);
            assert_eq!([row[0], row[1]].map(|word| word as usize), [i + 1, i]);
            assert_eq!(row.last(), row.get(1));
        }
        let distance = buffer.row(1).as_ptr() as usize - buffer.row(0).as_ptr() as usize;
        assert_eq!(distance, (1 << 18) + 64 * STAGGER);
        assert!(buffer.row(20).is_empty() && buffer.row_mut(20).is_empty());
    }

    #[test]
    fn memory_is_recycled_and_counted() {
        let pool = Pool::new();
        let mut buffer = pool.alloc(3, 1024).unwrap();
        buffer.row_mut(2).fill(7);
        let start = buffer.row(0).as_ptr();
        let in_use = pool.usage().in_use;
        assert!(in_use >= 3 * 4096);
        drop(buffer);
        assert_eq!(
            pool.usage(),
            Usage {
                in_use: 0,
                peak: in_use,
                idle: in_use
            }
        );
        let buffer = pool.alloc_zeroed(3, 1024).unwrap();
        assert_eq!(buffer.row(0).as_ptr(), start);
        assert!(buffer.row(2).iter().all(|word| *word == 0));
        assert_eq!(pool.usage().idle, 0);
        drop(buffer);
        pool.trim();
        assert_eq!(pool.usage().idle, 0);
        assert_eq!(pool.usage().peak, in_use);
    }

    #[test]
    fn odd_shapes_and_impossible_sizes() {
        let pool = Pool::new();
        let buffer = pool.alloc_zeroed(0, 1024).unwrap();
        assert_eq!(buffer.iter().len(), 0);
        let buffer = pool.alloc_zeroed(2, 5).unwrap();
        assert_eq!(buffer.row(1).len(), 5);
        assert!(pool.alloc(usize::MAX / 8, 1 << 16).is_err());
        assert!(pool.alloc(1 << 40, 1 << 16).is_err());
    }

    #[test]
    fn a_block_serves_what_fits_but_nothing_much_smaller() {
        let pool = Pool::new();
        drop(pool.alloc(30, 1 << 10).unwrap());
        let idle = pool.usage().idle;
        let small = pool.alloc(8, 1 << 10).unwrap();
        assert_eq!(pool.usage().idle, idle);
        let fitting = pool.alloc(25, 1 << 10).unwrap();
        assert_eq!(pool.usage().idle, 0);
        drop((small, fitting));
        assert!(pool.usage().idle > idle);
    }
}

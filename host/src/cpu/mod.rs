//! The CPU backend: rayon over rows, inner loops with the widest vectors the processor has.
//!
//! Every word is that of [`engine::backend::Reference`].

pub mod memory;
pub mod simd;

mod basis;
mod gadget;
mod ring;
mod rows;
mod transfer;

use std::collections::HashMap;
use std::hash::Hash;
use std::num::NonZero;
use std::sync::{Arc, Mutex, PoisonError};

use engine::arith::Modulus;
use engine::backend::{Backend, BackendError, Shape};
use engine::ring::{BaseConversion, Basis, GaloisElement, RingContext};

use rayon::{ThreadPool, ThreadPoolBuilder};

use memory::{Buffer, MemoryError, Pool, Usage};
use simd::{AutomorphismTable, Isa, NttTable};

/// Rayon over rows.
///
/// Work runs on threads of its own.
#[derive(Debug)]
pub struct Cpu {
    context: Arc<RingContext>,
    isa: Isa,
    threads: ThreadPool,
    pool: Pool,
    tables: Vec<NttTable>,
    automorphisms: Cache<GaloisElement, AutomorphismTable>,
    mod_ups: Cache<(Basis, Basis), simd::BaseConversion>,
    mod_downs: Cache<(Basis, Basis), simd::BaseConversion>,
}

/// A batch of polynomials in host memory.
#[derive(Debug)]
pub struct CpuBuffer {
    shape: Shape,
    memory: Buffer,
}

#[derive(Debug)]
struct Cache<K, T>(Mutex<HashMap<K, Arc<T>>>);

impl<K: Eq + Hash, T> Cache<K, T> {
    fn new() -> Self {
        Self(Mutex::new(HashMap::new()))
    }

    fn get(
        &self,
        key: K,
        make: impl FnOnce() -> Result<T, simd::KernelError>,
    ) -> Result<Arc<T>, BackendError> {
        let mut tables = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(table) = tables.get(&key) {
            return Ok(Arc::clone(table));
        }
        let table = Arc::new(make()?);
        tables.insert(key, Arc::clone(&table));
        Ok(table)
    }
}

impl Cpu {
    /// The backend of a ring, with the widest vectors of this processor and as many threads as it has cores.
    ///
    /// # Errors
    /// [`BackendError::Internal`] for a degree that the kernels do not serve (below `2^10` or above `2^16`), or if the threads
    /// cannot be started.
    pub fn new(context: Arc<RingContext>) -> Result<Self, BackendError> {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self::with(context, Isa::detect(), cores)
    }

    /// The backend of a ring, with these vectors and threads.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with(context: Arc<RingContext>, isa: Isa, threads: usize) -> Result<Self, BackendError> {
        let threads = ThreadPoolBuilder::new().num_threads(threads).build();
        let threads = threads.map_err(|error| BackendError::Internal(error.to_string()))?;
        let limbs = 0..context.moduli().len();
        let tables = limbs
            .map(|i| NttTable::new(context.degree(), context.modulus(i), context.root(i)))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            context,
            isa,
            threads,
            pool: Pool::new(),
            tables,
            automorphisms: Cache::new(),
            mod_ups: Cache::new(),
            mod_downs: Cache::new(),
        })
    }

    /// The vectors in use.
    #[must_use]
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// The number of threads.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.threads.current_num_threads()
    }

    /// Bytes of the factors that a transform modulo one limb reads, as many for each.
    pub(crate) fn factor_bytes(&self) -> usize {
        let table = self.tables.first();
        table.map_or(0, |table| table.factor_bytes(self.isa))
    }

    /// Bytes of the buffers.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.pool.usage()
    }

    /// A buffer whose words are not set.
    fn unset(&self, shape: Shape) -> Result<CpuBuffer, BackendError> {
        let memory = self
            .pool
            .alloc(shape.rows(), self.context.degree())
            .map_err(out_of_memory)?;
        Ok(CpuBuffer { shape, memory })
    }

    fn scratch(&self, rows: usize) -> Result<Buffer, BackendError> {
        self.pool
            .alloc(rows, self.context.degree())
            .map_err(out_of_memory)
    }

    /// The kernel's form of a conversion table.
    fn conversion(
        &self,
        table: &BaseConversion,
    ) -> Result<simd::BaseConversion, simd::KernelError> {
        let moduli = |basis: &Basis| -> Vec<Modulus> {
            basis
                .iter()
                .map(|limb| self.context.modulus(limb))
                .collect()
        };
        let (sources, targets) = (moduli(table.sources()), moduli(table.targets()));
        simd::BaseConversion::new(&sources, &targets, table.weights(), table.overflow())
    }
}

impl CpuBuffer {
    /// The row of a limb in the polynomial that goes with `poly`; empty if the limb is missing.
    fn matched(&self, poly: usize, limb: usize) -> &[u32] {
        let poly = if self.shape.batch == 1 { 0 } else { poly };
        let row = self.shape.basis.row(limb).unwrap_or(self.shape.rows());
        self.memory.row(poly * self.shape.basis.len() + row)
    }
}

fn out_of_memory(error: MemoryError) -> BackendError {
    match error {
        MemoryError::OutOfMemory { rows, words } => BackendError::OutOfMemory {
            bytes: rows * words * size_of::<u32>(),
        },
    }
}

impl Backend for Cpu {
    const NAME: &'static str = "cpu";
}

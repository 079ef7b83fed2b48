//! The server's second part: the samples that a mask keeps, merged.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use engine::backend::Backend;
use engine::circuits::{Parts, Refresh};
use engine::ckks::{Ciphertext, Encoder, EvalError, Evaluator, Level};
use engine::protocol::Server;
use engine::prune::{Mask, MergeMethod, MergePlan, Scope};

use super::super::event::Running;
use super::super::store::{self, KeysFile, MaskHeader, TrainingSetFile, create_merged_set};
use super::super::task::Setup;
use super::super::{JobError, Observer, PruneMergeReport, Stage};
use super::scoring::Laps;
use crate::launch::{Device, DeviceChoice, Job, launch};

/// Of [`prune_merge()`].
#[derive(Clone, Debug)]
pub struct PruneMergeConfig {
    /// The owner's evaluation keys.
    pub evaluation_keys: PathBuf,
    /// The encrypted training set.
    pub data: PathBuf,
    /// The owner's mask.
    pub mask: PathBuf,
    /// How survivors are brought together; within rows, where keys have no rotations for moves that could be left out.
    pub method: MergeMethod,
    /// Device.
    pub device: DeviceChoice,
    /// Threads; all there are, if nothing is said.
    pub threads: Option<usize>,
    /// Where the merged training set goes.
    pub out: PathBuf,
}

/// Merges the samples that a mask keeps into few ciphertexts.
///
/// # Errors
/// [`JobError`]: keys that are not for pruning, files that are damaged or do not belong together, a full disk.
pub fn prune_merge(
    config: &PruneMergeConfig,
    observer: &mut dyn Observer,
) -> Result<PruneMergeReport, JobError> {
    let begun = Instant::now();
    let setup = KeysFile::open(&config.evaluation_keys)?.setup;
    let pruning = setup.plan.pruning().ok_or(JobError::NotPrunable)?.pruning();
    let (header, mask) = store::read_mask(&config.mask, &setup, &config.evaluation_keys)?;
    let method = match (config.method, pruning.scope) {
        (MergeMethod::Naive, Scope::Rows) => return Err(JobError::NoMoves),
        (MergeMethod::Planned, Scope::Rows) => MergeMethod::WithinRows,
        (method, _) => method,
    };
    let plan = MergePlan::new(setup.plan.layout(), &mask, method);
    let params = setup.params.clone();
    let merging = Merging {
        config,
        setup,
        header,
        mask,
        method,
        plan,
        begun,
    };
    launch(&merging, config.device, config.threads, &params, observer)
}

struct Merging<'a> {
    config: &'a PruneMergeConfig,
    setup: Setup,
    header: MaskHeader,
    mask: Mask,
    method: MergeMethod,
    plan: MergePlan,
    begun: Instant,
}

/// Nothing is refreshed in a merging: the originals have the level that it takes.
struct Never;

impl<B: Backend> Refresh<B> for Never {
    fn refresh(
        &self,
        _: &Ciphertext<B>,
        _: Level,
        _: f64,
        _: Parts,
    ) -> Result<Ciphertext<B>, EvalError> {
        Err(EvalError::Refresh("merging needs none".to_owned()))
    }
}

impl Job for Merging<'_> {
    type Output = PruneMergeReport;

    fn memory_bytes(&self) -> u64 {
        self.setup.training_bytes(1 + self.plan.row_blocks().len())
    }

    fn run<B: Backend>(
        &self,
        backend: &B,
        _: &Device,
        observer: &mut dyn Observer,
    ) -> Result<PruneMergeReport, JobError> {
        let Self {
            config,
            setup,
            header,
            mask,
            plan,
            ..
        } = self;
        let from = config.evaluation_keys.as_path();
        let mut keys = KeysFile::open(from)?;
        setup.check(from, from, &keys.setup.origin)?;
        let mut data = TrainingSetFile::open(&config.data, setup, from)?;
        if header.set != data.set {
            return Err(JobError::OtherSet {
                file: config.mask.clone(),
                set: config.data.clone(),
            });
        }
        mask.check(&data.samples)?;
        let mut running = Running::begin(observer, Stage::Keys, setup.plan.keys().len());
        let keys = keys.read(backend, &mut running)?;
        running.end();
        let encoder = Arc::new(Encoder::new(setup.params.degree()));
        let evaluator = Evaluator::new(backend, &setup.params, encoder, &keys);
        let server = Server::new(evaluator, &Never, &setup.plan, 1.0)?;
        let mut running = Running::begin(observer, Stage::Train, data.samples.len());
        let mut laps = Laps::new(backend);
        let mut merging = server.merging(plan);
        for (index, kept) in mask.kept().iter().enumerate() {
            if !kept.is_empty() {
                server.merge(&mut merging, index, &data.batch(backend, setup, index)?)?;
            }
            running.advance();
        }
        let merged = server.merged(merging, plan)?;
        let seconds_merge = laps.next()?;
        let start = data.start(backend, setup)?;
        let merged_from = (&data.set, self.method);
        let out = &config.out;
        create_merged_set(out, backend, setup, merged_from, &start, plan, &merged)?;
        running.end();
        Ok(PruneMergeReport {
            out: config.out.clone(),
            of: data.samples.iter().sum(),
            merge: *plan.totals(),
            seconds_merge,
            seconds: self.begun.elapsed().as_secs_f64(),
        })
    }
}

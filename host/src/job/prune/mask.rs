//! The owner's part: from scores to a mask.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use engine::backend::Backend;
use engine::ckks::{Ciphertext, Encoder};
use engine::protocol::Owner;
use engine::prune::{Mask, Rule, Selection};
use engine::train::TrainOptions;

use super::super::store::{self, OwnerKey, ScoreHeader};
use super::super::{
    DataChoice, JobError, Observer, PruneMaskReport, Stage, event::stage, random, samples,
};
use crate::file::{Kind, Reader};
use crate::launch::{Device, DeviceChoice, Job, launch};

/// Of [`prune_mask()`].
#[derive(Clone, Debug)]
pub struct PruneMaskConfig {
    /// The owner's key.
    pub secret_key: PathBuf,
    /// The server's scores.
    pub scores: PathBuf,
    /// The data set: its classes.
    pub data: DataChoice,
    /// Fixes the split and the order of the rows: that of the encryption.
    pub seed: u64,
    /// What to keep.
    pub selection: Selection,
    /// Device.
    pub device: DeviceChoice,
    /// Threads; all there are, if nothing is said.
    pub threads: Option<usize>,
    /// Where the mask goes.
    pub out: PathBuf,
}

/// The classes of the training rows in the batches of an encryption.
fn classes(
    data: &DataChoice,
    seed: u64,
    header: &ScoreHeader,
) -> Result<Vec<Vec<usize>>, JobError> {
    let set = samples::open(data, seed)?;
    let train = set.train();
    let options = TrainOptions {
        learning_rate: 1.0,
        batch: 1,
        epochs: 1,
        seed,
    };
    let rows = options.in_batches(train.rows(), header.samples.len());
    if !rows.iter().map(Vec::len).eq(header.samples.iter().copied()) {
        let all: usize = header.samples.iter().sum();
        return Err(JobError::option(
            "the number of rows that the server has scores of",
            all,
            format!(
                "{} as in {}; name the data and the seed of the encryption",
                train.rows(),
                set.name()
            ),
        ));
    }
    let class = |row: &usize| usize::from(train.labels()[*row]);
    Ok(rows
        .iter()
        .map(|rows| rows.iter().map(class).collect())
        .collect())
}

/// Chooses by the server's scores what it asks to be kept, or what the owner says.
pub(in crate::job) fn choose_for_request<B: Backend>(
    owner: &Owner<'_, B>,
    key: &OwnerKey,
    (data, seed): (&DataChoice, u64),
    header: &ScoreHeader,
    scores: &Ciphertext<B>,
    selection: Selection,
) -> Result<Mask, JobError> {
    let classes = classes(data, seed, header)?;
    let plan = &key.setup.plan;
    let scores = owner.scores(plan, header.score, scores, &header.samples, &classes)?;
    let seed = random::secret_seed()?;
    Ok(selection.choose(plan.layout(), &scores, &classes, &seed)?)
}

/// Chooses the samples to keep by the server's scores.
///
/// # Errors
/// [`JobError`]: scores of other keys or data, options out of range, a full disk.
pub fn prune_mask(
    config: &PruneMaskConfig,
    observer: &mut dyn Observer,
) -> Result<PruneMaskReport, JobError> {
    let begun = Instant::now();
    super::check_selection(&config.selection)?;
    let key = OwnerKey::open(&config.secret_key)?;
    let params = key.setup.params.clone();
    let choosing = Choosing { config, key, begun };
    launch(&choosing, config.device, config.threads, &params, observer)
}

struct Choosing<'a> {
    config: &'a PruneMaskConfig,
    key: OwnerKey,
    begun: Instant,
}

impl Job for Choosing<'_> {
    type Output = PruneMaskReport;

    fn memory_bytes(&self) -> u64 {
        self.key.setup.state_bytes()
    }

    fn run<B: Backend>(
        &self,
        backend: &B,
        _: &Device,
        observer: &mut dyn Observer,
    ) -> Result<PruneMaskReport, JobError> {
        let Self { config, key, begun } = self;
        let OwnerKey { setup, secret } = key;
        let (file, keys) = (&config.scores, &config.secret_key);
        let expected = store::expected(Kind::PruneRequest, Some(&setup.identity));
        let mut reader = Reader::open(file, &expected)?;
        let header = store::score_header(file, &reader, setup, keys)?;
        let scores = store::read_score_pair(&mut reader, backend, setup, &header)?;
        let encoder = Arc::new(Encoder::new(setup.params.degree()));
        let owner = Owner::new(backend, &setup.params, encoder, secret.clone());
        let mask = stage(observer, Stage::Decrypt, || {
            let data = (&config.data, config.seed);
            choose_for_request(&owner, key, data, &header, &scores, config.selection)
        })?;
        store::write_mask(&config.out, setup, &header.answer(), &mask)?;
        Ok(PruneMaskReport {
            out: config.out.clone(),
            kept: mask.len(),
            of: header.samples.iter().sum(),
            rule: config.selection.rule.name().to_owned(),
            weighted: matches!(config.selection.rule, Rule::Importance { .. })
                && mask.is_weighted(),
            bytes: mask.bytes() as u64,
            seconds: begun.elapsed().as_secs_f64(),
        })
    }
}

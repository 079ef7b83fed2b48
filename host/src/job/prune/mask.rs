//! The owner's part: from scores to a mask.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use engine::backend::Backend;
use engine::ckks::{Ciphertext, Encoder};
use engine::protocol::Owner;
use engine::prune::{Mask, Rule, Selection};

use super::super::store::{self, MaskHeader, OwnerKey, ScoreHeader, TrainingSetFile};
use super::super::{DataChoice, JobError, Observer, PruneMaskReport, Stage, event::stage, random};
use super::owner_rows::OwnerRows;
use super::table::write_table;
use crate::file::{Kind, Reader};
use crate::launch::{Device, DeviceChoice, Job, launch};

/// What the owner chooses by.
#[derive(Clone, Debug)]
pub enum ChooseBy {
    /// The server's scores.
    Scores(PathBuf),
    /// Nothing: any samples of this encrypted training set are as good as any others. Only for [`Rule::Random`].
    Nothing(PathBuf),
}

/// Of [`prune_mask()`].
#[derive(Clone, Debug)]
pub struct PruneMaskConfig {
    /// The owner's key.
    pub secret_key: PathBuf,
    /// Scores, or the training set.
    pub by: ChooseBy,
    /// The data set: its rows and their classes.
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
    /// Where a table of all rows goes, with their scores and weights (CSV), if one is wanted; it stays with the owner.
    pub table: Option<PathBuf>,
}

/// What the owner chose, and by what.
pub(in crate::job) struct Chosen {
    pub(in crate::job) mask: Mask,
    rows: OwnerRows,
    scores: Vec<Vec<f64>>,
}

impl Chosen {
    /// Writes a line for each row of each batch: which one it is, its score, and its weight if it is kept.
    fn write(&self, path: &Path) -> Result<(), JobError> {
        let mut lines = Vec::new();
        for (batch, (scores, kept)) in self.scores.iter().zip(self.mask.kept()).enumerate() {
            let mut kept = kept.iter().peekable();
            for (place, score) in scores.iter().enumerate() {
                let weight = kept.next_if(|kept| kept.sample as usize == place);
                lines.push([
                    batch.to_string(),
                    place.to_string(),
                    self.rows.row(batch, place).to_string(),
                    self.rows.class_name(batch, place).to_owned(),
                    score.to_string(),
                    weight.map_or(String::new(), |kept| kept.weight.to_string()),
                ]);
            }
        }
        let head = ["mini_batch", "place", "row", "class", "score", "weight"];
        write_table(path, head, &lines)
    }
}

/// Chooses by the server's scores, which came from `from`, what it asks to be kept, or what the owner says.
pub(in crate::job) fn choose_for_request<B: Backend>(
    owner: &Owner<'_, B>,
    key: &OwnerKey,
    from: &Path,
    data: (&DataChoice, u64),
    header: &ScoreHeader,
    scores: &Ciphertext<B>,
    selection: Selection,
) -> Result<Chosen, JobError> {
    let rows = OwnerRows::open(data, &key.secret, from, &header.set, &header.samples)?;
    let (plan, classes) = (&key.setup.plan, rows.classes());
    let scores = owner.scores(plan, header.score, scores, &header.samples, &classes)?;
    let seed = random::secret_seed()?;
    let mask = selection.choose(plan.layout(), &scores, &classes, &seed)?;
    Ok(Chosen { mask, rows, scores })
}

/// Chooses the samples to keep, by the server's scores or at random.
///
/// # Errors
/// [`JobError`]: scores of other keys or data, no scores for a rule that needs them, a full disk.
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
        let Self { config, begun, .. } = self;
        let (header, chosen) = match &config.by {
            ChooseBy::Scores(file) => self.by_scores(file, backend, observer)?,
            ChooseBy::Nothing(file) => self.by_nothing(file)?,
        };
        if let Some(table) = &config.table {
            chosen.write(table)?;
        }
        let mask = chosen.mask;
        store::write_mask(&config.out, &self.key.setup, &header, &mask)?;
        Ok(PruneMaskReport {
            out: config.out.clone(),
            kept: mask.len(),
            of: header.samples.iter().sum(),
            rule: config.selection.rule.name().to_owned(),
            weighted: matches!(config.selection.rule, Rule::Importance { .. })
                && mask.is_weighted(),
            bytes: mask.bytes() as u64,
            table: config.table.clone(),
            seconds: begun.elapsed().as_secs_f64(),
        })
    }
}

impl Choosing<'_> {
    fn by_scores<B: Backend>(
        &self,
        file: &Path,
        backend: &B,
        observer: &mut dyn Observer,
    ) -> Result<(MaskHeader, Chosen), JobError> {
        let Self { config, key, .. } = self;
        let OwnerKey { setup, secret } = key;
        let expected = store::expected(Kind::PruneRequest, Some(&setup.identity));
        let mut reader = Reader::open(file, &expected)?;
        let header = store::score_header(file, &reader, setup, &config.secret_key)?;
        let scores = store::read_score_pair(&mut reader, backend, setup, &header)?;
        let encoder = Arc::new(Encoder::new(setup.params.degree()));
        let owner = Owner::new(backend, &setup.params, encoder, secret.clone());
        let chosen = stage(observer, Stage::Decrypt, || {
            let data = (&config.data, config.seed);
            choose_for_request(&owner, key, file, data, &header, &scores, config.selection)
        })?;
        Ok((header.answer(), chosen))
    }

    fn by_nothing(&self, file: &Path) -> Result<(MaskHeader, Chosen), JobError> {
        let Self { config, key, .. } = self;
        let OwnerKey { setup, secret } = key;
        let selection = config.selection;
        if selection.rule != Rule::Random {
            let (name, rule) = ("the rule of a choice without scores", selection.rule.name());
            return Err(JobError::option(name, rule, "random"));
        }
        let set = TrainingSetFile::open(file, setup, &config.secret_key)?;
        let data = (&config.data, config.seed);
        let rows = OwnerRows::open(data, secret, file, &set.set, &set.samples)?;
        let scores: Vec<Vec<f64>> = set.samples.iter().map(|&of| vec![0.0; of]).collect();
        let (layout, seed) = (setup.plan.layout(), random::secret_seed()?);
        let mask = selection.choose(layout, &scores, &rows.classes(), &seed)?;
        let header = MaskHeader {
            key: setup.origin.key.clone(),
            training: random::fresh_id()?,
            round: 0,
            set: set.set,
            samples: set.samples,
        };
        Ok((header, Chosen { mask, rows, scores }))
    }
}

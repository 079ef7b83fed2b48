//! The owner's look at what the server merged: every row decrypted, and compared with the one that the mask puts there.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use engine::backend::Backend;
use engine::circuits::packing::Layout;
use engine::ckks::Encoder;
use engine::protocol::{ClearRows, Owner};
use engine::prune::{Mask, MergePlan, Move, Place};

use super::super::event::Running;
use super::super::samples::Samples;
use super::super::store::{self, MergedSetFile, OwnerKey};
use super::super::{DataChoice, JobError, Observer, PruneCheckReport, Stage};
use super::owner_rows::OwnerRows;
use super::table::write_table;
use crate::launch::{Device, DeviceChoice, Job, launch};

/// Of [`prune_check()`].
#[derive(Clone, Debug)]
pub struct PruneCheckConfig {
    /// The owner's key.
    pub secret_key: PathBuf,
    /// The data set.
    pub data: DataChoice,
    /// Fixes the split and the order of the rows: that of the encryption.
    pub seed: u64,
    /// The owner's mask.
    pub mask: PathBuf,
    /// The server's merged training set.
    pub merged: PathBuf,
    /// Device.
    pub device: DeviceChoice,
    /// Threads; all there are, if nothing is said.
    pub threads: Option<usize>,
    /// Where a table of all places goes, with what was found in them (CSV), if one is wanted; it stays with the owner.
    pub table: Option<PathBuf>,
}

/// Errors up to this are noise: a hundred times what merging leaves (8e-6 with `insecure-10`), and less than normalized rows
/// differ by.
const MAX_ERROR: f64 = 1e-3;

/// Decrypts a merged training set, and compares each of its rows with the one that the mask puts there.
///
/// # Errors
/// [`JobError::MergedRow`] for the first row that differs, in the order of the merged batches; [`JobError`]: a mask or a data
/// set that is not of this training set, files that are damaged or of other keys, a full disk.
pub fn prune_check(
    config: &PruneCheckConfig,
    observer: &mut dyn Observer,
) -> Result<PruneCheckReport, JobError> {
    let begun = Instant::now();
    let key = OwnerKey::open(&config.secret_key)?;
    let params = key.setup.params.clone();
    let checking = Checking { config, key, begun };
    launch(&checking, config.device, config.threads, &params, observer)
}

struct Checking<'a> {
    config: &'a PruneCheckConfig,
    key: OwnerKey,
    begun: Instant,
}

impl Job for Checking<'_> {
    type Output = PruneCheckReport;

    fn memory_bytes(&self) -> u64 {
        self.key.setup.batch_bytes()
    }

    fn run<B: Backend>(
        &self,
        backend: &B,
        _: &Device,
        observer: &mut dyn Observer,
    ) -> Result<PruneCheckReport, JobError> {
        let Self { config, key, begun } = self;
        let OwnerKey { setup, secret } = key;
        let keys = config.secret_key.as_path();
        let (header, mask) = store::read_mask(&config.mask, setup, keys)?;
        let mut merged = MergedSetFile::open(&config.merged, setup, keys)?;
        if header.set != merged.set {
            return Err(JobError::OtherSet {
                file: config.mask.clone(),
                set: config.merged.clone(),
            });
        }
        let data = (&config.data, config.seed);
        let rows = OwnerRows::open(data, secret, &config.mask, &header.set, &header.samples)?;
        let plan = MergePlan::new(setup.plan.layout(), &mask, merged.method);
        check_plan(&config.merged, setup.plan.layout(), &mask, &plan, &merged)?;

        let encoder = Arc::new(Encoder::new(setup.params.degree()));
        let owner = Owner::new(backend, &setup.params, encoder, secret.clone());
        let mut comparison = Comparison {
            config,
            layout: setup.plan.layout(),
            plan: &plan,
            samples: rows.normalized(&config.data)?,
            rows,
            found: Found::default(),
            lines: Vec::new(),
        };
        let batches = merged.row_blocks.len();
        let mut running = Running::begin(observer, Stage::Decrypt, batches);
        for batch in 0..batches {
            let (tiles, labels) = merged.ciphertexts(backend, setup, batch)?;
            let clear = owner.rows(&setup.plan, &tiles, &labels)?;
            comparison.compare(batch, &clear, &merged.weights[batch])?;
            running.advance();
        }
        running.end();
        if let Some(table) = &config.table {
            comparison.write(table)?;
        }
        let (levels, encrypted) = (setup.plan.levels(), setup.plan.data_levels());
        let Found {
            empty,
            feature_error,
            label_error,
            empty_error,
        } = comparison.found;
        Ok(PruneCheckReport {
            merged: config.merged.clone(),
            method: merged.method,
            batches,
            kept: mask.len(),
            of: header.samples.iter().sum(),
            empty,
            features_level: levels.features.0,
            labels_level: levels.labels.0,
            encrypted_features_level: encrypted.features.0,
            encrypted_labels_level: encrypted.labels.0,
            feature_error,
            label_error,
            empty_error,
            table: config.table.clone(),
            seconds: begun.elapsed().as_secs_f64(),
        })
    }
}

/// Checks that a plan has each kept sample once, and that the merged batches are as large as it says.
fn check_plan(
    file: &Path,
    layout: &Layout,
    mask: &Mask,
    plan: &MergePlan,
    merged: &MergedSetFile,
) -> Result<(), JobError> {
    let mut moved: Vec<_> = plan
        .moves()
        .iter()
        .map(|m| sample(layout, m.from))
        .collect();
    moved.sort_unstable();
    let kept = mask.kept().iter().enumerate();
    let kept = kept.flat_map(|(batch, kept)| kept.iter().map(move |k| (batch, k.sample as usize)));
    if !kept.eq(moved.iter().copied()) {
        let (what, found) = ("rows that are moved", moved.len());
        let expected = format!("{}, each that the mask keeps once", mask.len());
        return Err(JobError::mismatch(file, what, found, expected));
    }
    if merged.row_blocks != plan.row_blocks() {
        let found = format!("{:?}", merged.row_blocks);
        let expected = format!("{:?} by the mask", plan.row_blocks());
        let what = "row blocks of the mini-batches";
        return Err(JobError::mismatch(file, what, found, expected));
    }
    Ok(())
}

/// Batch and sample in it of a place.
fn sample(layout: &Layout, place: Place) -> (usize, usize) {
    (place.batch, place.block * layout.height() + place.row)
}

/// What rows were found to be so far.
#[derive(Clone, Copy, Debug, Default)]
struct Found {
    empty: usize,
    feature_error: f64,
    label_error: f64,
    empty_error: f64,
}

/// Rows as they are beside rows as they should be.
struct Comparison<'a> {
    config: &'a PruneCheckConfig,
    layout: &'a Layout,
    plan: &'a MergePlan,
    rows: OwnerRows,
    /// For each batch its rows as they were encrypted.
    samples: Vec<Samples>,
    found: Found,
    /// Of the table.
    lines: Vec<[String; 8]>,
}

impl Comparison<'_> {
    /// Compares all places of a merged batch.
    fn compare(
        &mut self,
        batch: usize,
        clear: &ClearRows,
        weights: &[f64],
    ) -> Result<(), JobError> {
        let (layout, plan) = (self.layout, self.plan);
        let mut moves: Vec<Option<&Move>> = vec![None; weights.len()];
        for moved in plan.moves().iter().filter(|moved| moved.to.batch == batch) {
            let (_, place) = sample(layout, moved.to);
            if moves[place].replace(moved).is_some() {
                let (what, expected) = ("rows moved to one place", "one");
                return Err(JobError::mismatch(&self.config.merged, what, 2, expected));
            }
        }
        let features = clear.features.chunks_exact(layout.features());
        let labels = clear.labels.chunks_exact(layout.classes());
        let places = features.zip(labels).zip(weights).zip(moves);
        for (row, (((features, labels), weight), moved)) in places.enumerate() {
            let differs = |what, found, expected| JobError::MergedRow {
                file: self.config.merged.clone(),
                batch,
                row,
                what,
                found,
                expected,
                expects: self.expects(moved),
            };
            let expected = moved.map_or(0.0, |moved| f64::from(moved.weight));
            if weight.to_bits() != expected.to_bits() {
                return Err(differs("the weight".to_owned(), *weight, expected));
            }
            let mut errors = [0.0f64; 2];
            for (feature, &found) in features.iter().enumerate() {
                let expected = self.feature(moved, feature);
                errors[0] = errors[0].max((found - expected).abs());
                if !is_noise(found - expected) {
                    return Err(differs(format!("feature {feature}"), found, expected));
                }
            }
            for (class, &found) in labels.iter().enumerate() {
                let expected = self.label(moved, class);
                errors[1] = errors[1].max((found - expected).abs());
                if !is_noise(found - expected) {
                    let what = format!("the label of class {class}");
                    return Err(differs(what, found, expected));
                }
            }
            self.add([batch, row], moved, errors);
        }
        Ok(())
    }

    /// The feature that a move brings.
    fn feature(&self, moved: Option<&Move>, feature: usize) -> f64 {
        moved.map_or(0.0, |moved| {
            let (batch, sample) = sample(self.layout, moved.from);
            self.samples[batch].features[sample * self.layout.features() + feature]
        })
    }

    /// The label that a move brings: one for the class of the sample.
    fn label(&self, moved: Option<&Move>, class: usize) -> f64 {
        let brings = |moved: &Move| {
            let (batch, sample) = sample(self.layout, moved.from);
            self.samples[batch].labels[sample] == class
        };
        f64::from(u8::from(moved.is_some_and(brings)))
    }

    /// What the mask says of a place.
    fn expects(&self, moved: Option<&Move>) -> String {
        let mask = self.config.mask.display();
        let Some(moved) = moved else {
            return format!("{mask} puts nothing there");
        };
        let (batch, place) = sample(self.layout, moved.from);
        format!(
            "{mask} puts row {} of {} there, which is row {place} of mini-batch {batch} as encrypted",
            self.rows.row(batch, place),
            self.rows.name()
        )
    }

    /// Keeps what was found in a place: the errors of features and labels.
    fn add(&mut self, [batch, row]: [usize; 2], moved: Option<&Move>, errors: [f64; 2]) {
        let [feature, label] = errors;
        let found = &mut self.found;
        if moved.is_some() {
            found.feature_error = found.feature_error.max(feature);
            found.label_error = found.label_error.max(label);
        } else {
            found.empty += 1;
            found.empty_error = found.empty_error.max(feature).max(label);
        }
        let error = format!("{:.1e}", feature.max(label));
        let source = moved.map(|moved| {
            let (batch, place) = sample(self.layout, moved.from);
            [
                batch.to_string(),
                place.to_string(),
                self.rows.row(batch, place).to_string(),
                self.rows.class_name(batch, place).to_owned(),
                moved.weight.to_string(),
            ]
        });
        let [from, place, data_row, class, weight] = source.unwrap_or_default();
        let (batch, row) = (batch.to_string(), row.to_string());
        self.lines
            .push([batch, row, from, place, data_row, class, weight, error]);
    }

    /// Writes a line for each place of each merged batch.
    fn write(&self, path: &Path) -> Result<(), JobError> {
        let head = [
            "merged_mini_batch",
            "merged_row",
            "mini_batch",
            "place",
            "row",
            "class",
            "weight",
            "error",
        ];
        write_table(path, head, &self.lines)
    }
}

/// Whether a difference is nothing but noise; one that is not a number is not.
fn is_noise(difference: f64) -> bool {
    difference.abs() <= MAX_ERROR
}

//! What pruning does to accuracy: trainings in the clear, for shares of the rows and rules side by side.
//!
//! These are exact trainings (`f64`, the exact softmax) on the batches, masks and merged batches of the encrypted program: the
//! choice of samples is the owner's code, its merging the server's plan. [`simulate`](super::super::simulate()) runs the same
//! with levels and noise.

use std::time::Instant;

use engine::circuits::activation::{Activation, ActivationChoice};
use engine::circuits::packing::{Grouping, Layout};
use engine::prune::{MergeMethod, PruneSchedule, Rule, Scope, Selection, clear_score};
use engine::ring::sampling::Seed;
use engine::train::{ExactTrainer, Model, Precision};
use rayon::prelude::*;

use super::super::event::{Running, stage};
use super::super::samples::{self, Prepared, Samples, WeightedSamples};
use super::super::{
    DataChoice, Event, JobError, Observer, Stage, SweepReport, SweepRow, default_learning_rate,
};
use super::DEFAULT_IMPORTANCE_FLOOR;
use crate::launch::threads_of;

/// Of [`prune_sweep()`].
#[derive(Clone, Debug)]
pub struct PruneSweepConfig {
    /// Data sets.
    pub data: Vec<DataChoice>,
    /// Shares of the rows that are kept, in `(0, 1]`.
    pub keep: Vec<f64>,
    /// Trainings of each line, which differ in the order of the rows and in the draws.
    pub seeds: usize,
    /// Epochs of each training.
    pub epochs: usize,
    /// Samples of a batch, at most.
    pub batch: usize,
    /// Learning rate; that of the softmax, if nothing is said.
    pub learning_rate: Option<f64>,
    /// When samples are chosen.
    pub schedule: PruneSchedule,
    /// The share that the window rule passes over.
    pub window: f64,
    /// Threads; all there are, if nothing is said.
    pub threads: Option<usize>,
}

/// Slots of the layout whose rows have the quotas: that of a ring of degree 2^16.
const SLOTS: usize = 1 << 15;

/// A way to train.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    /// On what a rule keeps.
    Pruned(Rule),
    /// On all rows, for as many steps as a pruned training has.
    SameSteps,
    /// On all rows.
    Full,
}

impl Way {
    const fn name(&self) -> &'static str {
        match self {
            Self::Pruned(rule) => rule.name(),
            Self::SameSteps => "full-same-steps",
            Self::Full => "full",
        }
    }
}

/// Trains for every data set, share, rule and seed.
///
/// # Errors
/// [`JobError`]: data that are refused, options out of range.
pub fn prune_sweep(
    config: &PruneSweepConfig,
    observer: &mut dyn Observer,
) -> Result<SweepReport, JobError> {
    let begun = Instant::now();
    let threads = threads_of(config.threads)?;
    if let Some(keep) = config
        .keep
        .iter()
        .find(|keep| !(**keep > 0.0 && **keep <= 1.0))
    {
        let range = "above 0 and at most 1";
        return Err(JobError::option("a share of samples kept", keep, range));
    }
    let (warmup, epochs) = (config.schedule.warmup, config.epochs);
    if warmup >= epochs {
        let range = format!("below the number of epochs, which is {epochs}");
        let name = "the number of epochs on all samples";
        return Err(JobError::option(name, warmup, range));
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.map_err(|error| JobError::Device(error.to_string()))?;
    for choice in &config.data {
        let prepared = stage(observer, Stage::Data, || Prepared::open(choice, 1))?;
        let trial = Trial::new(config, &prepared)?;
        let ways = trial.ways();
        let mut running = Running::begin(observer, Stage::Train, ways.len());
        for (way, keep) in ways {
            let seeds = 1..=config.seeds as u64;
            let seeds: Vec<u64> = seeds.collect();
            let run = |&seed: &u64| trial.run(way, keep, seed);
            let all = pool.install(|| seeds.par_iter().map(run).collect::<Result<Vec<_>, _>>())?;
            let count = all.len().max(1) as f64;
            let mean = all.iter().map(|(accuracy, _)| accuracy).sum::<f64>() / count;
            let squares = all.iter().map(|(accuracy, _)| (accuracy - mean).powi(2));
            let row = SweepRow {
                data: prepared.set.name().to_owned(),
                way: way.name().to_owned(),
                keep,
                accuracy: mean,
                spread: (squares.sum::<f64>() / (count - 1.0).max(1.0)).sqrt(),
                steps: all.first().map_or(0, |(_, steps)| *steps),
                published: published(prepared.set.name(), keep),
            };
            running.observer().event(&Event::Sweep(&row));
            running.advance();
        }
        running.end();
    }
    Ok(SweepReport {
        seeds: config.seeds,
        epochs: config.epochs,
        batch: config.batch,
        seconds: begun.elapsed().as_secs_f64(),
    })
}

/// One data set.
struct Trial<'a> {
    config: &'a PruneSweepConfig,
    prepared: &'a Prepared,
    layout: Layout,
    activation: Activation,
    learning_rate: f64,
    test: Samples,
}

impl<'a> Trial<'a> {
    fn new(config: &'a PruneSweepConfig, prepared: &'a Prepared) -> Result<Self, JobError> {
        let set = &prepared.set;
        let (classes, features) = (set.classes(), set.features());
        let choice = ActivationChoice::Softmax { range: 32.0 };
        let activation = choice
            .build(classes)
            .map_err(engine::protocol::PlanError::from)?;
        let (batch, grouping) = (config.batch, Grouping::Packed);
        Ok(Self {
            config,
            prepared,
            layout: Layout::plan(SLOTS, classes, features, batch, grouping)?,
            activation,
            learning_rate: config
                .learning_rate
                .unwrap_or(default_learning_rate(choice)),
            test: Samples::of(set.test()),
        })
    }

    /// All lines: full training first, then by share.
    fn ways(&self) -> Vec<(Way, f64)> {
        let floor = DEFAULT_IMPORTANCE_FLOOR;
        let skip = self.config.window;
        let rules = [
            Rule::Importance { floor },
            Rule::Hardest,
            Rule::Window { skip },
            Rule::Random,
            Rule::Mixed,
        ];
        let pruned = |keep: f64| {
            let rules = rules.into_iter().map(Way::Pruned);
            rules.chain([Way::SameSteps]).map(move |way| (way, keep))
        };
        let shares = self.config.keep.iter().filter(|keep| **keep < 1.0);
        let full = [(Way::Full, 1.0)].into_iter();
        full.chain(shares.flat_map(|&keep| pruned(keep))).collect()
    }

    /// The test accuracy and the steps of a training.
    fn run(&self, way: Way, keep: f64, seed: u64) -> Result<(f64, usize), JobError> {
        let batches = self.prepared.batches(self.config.batch, seed)?;
        let set = &self.prepared.set;
        let start = Model::zeros(set.classes(), set.features());
        let mut trainer = ExactTrainer::new(start, &self.activation, Precision::Exact);
        let mut selection = Selection {
            keep,
            rule: Rule::Random,
            class_balance: false,
            scope: Scope::Rows,
        };
        let method = MergeMethod::WithinRows;
        let samples = samples::counts(&batches);
        let blocks = selection.row_blocks(&self.layout, &samples, method);
        let merged_batches = blocks.div_ceil(self.layout.row_blocks());
        let (epochs, rate) = (self.config.epochs, self.learning_rate);
        let warmup = self.config.schedule.warmup;
        let steps = match way {
            Way::Full => epochs * batches.len(),
            Way::SameSteps | Way::Pruned(_) => {
                warmup * batches.len() + (epochs - warmup) * merged_batches
            }
        };
        let Way::Pruned(rule) = way else {
            for step in 0..steps {
                let batch = &batches[step % batches.len()];
                trainer.step(&batch.features, &batch.labels, rate);
            }
            return Ok((self.test.accuracy(trainer.weights()), steps));
        };
        let draws = Seed([0; 32]).derive(seed);
        let mut merged = Vec::new();
        let mut last = None;
        for epoch in 0..epochs {
            let Some(round) = self.config.schedule.round(epoch) else {
                for batch in &batches {
                    trainer.step(&batch.features, &batch.labels, rate);
                }
                continue;
            };
            if last != Some(round.number) {
                selection.rule = if round.scored { rule } else { Rule::Random };
                let scores = self.scores(trainer.weights(), &batches);
                let draw = draws.derive(round.number as u64);
                let mask = selection.choose(&self.layout, &scores, &[], &draw)?;
                merged = WeightedSamples::of(&self.layout, &mask, method, &batches);
                last = Some(round.number);
            }
            for WeightedSamples { samples, weights } in &merged {
                trainer.step_weighted(&samples.features, &samples.labels, Some(weights), rate);
            }
        }
        Ok((self.test.accuracy(trainer.weights()), steps))
    }

    fn scores(&self, model: &Model, batches: &[Samples]) -> Vec<Vec<f64>> {
        let batch = |batch: &Samples| {
            let rows = batch.features.chunks_exact(model.features());
            let samples = rows.zip(&batch.labels);
            samples
                .map(|(row, &class)| clear_score(&self.activation, &model.logits(row), class))
                .collect()
        };
        batches.iter().map(batch).collect()
    }
}

/// What HEPrune reports for data of this name (other features, another optimiser, the best epoch on the test set): Table 1 for a
/// tenth, read off figure 4 to about 0.1 points for other shares, HETAL's for all.
fn published(name: &str, keep: f64) -> Option<f64> {
    const SHARES: [f64; 10] = [0.01, 0.05, 0.1, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];
    let figure = |values: [f64; 10]| {
        let found = SHARES.iter().position(|share| (share - keep).abs() < 1e-9);
        found.map(|index| values[index])
    };
    let points = |tenth: f64, all: f64| match keep {
        keep if (keep - 0.1).abs() < 1e-9 => Some(tenth),
        keep if keep >= 1.0 => Some(all),
        _ => None,
    };
    let percent = match name {
        "mnist" => points(95.54, 96.27)
            .or_else(|| figure([91.3, 95.2, 95.4, 95.5, 96.4, 96.5, 96.3, 96.1, 96.0, 95.8])),
        "cifar10" => points(96.31, 96.57).or_else(|| {
            figure([
                96.09, 96.19, 96.31, 96.42, 96.73, 96.73, 96.70, 96.64, 96.63, 96.61,
            ])
        }),
        "face_mask" => points(95.21, 95.46),
        "dermamnist" => points(75.86, 76.06),
        "snips" => points(95.14, 95.00),
        _ => None,
    };
    percent.map(|percent| percent / 100.0)
}

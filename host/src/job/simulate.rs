//! A training on clear numbers with the noise of ciphertexts, and the exact one beside it.

use std::time::Instant;

use engine::circuits::activation::{Activation, Approximation};
use engine::circuits::{Clear, NoiseModel};
use engine::protocol::{ClearBatch, Plan, RefreshBy, Simulation, Task};
use engine::prune::{MergePlan, Round, Rule, Score};
use engine::ring::sampling::Seed;
use engine::train::{ExactTrainer, Model, Precision};

use super::event::{Running, stage};
use super::prune::PruneConfig;
use super::samples::{self, Compared, Prepared, Samples, WeightedSamples, batch_size};
use super::task::{self, Schedule, Setup};
use super::{
    Event, JobError, Observer, PlanReport, PruneReport, SimulateConfig, SimulateReport, Stage,
    params,
};
use crate::launch::{Device, threads_of};

/// Runs the training program on clear slots. Nothing is encrypted.
///
/// # Errors
/// [`JobError`]: data or parameters that are refused, a training that diverges.
pub fn simulate(
    config: &SimulateConfig,
    observer: &mut dyn Observer,
) -> Result<SimulateReport, JobError> {
    let begun = Instant::now();
    let threads = threads_of(config.threads)?.min(2);
    let params = params::choose(&config.params, config.allow_insecure)?;
    let train = &config.train;
    let prepared = stage(observer, Stage::Data, || {
        Prepared::open(&config.data, train.seed)
    })?;
    let set = &prepared.set;
    let rows = set.train().rows();
    let task = Task {
        features: set.features(),
        classes: set.classes(),
        batch: batch_size(train.batch, params.slots(), set.classes(), Some(rows))?,
    };
    let mut setup = Setup::new(&params, task, train.activation, config.refresh)?;
    if let Some(prune) = &train.prune {
        setup = setup.with_pruning(prune.pruning())?;
        prune.rounds.check(setup.origin.pruning)?;
    }
    let batches = prepared.batches(task.batch, train.seed)?;
    let (epochs, rate) = (train.epochs, train.learning_rate);
    let schedule = Schedule::new(
        epochs,
        rate,
        batches.len(),
        setup.origin.activation,
        train.prune.map(|prune| prune.rounds.schedule),
    )?;
    let schedule = match train.prune {
        Some(prune) => {
            let samples = samples::counts(&batches);
            prune
                .rounds
                .schedule(schedule, setup.plan.layout(), &samples)?
        }
        None => schedule,
    };
    let device = Device {
        name: "clear numbers".to_owned(),
        threads,
    };
    let plan = PlanReport {
        simulated: true,
        ..task::report(&setup, &schedule, set.name(), rows, &device)
    };
    observer.event(&Event::Plan(&plan));

    let noise = NoiseModel::of(&params);
    let noise = match setup.plan.refresh_by() {
        RefreshBy::Owner => noise,
        RefreshBy::Bootstrap | RefreshBy::BootstrapLean => noise.with_bootstrap(&params),
    };
    let machine = Clear::noisy(params.slots(), noise, train.seed);
    let mut pair = Pair::new(machine, &setup.plan, schedule)?;
    let [validation, test] = &[set.validation(), set.test()].map(Samples::of);
    let compared = Compared {
        activation: setup.plan.activation(),
        epochs: schedule.epochs,
        validation,
        test,
    };
    let mut running = Running::begin(observer, Stage::Train, schedule.steps());
    let mut last = None;
    for epoch in 1..=schedule.epochs {
        let begun = Instant::now();
        for step in schedule.steps_until(epoch - 1)..schedule.steps_until(epoch) {
            let index = schedule.batch(step);
            match schedule.round(step).zip(train.prune) {
                None => pair.step(&batches[index], threads)?,
                Some((round, prune)) => {
                    if pair.round != Some(round.number) {
                        let seed = Seed([0; 32]).derive(train.seed);
                        let seed = seed.derive(round.number as u64);
                        let report = pair.begin(round, &prune, &batches, &seed)?;
                        let report = PruneReport { epoch, ..report };
                        running.observer().event(&Event::Prune(&report));
                    }
                    pair.step_merged(index)?;
                }
            }
            running.advance();
        }
        let (simulated, exact) = (pair.simulation.model()?, pair.exact.weights());
        let seconds = begun.elapsed().as_secs_f64();
        let report = compared.report(epoch, &simulated, &pair.exact, seconds);
        running.observer().event(&Event::Epoch(&report));
        let errors = simulated.values().iter().zip(exact.values());
        let error = errors.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        last = Some((report, error));
    }
    running.end();
    let (epoch, weight_error) = last
        .ok_or_else(|| JobError::option("the number of epochs", schedule.epochs, "at least 1"))?;
    let activation = setup.plan.activation();
    if epoch.largest_logit > activation.range() {
        let (found, range) = (epoch.largest_logit, activation.range());
        observer.event(&Event::Note(format!(
            "exact training has logits up to {found:.1}, beyond {range}, which the activation is made for"
        )));
    }
    Ok(SimulateReport {
        test_accuracy: epoch.test_accuracy,
        exact_test_accuracy: epoch.exact_test_accuracy,
        validation_accuracy: epoch.validation_accuracy,
        weight_error,
        largest_logit: epoch.largest_logit,
        steps: schedule.steps(),
        epochs: schedule.epochs,
        activation: plan.activation,
        params: plan.params,
        seconds_total: begun.elapsed().as_secs_f64(),
    })
}

/// The simulated and the exact training.
struct Pair<'a> {
    simulation: Simulation,
    exact: ExactTrainer<'a, Activation>,
    learning_rate: f64,
    plan: &'a Plan,
    /// The last choice of samples, and their batches.
    round: Option<usize>,
    merged: Vec<WeightedSamples>,
}

impl<'a> Pair<'a> {
    fn new(machine: Clear, plan: &'a Plan, schedule: Schedule) -> Result<Self, JobError> {
        let Task {
            classes, features, ..
        } = plan.task();
        let start = Model::zeros(classes, features);
        let learning_rate = schedule.learning_rate;
        Ok(Self {
            simulation: Simulation::new(machine, plan, &start, learning_rate)?,
            exact: ExactTrainer::new(start, plan.activation(), Precision::Exact),
            learning_rate,
            plan,
            round: None,
            merged: Vec::new(),
        })
    }

    /// Chooses samples by the simulated scores and merges them, for both.
    fn begin(
        &mut self,
        round: Round,
        prune: &PruneConfig,
        batches: &[Samples],
        seed: &Seed,
    ) -> Result<PruneReport, JobError> {
        let PruneConfig { score, rounds } = prune;
        let (layout, mut selection) = (self.plan.layout(), rounds.selection);
        let clear: Vec<ClearBatch<'_>> = batches
            .iter()
            .map(|batch| (batch.features.as_slice(), batch.labels.as_slice()))
            .collect();
        let classes: Vec<Vec<usize>> = batches.iter().map(|batch| batch.labels.clone()).collect();
        let by_scores = round.scored && rounds.asks(Some(*score));
        let scores = if by_scores {
            self.simulation.scores(*score, &clear)?
        } else {
            (selection.rule, selection.class_balance) = (Rule::Random, false);
            classes.iter().map(|batch| vec![0.0; batch.len()]).collect()
        };
        let mask = selection.choose(layout, &scores, &classes, seed)?;
        let plan = MergePlan::new(layout, &mask, rounds.method);
        self.simulation.merge(&plan, &mask, &clear)?;
        self.merged = WeightedSamples::of(layout, &mask, rounds.method, batches);
        self.round = Some(round.number);
        let score = if by_scores { *score } else { Score::Random };
        Ok(PruneReport {
            round: round.number,
            score: score.name().to_owned(),
            rule: selection.rule.name().to_owned(),
            of: classes.iter().map(Vec::len).sum(),
            merge: *plan.totals(),
            ..PruneReport::default()
        })
    }

    /// A step of both on a merged batch.
    fn step_merged(&mut self, index: usize) -> Result<(), JobError> {
        self.simulation.step_merged(index)?;
        if let Some(WeightedSamples { samples, weights }) = self.merged.get(index) {
            let (x, labels) = (&samples.features, &samples.labels);
            let rate = self.learning_rate;
            self.exact.step_weighted(x, labels, Some(weights), rate);
        }
        Ok(())
    }

    /// A step of both, side by side if there are two threads.
    fn step(&mut self, batch: &Samples, threads: usize) -> Result<(), JobError> {
        let (simulation, exact) = (&mut self.simulation, &mut self.exact);
        let rate = self.learning_rate;
        let mut simulate = || simulation.step(&batch.features, &batch.labels);
        let mut train = || exact.step(&batch.features, &batch.labels, rate);
        let (simulated, ()) = if threads > 1 {
            rayon::join(simulate, train)
        } else {
            (simulate(), train())
        };
        Ok(simulated?)
    }
}

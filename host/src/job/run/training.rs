//! The steps of a run on ciphertexts: a server that has its owner at hand, with exact training beside them.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, PoisonError};

use engine::backend::Backend;
use engine::circuits::Refresh;
use engine::circuits::activation::Activation;
use engine::ckks::{Ciphertext, Encoder, EvaluationKeys, Evaluator};
use engine::protocol::{EncryptedBatch, Owner, Server};
use engine::prune::Mask;
use engine::train::{ExactTrainer, Model, Precision};

use super::{Draw, Whole};
use crate::job::at_hand::{AtHand, encrypt_validation};
use crate::job::event::Running;
use crate::job::phases::PhaseClock;
use crate::job::prune::{Pruner, ScoreMessage, refreshes_before};
use crate::job::samples::{Compared, Samples, WeightedSamples};
use crate::job::steps::{AfterEpoch, Ask, Course, Measure, Trained, run_steps};
use crate::job::train::bootstrapper;
use crate::job::{JobError, Observer, Stage, ValidationReport};

/// The owner, and what it gave the server.
pub(super) struct Parties<'a, B: Backend> {
    pub(super) backend: &'a B,
    pub(super) owner: &'a Owner<'a, B>,
    pub(super) encoder: Arc<Encoder>,
    pub(super) keys: &'a EvaluationKeys<B>,
    pub(super) encrypted: &'a [EncryptedBatch<B>],
}

impl Whole {
    /// All steps that are not done yet.
    pub(super) fn train_encrypted<B: Backend>(
        &self,
        parties: &Parties<'_, B>,
        observer: &mut dyn Observer,
    ) -> Result<Trained<B>, JobError> {
        let Self {
            train,
            prepared,
            batches,
            schedule,
            setup,
            checkpoint,
            ..
        } = self;
        let &Parties {
            backend,
            owner,
            ref encoder,
            keys,
            encrypted,
        } = parties;
        let (params, plan) = (&setup.params, &setup.plan);
        let start = self.start();
        let state = owner.encrypt_start(plan, &start, &self.draw(Draw::Start))?;
        let at_hand = self.at_hand(owner);
        let evaluator = || Evaluator::new(backend, params, Arc::clone(encoder), keys);
        let bootstrapper = bootstrapper(plan, evaluator())?;
        let refresher: &dyn Refresh<B> = match &bootstrapper {
            Some(bootstrapper) => bootstrapper,
            None => &at_hand,
        };
        let clock = PhaseClock::new(backend);
        let server = Server::new(evaluator(), refresher, plan, schedule.learning_rate)?;
        let server = server.watched_by(&clock);
        let mut running = Running::begin(observer, Stage::Train, schedule.steps());
        let mut fetch = |index: usize| Ok(encrypted[index].received());
        let classes: Vec<Vec<usize>> = batches.iter().map(|batch| batch.labels.clone()).collect();
        let mut ask_for_mask =
            |message: &ScoreMessage<'_, B>| self.choose(owner, message, &classes);
        let mut pruner = train.prune.map(|prune| Pruner {
            backend,
            server: &server,
            setup,
            schedule,
            rounds: prune.rounds,
            checkpoint,
            samples: classes.iter().map(Vec::len).collect(),
            merged: None,
        });
        let mut next = |step, state: &Ciphertext<B>, running: &mut Running<'_>| match &mut pruner {
            Some(pruner) => pruner.batch(step, state, &mut fetch, &mut ask_for_mask, running),
            None => fetch(schedule.batch(step)),
        };
        let labelled = prepared.validation(plan.task().batch);
        let validation = match train.patience {
            Some(_) => encrypt_validation(owner, plan, &self.draw(Draw::Validation), &labelled)?,
            None => Vec::new(),
        };
        let mut ask = |epoch: usize, state: &Ciphertext<B>| {
            let logits = server.validation_logits(state, &validation)?;
            self.judge(owner, epoch, &logits, &labelled)
        };
        let ask: Option<&mut Ask<'_, B>> = match train.patience {
            Some(_) => Some(&mut ask),
            None => None,
        };
        let set = &prepared.set;
        let [validation_rows, test_rows] = [set.validation(), set.test()].map(Samples::of);
        let compared = Compared {
            activation: plan.activation(),
            epochs: schedule.epochs,
            validation: &validation_rows,
            test: &test_rows,
        };
        let mut exact = ExactTrainer::new(start, plan.activation(), Precision::Exact);
        let mut measure = |epoch: usize, state: &Ciphertext<B>| {
            self.train_in_the_clear(&mut exact, epoch);
            let (model, seconds) = (owner.model(plan, state)?, self.seconds_of(epoch));
            Ok(compared.report(epoch, &model, &exact, seconds))
        };
        let measure: &mut Measure<'_, B> = &mut measure;
        let course = Course {
            params,
            schedule,
            behind: 0,
            checkpoint,
            clock: &clock,
            talk: None,
        };
        let after_epoch = AfterEpoch {
            ask,
            measure: Some(measure),
        };
        let state = state.ciphertext;
        let trained = run_steps(
            backend,
            &server,
            &course,
            state,
            &mut next,
            after_epoch,
            &mut running,
        )?;
        running.end();
        Ok(trained)
    }

    /// The model before the first step.
    pub(super) fn start(&self) -> Model {
        let task = self.setup.plan.task();
        Model::zeros(task.classes, task.features)
    }

    /// The owner as the server asks it, who has answered what lies behind the checkpoint.
    fn at_hand<'a, B: Backend>(&self, owner: &'a Owner<'a, B>) -> AtHand<'a, B> {
        let scored = self.checkpoint.pruning(|state| state.scored());
        let (setup, steps) = (&self.setup, self.checkpoint.steps());
        let answered = refreshes_before(setup, steps, scored, self.batches.len());
        AtHand {
            owner,
            seed: self.draw(Draw::Refreshes),
            refreshes: AtomicU64::new(answered as u64),
        }
    }

    /// The owner's choice of samples by their scores.
    fn choose<B: Backend>(
        &self,
        owner: &Owner<'_, B>,
        message: &ScoreMessage<'_, B>,
        classes: &[Vec<usize>],
    ) -> Result<Mask, JobError> {
        let (plan, score) = (&self.setup.plan, message.score);
        let scores = owner.scores(plan, score, message.scores, message.samples, classes)?;
        let seed = self.draw(Draw::Masks).derive(message.round as u64);
        let selection = message.selection;
        Ok(selection.choose(plan.layout(), &scores, classes, &seed)?)
    }

    /// The owner's verdict on an epoch by the logits of validation.
    fn judge<B: Backend>(
        &self,
        owner: &Owner<'_, B>,
        epoch: usize,
        logits: &Ciphertext<B>,
        validation: &[Samples],
    ) -> Result<ValidationReport, JobError> {
        let plan = &self.setup.plan;
        let samples: Vec<usize> = validation.iter().map(|part| part.labels.len()).collect();
        let logits = owner.validation_logits(plan, logits, &samples)?;
        let mut judge = self.judge.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(judge.judge(epoch, plan.activation(), &logits))
    }

    /// Seconds of the steps of an epoch.
    fn seconds_of(&self, epoch: usize) -> f64 {
        let steps = &self.checkpoint.history().steps;
        let of_epoch = self.schedule.steps_until(epoch - 1)..self.schedule.steps_until(epoch);
        let steps = steps.get(of_epoch).unwrap_or_default();
        steps.iter().map(|step| step.total()).sum()
    }

    /// Goes on with the same training on `f64`, on the same choices of samples, until so many epochs are over.
    pub(super) fn train_in_the_clear(
        &self,
        trainer: &mut ExactTrainer<'_, Activation>,
        epochs: usize,
    ) {
        let schedule = &self.schedule;
        let (layout, rate) = (self.setup.plan.layout(), schedule.learning_rate);
        let method = self.train.prune.map(|prune| prune.rounds.method);
        let mut merged: Option<(usize, Vec<WeightedSamples>)> = None;
        while trainer.steps() < schedule.steps_until(epochs) {
            let (step, index) = (trainer.steps(), schedule.batch(trainer.steps()));
            let Some((round, method)) = schedule.round(step).zip(method) else {
                let batch = &self.batches[index];
                trainer.step(&batch.features, &batch.labels, rate);
                continue;
            };
            if merged
                .as_ref()
                .is_none_or(|(number, _)| *number != round.number)
            {
                let mask = self.checkpoint.pruning(|state| state.mask(round.number));
                let of = |mask| WeightedSamples::of(layout, &mask, method, &self.batches);
                merged = Some((round.number, mask.map(of).unwrap_or_default()));
            }
            let batches = merged.iter().flat_map(|(_, batches)| batches);
            let Some(WeightedSamples { samples, weights }) = batches.into_iter().nth(index) else {
                // There is no such choice: the training was not as long.
                return;
            };
            trainer.step_weighted(&samples.features, &samples.labels, Some(weights), rate);
        }
    }
}

//! The server's first part: scores of all samples under an encrypted model.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::backend::Backend;
use engine::circuits::Refresh;
use engine::ckks::{Encoder, Evaluator, Level};
use engine::protocol::Server;
use engine::prune::Score;

use super::super::event::Running;
use super::super::exchange::{Conversation, ServerEnd};
use super::super::store::{self, KeysFile, ModelFile, ScoreHeader, TrainingSetFile};
use super::super::task::Setup;
use super::super::train::bootstrapper;
use super::super::{JobError, Observer, PruneScoreReport, Stage, random};
use super::scoring::score_batches;
use crate::launch::{Device, DeviceChoice, Job, launch};

/// Of [`prune_score()`].
#[derive(Clone, Debug)]
pub struct PruneScoreConfig {
    /// The owner's evaluation keys.
    pub evaluation_keys: PathBuf,
    /// The encrypted training set.
    pub data: PathBuf,
    /// The encrypted model to score by.
    pub model: PathBuf,
    /// A directory shared with the owner, for a model that the owner must refresh first.
    pub exchange: Option<PathBuf>,
    /// How long to wait for the owner.
    pub wait: Duration,
    /// Device.
    pub device: DeviceChoice,
    /// Threads; all there are, if nothing is said.
    pub threads: Option<usize>,
    /// Where the scores go.
    pub out: PathBuf,
}

/// Scores all samples of a training set.
///
/// # Errors
/// [`JobError`]: keys that are not for pruning, files that are damaged or do not belong together, an owner who does not answer.
pub fn prune_score(
    config: &PruneScoreConfig,
    observer: &mut dyn Observer,
) -> Result<PruneScoreReport, JobError> {
    let begun = Instant::now();
    let setup = KeysFile::open(&config.evaluation_keys)?.setup;
    let pruning = setup.plan.pruning().ok_or(JobError::NotPrunable)?.pruning();
    if pruning.score == Score::Random {
        return Err(JobError::NothingToScore(config.evaluation_keys.clone()));
    }
    let params = setup.params.clone();
    let scoring = Scoring {
        config,
        conversation: Conversation::new()?,
        setup,
        begun,
    };
    let scored = launch(&scoring, config.device, config.threads, &params, observer);
    if let (Err(_), Some(exchange)) = (&scored, &config.exchange) {
        // A message that cannot be left must not hide why the scoring failed.
        drop(scoring.conversation.close(exchange, false));
    }
    scored
}

struct Scoring<'a> {
    config: &'a PruneScoreConfig,
    setup: Setup,
    conversation: Conversation,
    begun: Instant,
}

impl Job for Scoring<'_> {
    type Output = PruneScoreReport;

    fn memory_bytes(&self) -> u64 {
        self.setup.training_bytes(1)
    }

    fn run<B: Backend>(
        &self,
        backend: &B,
        _: &Device,
        observer: &mut dyn Observer,
    ) -> Result<PruneScoreReport, JobError> {
        let Self { config, setup, .. } = self;
        let from = config.evaluation_keys.as_path();
        let mut keys = KeysFile::open(from)?;
        setup.check(from, from, &keys.setup.origin)?;
        let mut data = TrainingSetFile::open(&config.data, setup, from)?;
        let state = ModelFile::open(&config.model, setup, from)?.state(backend, setup)?;
        let refreshes = setup.plan.pruning().map(|plan| plan.refreshes());
        // Scores that take more levels than a step refresh the state by themselves.
        let is_refreshed = refreshes.is_some_and(|all| !all.of_state.is_empty());
        let is_spent = !is_refreshed && state.level() < setup.plan.levels().state;
        let mut running = Running::begin(observer, Stage::Keys, setup.plan.keys().len());
        let keys = keys.read(backend, &mut running)?;
        running.end();

        let score = setup
            .plan
            .pruning()
            .ok_or(JobError::NotPrunable)?
            .pruning()
            .score;
        let encoder = Arc::new(Encoder::new(setup.params.degree()));
        let evaluator = || Evaluator::new(backend, &setup.params, Arc::clone(&encoder), &keys);
        let bootstrapper = bootstrapper(&setup.plan, evaluator())?;
        let talk = &self.conversation;
        let end = match (&bootstrapper, &config.exchange) {
            (None, Some(exchange)) => {
                let wait = config.wait;
                let of_scores = refreshes.map_or(0, |all| all.count(data.samples.len()));
                let requests = usize::from(is_spent) + of_scores;
                Some(ServerEnd::open(
                    backend, setup, from, exchange, wait, requests, talk,
                )?)
            }
            _ => None,
        };
        let refresher: &dyn Refresh<B> = match (&bootstrapper, &end) {
            (Some(bootstrapper), _) => bootstrapper,
            (None, end) => end.as_ref().ok_or_else(|| JobError::NoExchange {
                keys: from.to_owned(),
            })?,
        };
        let server = Server::new(evaluator(), refresher, &setup.plan, 1.0)?;
        let failure = |error: JobError| {
            let known = end.as_ref().and_then(ServerEnd::take_failure);
            known.unwrap_or(error)
        };
        let mut running = Running::begin(observer, Stage::Train, data.samples.len());
        let state = if is_spent {
            server
                .refresh(&state)
                .map_err(|error| failure(error.into()))?
        } else {
            state
        };
        let batches = data.samples.len();
        let mut fetch = |index| {
            let batch = data.batch(backend, setup, index)?;
            running.advance();
            Ok(batch)
        };
        let scored = score_batches(backend, &server, &state, batches, &mut fetch);
        let (packed, seconds) = scored.map_err(failure)?;
        let header = ScoreHeader {
            key: setup.origin.key.clone(),
            training: random::fresh_id()?,
            round: 0,
            set: data.set.clone(),
            samples: data.samples.clone(),
            score,
            selection: None,
        };
        store::write_scores(&config.out, backend, setup, &header, &packed)?;
        if let (Some(_), Some(exchange)) = (&end, &config.exchange) {
            talk.settle();
            talk.close(exchange, true)?;
        }
        running.end();
        let vectors = score.vectors(setup.plan.layout(), batches);
        Ok(PruneScoreReport {
            out: config.out.clone(),
            score: score.name().to_owned(),
            samples: data.samples.iter().sum(),
            batches,
            ciphertexts: vectors,
            bytes: (vectors * setup.params.ciphertext_bytes(Level(0))) as u64,
            scoring: seconds,
            seconds: self.begun.elapsed().as_secs_f64(),
        })
    }
}

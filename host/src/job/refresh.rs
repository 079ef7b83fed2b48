//! The owner's side of a training: answers requests until it is over.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use engine::backend::Backend;
use engine::ckks::{Encoder, EvalError};
use engine::protocol::Owner;
use engine::prune::{Rule, Scope, Selection};
use engine::train::Verdict;

use super::event::Running;
use super::exchange::{OwnerEnd, Received};
use super::journal::Journal;
use super::prune::{check_selection, choose_for_request};
use super::samples;
use super::store::OwnerKey;
use super::task::Setup;
use super::validation::Judge;
use super::{Event, JobError, Observer, RefreshConfig, RefreshReport, Stage, random};
use crate::launch::{Device, Job, launch};

/// Answers the refresh requests of a training until the server says that it is over.
///
/// # Errors
/// [`JobError`]: requests that are damaged or of other keys, weights that left their range, a server that does not ask.
pub fn refresh(
    config: &RefreshConfig,
    observer: &mut dyn Observer,
) -> Result<RefreshReport, JobError> {
    let begun = Instant::now();
    let key = OwnerKey::open(&config.secret_key)?;
    let params = key.setup.params.clone();
    let answering = Answering {
        config,
        key,
        judge: Mutex::default(),
        refreshes: AtomicUsize::new(0),
        masks: AtomicUsize::new(0),
        begun,
    };
    launch(&answering, config.device, config.threads, &params, observer)
}

struct Answering<'a> {
    config: &'a RefreshConfig,
    key: OwnerKey,
    /// From the first question about an epoch on.
    judge: Mutex<Option<Judge>>,
    /// Answered so far.
    refreshes: AtomicUsize,
    masks: AtomicUsize,
    begun: Instant,
}

impl Job for Answering<'_> {
    type Output = RefreshReport;

    fn memory_bytes(&self) -> u64 {
        self.key.setup.state_bytes()
    }

    fn run<B: Backend>(
        &self,
        backend: &B,
        _: &Device,
        observer: &mut dyn Observer,
    ) -> Result<RefreshReport, JobError> {
        let Self {
            config,
            key,
            judge,
            refreshes,
            masks,
            begun,
        } = self;
        let OwnerKey { setup, secret } = key;
        let encoder = Arc::new(Encoder::new(setup.params.degree()));
        let owner = Owner::new(backend, &setup.params, encoder, secret.clone());
        let (keys, exchange) = (&config.secret_key, &config.exchange);
        let mut end = OwnerEnd::new(backend, setup, keys, exchange, config.wait);
        let note = format!("waiting for requests in {}", exchange.display());
        observer.event(&Event::Note(note));
        let Some(mut received) = end.receive()? else {
            return Ok(report([refreshes, masks], *begun));
        };
        // A server that bootstraps asks for no refresh, and how often it asks whether to go on nobody knows.
        let parts = match &received {
            Received::Refresh { of, .. } => *of,
            Received::Stop { .. } | Received::Prune { .. } => 0,
        };
        let mut running = Running::begin(observer, Stage::Train, parts);
        loop {
            match received {
                Received::Refresh { request, name, .. } => {
                    let fresh = owner.refresh(&request, &random::secret_seed()?);
                    if let Err(EvalError::OutOfRange { .. }) = fresh {
                        end.answer(name, None)?;
                        fresh?;
                        break;
                    }
                    end.answer(name, Some(&fresh?))?;
                    refreshes.fetch_add(1, Ordering::Relaxed);
                    running.advance();
                }
                Received::Stop {
                    logits,
                    samples,
                    name,
                } => {
                    let mut judge = judge.lock().unwrap_or_else(PoisonError::into_inner);
                    let judge = match &mut *judge {
                        Some(judge) => judge,
                        none => none.insert(labels(config, setup, &name.file, &samples)?),
                    };
                    let mut journal = Journal::open(&config.secret_key, &name.training)?;
                    judge.recall(journal.before(name.number));
                    let logits = owner.validation_logits(&setup.plan, &logits, &samples)?;
                    let report = judge.judge(name.number, setup.plan.activation(), &logits);
                    let verdict = Verdict {
                        best: report.best,
                        stop: report.stop,
                    };
                    // Before the answer: an epoch that was answered is not forgotten.
                    journal.add(report.loss.unwrap_or(f64::NAN))?;
                    end.answer_stop(name, verdict)?;
                    running.observer().event(&Event::Validation(&report));
                }
                Received::Prune {
                    scores,
                    header,
                    file,
                } => {
                    let selection = header.selection.ok_or_else(|| {
                        JobError::mismatch(&file, "what to keep", "nothing", "a selection")
                    })?;
                    check_selection(&selection)?;
                    let data = (&config.data, config.seed);
                    let from = exchange.as_path();
                    let chosen =
                        choose_for_request(&owner, key, from, data, &header, &scores, selection);
                    if let Err(JobError::Diverged { .. }) = chosen {
                        end.refuse_prune(&header)?;
                    }
                    let mask = chosen?.mask;
                    end.answer_prune(&header, &mask)?;
                    masks.fetch_add(1, Ordering::Relaxed);
                    let note = format!(
                        "round {}: the server asks for {}; {} of {} samples kept",
                        header.round,
                        asked(&selection),
                        mask.len(),
                        header.samples.iter().sum::<usize>()
                    );
                    running.observer().event(&Event::Note(note));
                }
            }
            match end.receive()? {
                Some(next) => received = next,
                None => break,
            }
        }
        running.end();
        Journal::remove(&config.secret_key)?;
        Ok(report([refreshes, masks], *begun))
    }
}

/// What the server asks to be kept, in words.
fn asked(selection: &Selection) -> String {
    let rule = match selection.rule {
        Rule::Importance { floor } => format!("importance with a floor of {floor}"),
        Rule::Window { skip } => format!("window behind the hardest {skip}"),
        rule => rule.name().to_owned(),
    };
    let scope = match selection.scope {
        Scope::Rows => "as many from each row of the ciphertexts",
        Scope::Global => "from all rows of the ciphertexts alike",
    };
    let classes = match selection.class_balance {
        true => "each class its share",
        false => "whatever their class",
    };
    let keep = selection.keep;
    format!("a share of {keep} by {rule}, {scope}, {classes}")
}

fn report(answered: [&AtomicUsize; 2], begun: Instant) -> RefreshReport {
    let [refreshes, masks] = answered.map(|count| count.load(Ordering::Relaxed));
    RefreshReport {
        refreshes,
        masks,
        seconds: begun.elapsed().as_secs_f64(),
    }
}

/// The validation labels of the owner's data set, which are as many as the server says in its request.
fn labels(
    config: &RefreshConfig,
    setup: &Setup,
    request: &Path,
    samples: &[usize],
) -> Result<Judge, JobError> {
    let set = samples::open(&config.data, config.seed)?;
    let labels: Vec<usize> = set
        .validation()
        .labels()
        .iter()
        .map(|&l| l.into())
        .collect();
    let judge = Judge::new(labels, config.patience);
    let found = samples.iter().sum::<usize>();
    if found != judge.samples() || set.classes() != setup.plan.task().classes {
        let expected = format!("{} as in {}", judge.samples(), set.name());
        return Err(JobError::mismatch(
            request,
            "validation samples",
            found,
            expected,
        ));
    }
    Ok(judge)
}

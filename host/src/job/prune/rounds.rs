//! The batches of a training that prunes: all samples during the warm-up, then those of the last choice.

use std::time::Instant;

use engine::backend::Backend;
use engine::ckks::Ciphertext;
use engine::protocol::{ReceivedBatch, Server};
use engine::prune::{Mask, MergePlan, Round, Rule, Score, Selection};

use super::super::checkpoint::Checkpoint;
use super::super::event::Running;
use super::super::task::{Schedule, Setup};
use super::super::{Event, JobError, PruneReport, random};
use super::memory::KeptRound;
use super::scoring::{Laps, score_batches};
use super::{PruneRounds, score_bytes};

/// The server's message to the owner.
pub(in crate::job) struct ScoreMessage<'a, B: Backend> {
    pub(in crate::job) round: usize,
    pub(in crate::job) scores: &'a Ciphertext<B>,
    /// Samples of each batch.
    pub(in crate::job) samples: &'a [usize],
    pub(in crate::job) score: Score,
    pub(in crate::job) selection: Selection,
}

/// Reads a batch of the training set.
pub(in crate::job) type Fetch<'a, B> = dyn FnMut(usize) -> Result<ReceivedBatch<B>, JobError> + 'a;
/// Asks the owner which samples to keep.
pub(in crate::job) type AskForMask<'a, B> =
    dyn FnMut(&ScoreMessage<'_, B>) -> Result<Mask, JobError> + 'a;

/// The server of a training that prunes.
pub(in crate::job) struct Pruner<'a, B: Backend> {
    pub(in crate::job) backend: &'a B,
    pub(in crate::job) server: &'a Server<'a, B>,
    pub(in crate::job) setup: &'a Setup,
    pub(in crate::job) schedule: &'a Schedule,
    pub(in crate::job) rounds: PruneRounds,
    pub(in crate::job) checkpoint: &'a Checkpoint,
    /// Of each batch of the training set.
    pub(in crate::job) samples: Vec<usize>,
    /// The last choice and its batches.
    pub(in crate::job) merged: Option<(usize, Vec<ReceivedBatch<B>>)>,
}

impl<B: Backend> Pruner<'_, B> {
    /// The batch of a step that begins with this state: merged ones are made when a step first asks for one.
    pub(in crate::job) fn batch(
        &mut self,
        step: usize,
        state: &Ciphertext<B>,
        fetch: &mut Fetch<'_, B>,
        ask: &mut AskForMask<'_, B>,
        running: &mut Running<'_>,
    ) -> Result<ReceivedBatch<B>, JobError> {
        let index = self.schedule.batch(step);
        let Some(round) = self.schedule.round(step) else {
            return fetch(index);
        };
        let batches = match self.merged.take() {
            Some((number, batches)) if number == round.number => batches,
            _ => self.begin(round, self.schedule.epoch(step), state, fetch, ask, running)?,
        };
        let batch = batches.get(index).cloned();
        self.merged = Some((round.number, batches));
        // The schedule counts batches as the merging does.
        batch.ok_or_else(|| {
            JobError::option("the batch", index, "one of the merged ones".to_owned())
        })
    }

    /// A round: scores, mask, merging.
    fn begin(
        &mut self,
        round: Round,
        epoch: usize,
        state: &Ciphertext<B>,
        fetch: &mut Fetch<'_, B>,
        ask: &mut AskForMask<'_, B>,
        running: &mut Running<'_>,
    ) -> Result<Vec<ReceivedBatch<B>>, JobError> {
        let score = self.setup.plan.pruning().map(|plan| plan.pruning().score);
        let score = score.ok_or(JobError::NotPrunable)?;
        let by_scores = round.scored && self.rounds.asks(Some(score));
        let rule = if by_scores {
            self.rounds.selection.rule
        } else {
            Rule::Random
        };
        let known = self.checkpoint.pruning(|state| state.round(round.number));
        let is_known = known.is_some();
        let kept = match known {
            Some(kept) => kept,
            None if by_scores => self.ask(round, score, state, fetch, ask)?,
            None => KeptRound::unasked(self.any()?),
        };
        // Whatever it is from: a message, or a file.
        self.check(&kept.mask)?;
        if !is_known {
            self.checkpoint.pruning(|state| state.keep(kept.clone()));
        }
        let mask = &kept.mask;
        let mut laps = Laps::new(self.backend);
        let plan = MergePlan::new(self.setup.plan.layout(), mask, self.rounds.method);
        self.check_plan(&plan)?;
        let mut merging = self.server.merging(&plan);
        for (index, kept) in mask.kept().iter().enumerate() {
            if !kept.is_empty() {
                self.server.merge(&mut merging, index, &fetch(index)?)?;
            }
        }
        let merged = self.server.merged(merging, &plan)?;
        let seconds_merge = laps.next()?;
        self.checkpoint
            .pruning(|state| state.add_merging(seconds_merge));
        let report = PruneReport {
            round: round.number,
            epoch,
            score: if by_scores { score } else { Score::Random }
                .name()
                .to_owned(),
            rule: rule.name().to_owned(),
            of: self.samples.iter().sum(),
            merge: *plan.totals(),
            scoring: kept.scoring,
            seconds_owner: kept.seconds_owner,
            seconds_merge,
            bytes_to_owner: kept.bytes_to_owner,
            bytes_to_server: kept.bytes_to_server,
        };
        running.observer().event(&Event::Prune(&report));
        Ok(merged)
    }

    /// The owner's choice.
    fn ask(
        &self,
        round: Round,
        score: Score,
        state: &Ciphertext<B>,
        fetch: &mut Fetch<'_, B>,
        ask: &mut AskForMask<'_, B>,
    ) -> Result<KeptRound, JobError> {
        let batches = self.samples.len();
        let (packed, scoring) = score_batches(self.backend, self.server, state, batches, fetch)?;
        let begun = Instant::now();
        let mask = ask(&ScoreMessage {
            round: round.number,
            scores: &packed,
            samples: &self.samples,
            score,
            selection: self.rounds.selection,
        })?;
        let [to_owner, to_server] = score_bytes(self.setup, score, batches);
        Ok(KeptRound {
            by_scores: true,
            scoring,
            seconds_owner: begun.elapsed().as_secs_f64(),
            bytes_to_owner: to_owner,
            bytes_to_server: to_server + mask.bytes() as u64,
            mask,
        })
    }

    /// A mask that has nothing to do with the data: the server makes it itself.
    fn any(&self) -> Result<Mask, JobError> {
        let selection = Selection {
            rule: Rule::Random,
            class_balance: false,
            ..self.rounds.selection
        };
        let scores: Vec<Vec<f64>> = self
            .samples
            .iter()
            .map(|&samples| vec![0.0; samples])
            .collect();
        let seed = random::public_seed()?;
        Ok(selection.choose(self.setup.plan.layout(), &scores, &[], &seed)?)
    }

    /// Whether a mask is for this training set and keeps what was asked for.
    fn check(&self, mask: &Mask) -> Result<(), JobError> {
        mask.check(&self.samples)?;
        let (found, expected) = (
            mask.len(),
            self.rounds.selection.kept(self.samples.iter().sum()),
        );
        if found != expected {
            return Err(JobError::option(
                "the number of samples that the mask keeps",
                found,
                format!("{expected}"),
            ));
        }
        Ok(())
    }

    /// Whether the merged batches are as many as the schedule has.
    fn check_plan(&self, plan: &MergePlan) -> Result<(), JobError> {
        let (found, expected) = (plan.row_blocks().len(), self.schedule.pruned);
        match expected {
            Some((_, expected)) if found != expected => {
                let name = "the number of mini-batches that the mask's samples are merged into";
                let range = format!("{expected}, as with a quota for each row");
                Err(JobError::option(name, found, range))
            }
            _ => Ok(()),
        }
    }
}

//! The server's end: asks, and waits for answers.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use engine::backend::Backend;
use engine::circuits::{Parts, Refresh};
use engine::ckks::{Ciphertext, EvalError, Level};
use engine::prune::Mask;
use engine::ring::sampling::Seed;
use engine::train::Verdict;

use super::{
    ANSWER, AnswerHeader, DONE, Done, POLL, Question, REQUEST, RequestHeader, StopAnswerHeader,
    StopHeader,
};
use crate::file::{AtomicFile, Expected, Kind, Reader, Writer};
use crate::job::prune::ScoreMessage;
use crate::job::set_name::SetName;
use crate::job::store::ScoreHeader;
use crate::job::task::Setup;
use crate::job::{JobError, random, store, write_json};

/// What a server remembers of its talk with the owner, whatever device or process it goes on with.
pub(in crate::job) struct Conversation {
    training: String,
    /// Whether an earlier process began it.
    resumed: bool,
    /// Whether the directory is ours.
    begun: AtomicBool,
    asked: AtomicUsize,
    /// Answers that were read since a state was kept last. Until then they stay, for a step that is done again.
    read: Mutex<Vec<PathBuf>>,
}

impl Conversation {
    /// A new one, under a name that nothing else has.
    pub(in crate::job) fn new() -> Result<Self, JobError> {
        Ok(Self::named(random::fresh_id()?, false))
    }

    /// One that an earlier process began.
    pub(in crate::job) fn resumed(training: String) -> Self {
        Self::named(training, true)
    }

    fn named(training: String, resumed: bool) -> Self {
        Self {
            training,
            resumed,
            begun: AtomicBool::new(false),
            asked: AtomicUsize::new(0),
            read: Mutex::default(),
        }
    }

    /// What it is called.
    pub(in crate::job) fn training(&self) -> &str {
        &self.training
    }

    /// Goes on after so many questions. What is asked again gets the answer it got before.
    pub(in crate::job) fn go_on_after(&self, questions: usize) {
        self.asked.store(questions, Ordering::Relaxed);
    }

    /// What was answered so far will not be asked again: it is kept elsewhere.
    pub(in crate::job) fn settle(&self) {
        for answer in self.read().drain(..) {
            // Nothing depends on it: the next training in this directory would remove it.
            let _ = fs::remove_file(answer);
        }
    }

    /// Tells the owner that the training is over, if it ever began and was not told yet. A finished one leaves nothing else
    /// behind, not even an answer that a process read which was killed before it could remove it.
    pub(in crate::job) fn close(&self, directory: &Path, finished: bool) -> Result<(), JobError> {
        if !self.begun.swap(false, Ordering::Relaxed) {
            return Ok(());
        }
        if finished {
            clear(directory, false)?;
        }
        let path = directory.join(DONE);
        let done = Done {
            training: self.training.clone(),
            finished,
        };
        write_json(&path, false, &done)
    }

    fn read(&self) -> MutexGuard<'_, Vec<PathBuf>> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The directory as the server of one training sees it.
pub(in crate::job) struct ServerEnd<'a, B: Backend> {
    backend: &'a B,
    setup: &'a Setup,
    /// Where the keys are from, for messages.
    keys: &'a Path,
    directory: &'a Path,
    wait: Duration,
    talk: &'a Conversation,
    requests: usize,
    failure: Mutex<Option<JobError>>,
}

impl<'a, B: Backend> ServerEnd<'a, B> {
    /// Makes the directory ready for a training with so many requests, unless it is already.
    pub(in crate::job) fn open(
        backend: &'a B,
        setup: &'a Setup,
        keys: &'a Path,
        directory: &'a Path,
        wait: Duration,
        requests: usize,
        talk: &'a Conversation,
    ) -> Result<Self, JobError> {
        if !talk.begun.swap(true, Ordering::Relaxed) {
            prepare(directory, talk.resumed)?;
        }
        Ok(Self {
            backend,
            setup,
            keys,
            directory,
            wait,
            talk,
            requests,
            failure: Mutex::new(None),
        })
    }

    /// Why the last refresh failed, if one did.
    pub(in crate::job) fn take_failure(&self) -> Option<JobError> {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.take()
    }

    fn ask(&self, state: &Ciphertext<B>, to: Level, bound: f64) -> Result<Ciphertext<B>, JobError> {
        let number = self.talk.asked.fetch_add(1, Ordering::Relaxed) + 1;
        let request = Question::Refresh.path(self.directory, number, REQUEST);
        let answer = Question::Refresh.path(self.directory, number, ANSWER);
        let look = || self.answer(&request, &answer, number, state, to);
        if let Some(known) = look()? {
            return Ok(self.take(&request, answer, known));
        }
        let parameters = Some(&self.setup.identity);
        let mut writer = Writer::create(&request, Kind::RefreshRequest, parameters)?;
        store::write_pair(&mut writer, self.backend, state)?;
        writer.commit(&RequestHeader {
            key: self.setup.origin.key.clone(),
            training: self.talk.training.clone(),
            number,
            of: self.requests,
            vectors: state.batch(self.backend),
            level: state.level().0,
            to: to.0,
            bound,
        })?;
        let found = self.wait_for(&request, &format!("refresh {number}"), look)?;
        Ok(self.take(&request, answer, found))
    }

    /// Asks whether to go on after an epoch, by its validation logits.
    pub(in crate::job) fn ask_to_go_on(
        &self,
        epoch: usize,
        logits: &Ciphertext<B>,
        samples: &[usize],
    ) -> Result<Verdict, JobError> {
        let request = Question::Stop.path(self.directory, epoch, REQUEST);
        let answer = Question::Stop.path(self.directory, epoch, ANSWER);
        let look = || self.verdict(&answer, epoch);
        if let Some(known) = look()? {
            return Ok(self.take(&request, answer, known));
        }
        let parameters = Some(&self.setup.identity);
        let mut writer = Writer::create(&request, Kind::StopRequest, parameters)?;
        store::write_pair(&mut writer, self.backend, logits)?;
        writer.commit(&StopHeader {
            key: self.setup.origin.key.clone(),
            training: self.talk.training.clone(),
            epoch,
            samples: samples.to_vec(),
        })?;
        let question = format!("the validation of epoch {epoch}");
        let found = self.wait_for(&request, &question, look)?;
        Ok(self.take(&request, answer, found))
    }

    /// Asks which samples of a training set to keep, by their scores.
    pub(in crate::job) fn ask_for_mask(
        &self,
        set: &SetName,
        message: &ScoreMessage<'_, B>,
    ) -> Result<Mask, JobError> {
        let round = message.round;
        let request = Question::Prune.path(self.directory, round, REQUEST);
        let header = ScoreHeader {
            key: self.setup.origin.key.clone(),
            training: self.talk.training.clone(),
            round,
            set: set.clone(),
            samples: message.samples.to_vec(),
            score: message.score,
            selection: Some(message.selection),
        };
        let answer = Question::Prune.path(self.directory, round, ANSWER);
        let look = || {
            if !answer.exists() {
                return Ok(None);
            }
            let any = Expected {
                kind: None,
                ..store::expected(Kind::PruneAnswer, Some(&self.setup.identity))
            };
            let reader = Reader::open(&answer, &any)?;
            if reader.kind() == Kind::RefreshAnswer {
                let header: AnswerHeader = reader.header()?;
                let ours = header.training == self.talk.training && header.number == round;
                return match ours && header.seed.is_none() {
                    true => Err(JobError::Refused {
                        request: request.clone(),
                    }),
                    false => Ok(None),
                };
            }
            let (header, mask) = store::read_mask(&answer, self.setup, self.keys)?;
            let ours = header.training == self.talk.training && header.round == round;
            Ok(ours.then_some(mask))
        };
        if let Some(known) = look()? {
            return Ok(self.take(&request, answer, known));
        }
        store::write_scores(&request, self.backend, self.setup, &header, message.scores)?;
        let found = self.wait_for(&request, &format!("the scores of round {round}"), look)?;
        Ok(self.take(&request, answer, found))
    }

    /// Removes a request that was answered, and marks the answer as read.
    fn take<T>(&self, request: &Path, answer: PathBuf, found: T) -> T {
        // Nothing depends on it: the next training in this directory would remove it.
        let _ = fs::remove_file(request);
        self.talk.read().push(answer);
        found
    }

    /// Waits for an answer.
    fn wait_for<T>(
        &self,
        request: &Path,
        question: &str,
        look: impl Fn() -> Result<Option<T>, JobError>,
    ) -> Result<T, JobError> {
        let begun = Instant::now();
        loop {
            if let Some(found) = look()? {
                return Ok(found);
            }
            if begun.elapsed() >= self.wait {
                // Nobody is to answer it any more. If it stays, it is answered for nothing, once.
                let _ = fs::remove_file(request);
                let (exchange, waited) = (self.directory.to_owned(), self.wait);
                return Err(JobError::NoAnswer {
                    question: question.to_owned(),
                    exchange,
                    waited,
                });
            }
            thread::sleep(POLL);
        }
    }

    /// The answer, if there is one that belongs to this training.
    fn answer(
        &self,
        request: &Path,
        answer: &Path,
        number: usize,
        state: &Ciphertext<B>,
        to: Level,
    ) -> Result<Option<Ciphertext<B>>, JobError> {
        if !answer.exists() {
            return Ok(None);
        }
        let Setup {
            identity, origin, ..
        } = self.setup;
        let expected = store::expected(Kind::RefreshAnswer, Some(identity));
        let mut reader = Reader::open(answer, &expected)?;
        let header: AnswerHeader = reader.header()?;
        if header.training != self.talk.training || header.number != number {
            return Ok(None);
        }
        if header.key != origin.key {
            let (file, keys) = (answer.to_owned(), self.keys.to_owned());
            return Err(JobError::OtherKeys { file, keys });
        }
        let Some(seed) = header.seed.map(Seed) else {
            return Err(JobError::Refused {
                request: request.to_owned(),
            });
        };
        let batch = state.batch(self.backend);
        let first = store::read_level(&mut reader, "first", self.setup, to, batch)?;
        let params = &self.setup.params;
        let fresh = Ciphertext::from_seed(self.backend, params, to, batch, &first, &seed);
        Ok(Some(fresh?))
    }

    /// The verdict on an epoch, if there is one that belongs to this training.
    fn verdict(&self, answer: &Path, epoch: usize) -> Result<Option<Verdict>, JobError> {
        if !answer.exists() {
            return Ok(None);
        }
        let expected = store::expected(Kind::StopAnswer, Some(&self.setup.identity));
        let header: StopAnswerHeader = Reader::open(answer, &expected)?.header()?;
        if header.training != self.talk.training || header.epoch != epoch {
            return Ok(None);
        }
        if header.key != self.setup.origin.key {
            let (file, keys) = (answer.to_owned(), self.keys.to_owned());
            return Err(JobError::OtherKeys { file, keys });
        }
        Ok(Some(header.verdict))
    }
}

/// Makes a directory if it is not there, and removes what another training left in it; or what the same one, resumed, left
/// that is not true any more.
fn prepare(directory: &Path, resumed: bool) -> Result<(), JobError> {
    fs::create_dir_all(directory).map_err(JobError::io(directory, "be created"))?;
    clear(directory, resumed)
}

/// Removes all messages, begun ones among them, or only those that `resumed` has no use for.
fn clear(directory: &Path, resumed: bool) -> Result<(), JobError> {
    for entry in fs::read_dir(directory).map_err(JobError::io(directory, "be listed"))? {
        let entry = entry.map_err(JobError::io(directory, "be listed"))?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is = |suffix, name: &str| {
            let mut questions = Question::ALL.into_iter();
            questions.any(|question| question.number(name, suffix).is_some())
        };
        let message = is(REQUEST, &name) || is(ANSWER, &name);
        // A request that a killed server was about to write; answers are the owner's to write.
        let part = AtomicFile::target_of(&name).is_some_and(|target| is(REQUEST, target));
        if name == DONE || part || message && !resumed {
            let stale = entry.path();
            fs::remove_file(&stale).map_err(JobError::io(&stale, "be removed"))?;
        }
    }
    Ok(())
}

impl<B: Backend> Refresh<B> for ServerEnd<'_, B> {
    fn refresh(
        &self,
        x: &Ciphertext<B>,
        to: Level,
        bound: f64,
        _: Parts,
    ) -> Result<Ciphertext<B>, EvalError> {
        self.ask(x, to, bound).map_err(|error| {
            if let JobError::Backend(error) = error {
                return EvalError::Backend(error);
            }
            let text = error.to_string();
            let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
            *failure = Some(error);
            EvalError::Refresh(text)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As by a process that is killed between its checkpoint and the removal of what it read before.
    #[test]
    fn a_finished_training_leaves_no_message_behind() {
        let place = tempfile::tempdir().unwrap();
        let answer = Question::Refresh.path(place.path(), 3, ANSWER);
        for resumed in [false, true] {
            let talk = Conversation::named("mine".to_owned(), resumed);
            prepare(place.path(), resumed).unwrap();
            talk.begun.store(true, Ordering::Relaxed);
            fs::write(&answer, "read before").unwrap();
            prepare(place.path(), true).unwrap();
            assert!(answer.exists(), "it may still be asked for");
            talk.close(place.path(), true).unwrap();
            let left: Vec<_> = fs::read_dir(place.path()).unwrap().collect();
            assert_eq!(left.len(), 1);
            assert!(place.path().join(DONE).exists());
        }
    }
}

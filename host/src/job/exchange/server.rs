//! The server's end: asks, and waits for answers.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use engine::arith::Word;
use engine::backend::Backend;
use engine::circuits::Refresh;
use engine::ckks::{Ciphertext, EvalError, Level};
use engine::prune::Mask;
use engine::ring::sampling::Seed;
use engine::train::Verdict;

use super::{
    ANSWER, AnswerHeader, DONE, Done, POLL, Question, REQUEST, RequestHeader, StopAnswerHeader,
    StopHeader,
};
use crate::file::{AtomicFile, Kind, Reader, Writer};
use crate::job::prune::ScoreMessage;
use crate::job::store::ScoreHeader;
use crate::job::task::Setup;
use crate::job::{JobError, random, store};

/// What a server remembers of its talk with the owner, whatever device it goes on with.
pub(in crate::job) struct Conversation {
    training: String,
    /// Whether the directory is ours.
    begun: AtomicBool,
    asked: AtomicUsize,
    /// Questions in a step.
    questions: usize,
    /// The answers of the last step, by number: their words and seeds. Files are gone once they are read.
    answers: Mutex<BTreeMap<usize, (Vec<Word>, Seed)>>,
}

impl Conversation {
    /// A new one, under a name that nothing else has, with so many questions in a step.
    pub(in crate::job) fn new(questions: usize) -> Result<Self, JobError> {
        Ok(Self {
            training: random::fresh_id()?,
            begun: AtomicBool::new(false),
            asked: AtomicUsize::new(0),
            questions,
            answers: Mutex::default(),
        })
    }

    /// Goes on after so many questions. What is asked again gets the answer it got before.
    pub(in crate::job) fn resume(&self, questions: usize) {
        self.asked.store(questions, Ordering::Relaxed);
    }

    /// Tells the owner that the training is over, if it ever began and was not told yet.
    pub(in crate::job) fn close(&self, directory: &Path, finished: bool) -> Result<(), JobError> {
        if !self.begun.swap(false, Ordering::Relaxed) {
            return Ok(());
        }
        let path = directory.join(DONE);
        let done = Done {
            training: self.training.clone(),
            finished,
        };
        let json = serde_json::to_vec(&done).map_err(|source| JobError::Json {
            file: path.clone(),
            what: "expressible as JSON",
            source,
        })?;
        let mut file = AtomicFile::create(&path, false)?;
        file.write_all(&json)
            .map_err(JobError::io(&path, "be written"))?;
        Ok(file.commit()?)
    }

    fn remember(&self, number: usize, words: Vec<Word>, seed: Seed) {
        let mut answers = self.answers();
        answers.retain(|known, _| known + self.questions > number);
        answers.insert(number, (words, seed));
    }

    fn remembered(&self, number: usize) -> Option<(Vec<Word>, Seed)> {
        self.answers().get(&number).cloned()
    }

    fn answers(&self) -> MutexGuard<'_, BTreeMap<usize, (Vec<Word>, Seed)>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
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
    /// Clears the directory for a training with so many requests, unless it is under way.
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
            clear(directory)?;
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
        if let Some((words, seed)) = self.talk.remembered(number) {
            return self.received(state, to, &words, &seed);
        }
        let request = Question::Refresh.path(self.directory, number, REQUEST);
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
        let answer = Question::Refresh.path(self.directory, number, ANSWER);
        self.wait_for(&request, &answer, &format!("refresh {number}"), || {
            self.answer(&request, &answer, number, state, to)
        })
    }

    /// Asks whether to go on after an epoch, by its validation logits.
    pub(in crate::job) fn ask_to_go_on(
        &self,
        epoch: usize,
        logits: &Ciphertext<B>,
        samples: &[usize],
    ) -> Result<Verdict, JobError> {
        let request = Question::Stop.path(self.directory, epoch, REQUEST);
        let parameters = Some(&self.setup.identity);
        let mut writer = Writer::create(&request, Kind::StopRequest, parameters)?;
        store::write_pair(&mut writer, self.backend, logits)?;
        writer.commit(&StopHeader {
            key: self.setup.origin.key.clone(),
            training: self.talk.training.clone(),
            epoch,
            samples: samples.to_vec(),
        })?;
        let answer = Question::Stop.path(self.directory, epoch, ANSWER);
        let question = format!("the validation of epoch {epoch}");
        self.wait_for(&request, &answer, &question, || {
            if !answer.exists() {
                return Ok(None);
            }
            let expected = store::expected(Kind::StopAnswer, parameters);
            let header: StopAnswerHeader = Reader::open(&answer, &expected)?.header()?;
            if header.training != self.talk.training || header.epoch != epoch {
                return Ok(None);
            }
            if header.key != self.setup.origin.key {
                let (file, keys) = (answer.clone(), self.keys.to_owned());
                return Err(JobError::OtherKeys { file, keys });
            }
            Ok(Some(header.verdict))
        })
    }

    /// Asks which samples to keep, by their scores.
    pub(in crate::job) fn ask_for_mask(
        &self,
        message: &ScoreMessage<'_, B>,
    ) -> Result<Mask, JobError> {
        let round = message.round;
        let request = Question::Prune.path(self.directory, round, REQUEST);
        let header = ScoreHeader {
            key: self.setup.origin.key.clone(),
            training: self.talk.training.clone(),
            round,
            samples: message.samples.to_vec(),
            score: message.score,
            selection: Some(message.selection),
        };
        store::write_scores(&request, self.backend, self.setup, &header, message.scores)?;
        let answer = Question::Prune.path(self.directory, round, ANSWER);
        let question = format!("the scores of round {round}");
        self.wait_for(&request, &answer, &question, || {
            if !answer.exists() {
                return Ok(None);
            }
            let (header, mask) = store::read_mask(&answer, self.setup, self.keys)?;
            let ours = header.training == self.talk.training && header.round == round;
            Ok(ours.then_some(mask))
        })
    }

    /// Waits for an answer, and then removes it and the request.
    fn wait_for<T>(
        &self,
        request: &Path,
        answer: &Path,
        question: &str,
        look: impl Fn() -> Result<Option<T>, JobError>,
    ) -> Result<T, JobError> {
        let begun = Instant::now();
        loop {
            if let Some(found) = look()? {
                for path in [request, answer] {
                    // Nothing depends on it: the next training in this directory would remove them.
                    let _ = fs::remove_file(path);
                }
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
        let fresh = self.received(state, to, &first, &seed)?;
        self.talk.remember(number, first, seed);
        Ok(Some(fresh))
    }

    /// The ciphertexts of an answer: their first halves, and the seed of the second ones.
    fn received(
        &self,
        state: &Ciphertext<B>,
        to: Level,
        first: &[Word],
        seed: &Seed,
    ) -> Result<Ciphertext<B>, JobError> {
        let (params, batch) = (&self.setup.params, state.batch(self.backend));
        let fresh = Ciphertext::from_seed(self.backend, params, to, batch, first, seed);
        Ok(fresh?)
    }
}

/// Removes what an earlier training left in a directory, which is made if it is not there.
fn clear(directory: &Path) -> Result<(), JobError> {
    fs::create_dir_all(directory).map_err(JobError::io(directory, "be created"))?;
    for entry in fs::read_dir(directory).map_err(JobError::io(directory, "be listed"))? {
        let entry = entry.map_err(JobError::io(directory, "be listed"))?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let of_exchange = Question::ALL.into_iter().any(|question| {
            let number = question.number(&name, REQUEST);
            number.or(question.number(&name, ANSWER)).is_some()
        });
        if name == DONE || of_exchange {
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

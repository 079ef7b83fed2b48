//! The server's end: asks, and waits for answers.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use engine::backend::Backend;
use engine::circuits::Refresh;
use engine::ckks::{Ciphertext, EvalError, Level};
use engine::ring::sampling::Seed;
use engine::train::Verdict;

use super::{
    ANSWER, AnswerHeader, DONE, Done, POLL, Question, REQUEST, RequestHeader, StopAnswerHeader,
    StopHeader,
};
use crate::file::{AtomicFile, Kind, Reader, Writer};
use crate::job::task::Setup;
use crate::job::{JobError, random, store};

/// The directory as the server of one training sees it.
pub(in crate::job) struct ServerEnd<'a, B: Backend> {
    backend: &'a B,
    setup: &'a Setup,
    /// Where the keys are from, for messages.
    keys: &'a Path,
    directory: &'a Path,
    wait: Duration,
    training: String,
    requests: usize,
    asked: AtomicUsize,
    failure: Mutex<Option<JobError>>,
}

impl<'a, B: Backend> ServerEnd<'a, B> {
    /// Clears the directory for a training with so many requests.
    pub(in crate::job) fn open(
        backend: &'a B,
        setup: &'a Setup,
        keys: &'a Path,
        directory: &'a Path,
        wait: Duration,
        requests: usize,
    ) -> Result<Self, JobError> {
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
        Ok(Self {
            backend,
            setup,
            keys,
            directory,
            wait,
            training: random::fresh_id()?,
            requests,
            asked: AtomicUsize::new(0),
            failure: Mutex::new(None),
        })
    }

    /// Tells the owner that the training is over.
    pub(in crate::job) fn close(&self, finished: bool) -> Result<(), JobError> {
        let path = self.directory.join(DONE);
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

    /// Why the last refresh failed, if one did.
    pub(in crate::job) fn take_failure(&self) -> Option<JobError> {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.take()
    }

    fn ask(&self, state: &Ciphertext<B>, to: Level, bound: f64) -> Result<Ciphertext<B>, JobError> {
        let number = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
        let request = Question::Refresh.path(self.directory, number, REQUEST);
        let parameters = Some(&self.setup.identity);
        let mut writer = Writer::create(&request, Kind::RefreshRequest, parameters)?;
        store::write_pair(&mut writer, self.backend, state)?;
        writer.commit(&RequestHeader {
            key: self.setup.origin.key.clone(),
            training: self.training.clone(),
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
            training: self.training.clone(),
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
            if header.training != self.training || header.epoch != epoch {
                return Ok(None);
            }
            if header.key != self.setup.origin.key {
                let (file, keys) = (answer.clone(), self.keys.to_owned());
                return Err(JobError::OtherKeys { file, keys });
            }
            Ok(Some(header.verdict))
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
            params,
            identity,
            origin,
            ..
        } = self.setup;
        let expected = store::expected(Kind::RefreshAnswer, Some(identity));
        let mut reader = Reader::open(answer, &expected)?;
        let header: AnswerHeader = reader.header()?;
        if header.training != self.training || header.number != number {
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
        let fresh = Ciphertext::from_seed(self.backend, params, to, batch, &first, &seed)?;
        Ok(Some(fresh))
    }
}

impl<B: Backend> Refresh<B> for ServerEnd<'_, B> {
    fn refresh(
        &self,
        x: &Ciphertext<B>,
        to: Level,
        bound: f64,
    ) -> Result<Ciphertext<B>, EvalError> {
        self.ask(x, to, bound).map_err(|error| {
            let text = error.to_string();
            let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
            *failure = Some(error);
            EvalError::Refresh(text)
        })
    }
}

//! The owner's end: waits for requests, and answers.

use std::collections::HashSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use engine::backend::Backend;
use engine::ckks::{Ciphertext, Level};
use engine::protocol::{Fresh, RefreshRequest};
use engine::prune::Mask;
use engine::train::Verdict;

use super::{
    ANSWER, AnswerHeader, DONE, Done, POLL, Question, REQUEST, RequestHeader, StopAnswerHeader,
    StopHeader,
};
use crate::file::{FileError, Kind, Reader, Writer};
use crate::job::store::ScoreHeader;
use crate::job::task::Setup;
use crate::job::{JobError, read_limited, store};

/// The largest `done` file.
const MAX_DONE_BYTES: u64 = 1 << 10;

/// The directory as the owner sees it.
pub(in crate::job) struct OwnerEnd<'a, B: Backend> {
    backend: &'a B,
    setup: &'a Setup,
    /// Where the keys are from, for messages.
    keys: &'a Path,
    directory: &'a Path,
    wait: Duration,
    answered: HashSet<(Question, String, usize)>,
}

/// A request, read and found sound.
pub(in crate::job) enum Received<B: Backend> {
    /// Ciphertexts to encrypt anew.
    Refresh {
        request: RefreshRequest<B>,
        /// Refreshes there will be.
        of: usize,
        name: Name,
    },
    /// Whether to go on.
    Stop {
        logits: Ciphertext<B>,
        /// Validation samples of each ciphertext.
        samples: Vec<usize>,
        name: Name,
    },
    /// Which samples to keep.
    Prune {
        scores: Ciphertext<B>,
        header: ScoreHeader,
        /// The request.
        file: PathBuf,
    },
}

/// Which request it is.
pub(in crate::job) struct Name {
    /// The request.
    pub(in crate::job) file: PathBuf,
    /// What the server calls the training.
    pub(in crate::job) training: String,
    /// Of the refresh or epoch.
    pub(in crate::job) number: usize,
}

impl<'a, B: Backend> OwnerEnd<'a, B> {
    pub(in crate::job) fn new(
        backend: &'a B,
        setup: &'a Setup,
        keys: &'a Path,
        directory: &'a Path,
        wait: Duration,
    ) -> Self {
        Self {
            backend,
            setup,
            keys,
            directory,
            wait,
            answered: HashSet::new(),
        }
    }

    /// The next request; nothing when the training is over.
    pub(in crate::job) fn receive(&mut self) -> Result<Option<Received<B>>, JobError> {
        let begun = Instant::now();
        loop {
            for (question, path) in self.requests()? {
                let received = match question {
                    Question::Refresh => self.read(&path)?,
                    Question::Stop => self.read_stop(&path)?,
                    Question::Prune => self.read_prune(&path)?,
                };
                if let Some(received) = received {
                    return Ok(Some(received));
                }
            }
            if let Some(done) = self.done()? {
                let exchange = self.directory.to_owned();
                return if done.finished {
                    Ok(None)
                } else {
                    Err(JobError::TrainingFailed { exchange })
                };
            }
            if begun.elapsed() >= self.wait {
                let (exchange, waited) = (self.directory.to_owned(), self.wait);
                return Err(JobError::NoRequest { exchange, waited });
            }
            thread::sleep(POLL);
        }
    }

    /// Answers a request: with what was encrypted anew, or nothing if values were out of range.
    pub(in crate::job) fn answer(
        &mut self,
        name: Name,
        fresh: Option<&Fresh<B>>,
    ) -> Result<(), JobError> {
        let Name {
            training, number, ..
        } = name;
        let answer = Question::Refresh.path(self.directory, number, ANSWER);
        let parameters = Some(&self.setup.identity);
        let mut writer = Writer::create(&answer, Kind::RefreshAnswer, parameters)?;
        if let Some(fresh) = fresh {
            let [first, _] = fresh.ciphertext.download(self.backend)?;
            writer.words("first", &first)?;
        }
        writer.commit(&AnswerHeader {
            key: self.setup.origin.key.clone(),
            training: training.clone(),
            number,
            seed: fresh.map(|fresh| fresh.seed.0),
        })?;
        self.answered.insert((Question::Refresh, training, number));
        Ok(())
    }

    /// Answers scores that are out of range: with nothing.
    pub(in crate::job) fn refuse_prune(&mut self, header: &ScoreHeader) -> Result<(), JobError> {
        let answer = Question::Prune.path(self.directory, header.round, ANSWER);
        let parameters = Some(&self.setup.identity);
        let writer = Writer::create(&answer, Kind::RefreshAnswer, parameters)?;
        let (training, number) = (header.training.clone(), header.round);
        writer.commit(&AnswerHeader {
            key: self.setup.origin.key.clone(),
            training: training.clone(),
            number,
            seed: None,
        })?;
        self.answered.insert((Question::Prune, training, number));
        Ok(())
    }

    /// Answers whether to go on.
    pub(in crate::job) fn answer_stop(
        &mut self,
        name: Name,
        verdict: Verdict,
    ) -> Result<(), JobError> {
        let Name {
            training, number, ..
        } = name;
        let answer = Question::Stop.path(self.directory, number, ANSWER);
        let parameters = Some(&self.setup.identity);
        let writer = Writer::create(&answer, Kind::StopAnswer, parameters)?;
        writer.commit(&StopAnswerHeader {
            key: self.setup.origin.key.clone(),
            training: training.clone(),
            epoch: number,
            verdict,
        })?;
        self.answered.insert((Question::Stop, training, number));
        Ok(())
    }

    /// The requests in the directory, which need not exist yet.
    fn requests(&self) -> Result<Vec<(Question, PathBuf)>, JobError> {
        let entries = match fs::read_dir(self.directory) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(JobError::io(self.directory, "be listed"))?,
        };
        let mut requests = Vec::new();
        for entry in entries {
            let entry = entry.map_err(JobError::io(self.directory, "be listed"))?;
            for question in Question::ALL {
                let name = entry.file_name();
                if let Some(number) = question.number(&name.to_string_lossy(), REQUEST) {
                    requests.push((number, question, entry.path()));
                }
            }
        }
        requests.sort_unstable_by_key(|(number, ..)| *number);
        let requests = requests.into_iter();
        Ok(requests
            .map(|(_, question, path)| (question, path))
            .collect())
    }

    /// A request; nothing if it is answered or was withdrawn.
    fn read(&self, file: &Path) -> Result<Option<Received<B>>, JobError> {
        let Setup { plan, origin, .. } = self.setup;
        let Some(mut reader) = self.open(file, Kind::RefreshRequest)? else {
            return Ok(None);
        };
        let RequestHeader {
            key,
            training,
            number,
            of,
            vectors,
            level,
            to,
            bound,
        } = reader.header()?;
        if key != origin.key {
            let (file, keys) = (file.to_owned(), self.keys.to_owned());
            return Err(JobError::OtherKeys { file, keys });
        }
        if self
            .answered
            .contains(&(Question::Refresh, training.clone(), number))
        {
            return Ok(None);
        }
        let (level, to) = (Level(level), Level(to));
        // Only what the plan says is decrypted and encrypted anew.
        let of_scores = plan.pruning().map(|pruning| pruning.refreshes().iter());
        let all = plan.refreshes().into_iter();
        let mut all = all.chain(of_scores.into_iter().flatten().copied());
        let planned = all.find(|planned| {
            (planned.vectors, planned.to) == (vectors, to)
                && planned.bound.to_bits() == bound.to_bits()
        });
        let Some(planned) = planned.filter(|_| level <= plan.top()) else {
            let found = format!("{vectors} from {level} to {to}, bounded by {bound}");
            let what = "ciphertexts of the refresh";
            return Err(JobError::mismatch(file, what, found, "one of the plan"));
        };
        let ciphertext = store::read_pair(
            &mut reader,
            self.backend,
            self.setup,
            level,
            planned.vectors,
        )?;
        let request = RefreshRequest {
            ciphertext,
            to,
            bound,
        };
        Ok(Some(Received::Refresh {
            request,
            of,
            name: Name {
                file: file.to_owned(),
                training,
                number,
            },
        }))
    }

    /// The logits of an epoch; nothing if they are answered or were withdrawn.
    fn read_stop(&self, file: &Path) -> Result<Option<Received<B>>, JobError> {
        let Setup { plan, origin, .. } = self.setup;
        let Some(mut reader) = self.open(file, Kind::StopRequest)? else {
            return Ok(None);
        };
        let StopHeader {
            key,
            training,
            epoch,
            samples,
        } = reader.header()?;
        if key != origin.key {
            let (file, keys) = (file.to_owned(), self.keys.to_owned());
            return Err(JobError::OtherKeys { file, keys });
        }
        if self
            .answered
            .contains(&(Question::Stop, training.clone(), epoch))
        {
            return Ok(None);
        }
        let largest = plan.task().batch;
        if samples.is_empty() || samples.iter().any(|found| !(1..=largest).contains(found)) {
            let expected = format!("from 1 to {largest} in each ciphertext");
            let found = format!("{samples:?}");
            return Err(JobError::mismatch(
                file,
                "validation samples",
                found,
                expected,
            ));
        }
        let vectors = samples.len();
        let logits = store::read_pair(&mut reader, self.backend, self.setup, Level(0), vectors)?;
        Ok(Some(Received::Stop {
            logits,
            samples,
            name: Name {
                file: file.to_owned(),
                training,
                number: epoch,
            },
        }))
    }

    /// The scores of a round; nothing if they are answered or were withdrawn.
    fn read_prune(&self, file: &Path) -> Result<Option<Received<B>>, JobError> {
        let Some(mut reader) = self.open(file, Kind::PruneRequest)? else {
            return Ok(None);
        };
        let header = store::score_header(file, &reader, self.setup, self.keys)?;
        let name = (Question::Prune, header.training.clone(), header.round);
        if self.answered.contains(&name) {
            return Ok(None);
        }
        let scores = store::read_score_pair(&mut reader, self.backend, self.setup, &header)?;
        Ok(Some(Received::Prune {
            scores,
            header,
            file: file.to_owned(),
        }))
    }

    /// Answers which samples to keep.
    pub(in crate::job) fn answer_prune(
        &mut self,
        header: &ScoreHeader,
        mask: &Mask,
    ) -> Result<(), JobError> {
        let answer = Question::Prune.path(self.directory, header.round, ANSWER);
        store::write_mask(&answer, self.setup, &header.answer(), mask)?;
        let (training, round) = (header.training.clone(), header.round);
        self.answered.insert((Question::Prune, training, round));
        Ok(())
    }

    /// Opens a request; nothing if it was withdrawn.
    fn open(&self, file: &Path, kind: Kind) -> Result<Option<Reader<fs::File>>, JobError> {
        let expected = store::expected(kind, Some(&self.setup.identity));
        match Reader::open(file, &expected) {
            Err(FileError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(None),
            reader => Ok(Some(reader?)),
        }
    }

    /// Takes the message that the training is over out of the directory, if it is there.
    fn done(&self) -> Result<Option<Done>, JobError> {
        let path = self.directory.join(DONE);
        let Some(done) = read_done(&path)? else {
            return Ok(None);
        };
        // A failure is news only of a training that was answered: another one may be about to begin here. An end is also
        // told to an owner who was not needed, or was started anew.
        let served = self
            .answered
            .iter()
            .any(|(_, training, _)| *training == done.training);
        let end = served || done.finished && self.answered.is_empty();
        if !end {
            return Ok(None);
        }
        Ok(remove_done(&path)?.then_some(done))
    }
}

/// The message that the training is over; nothing if there is none. A server that begins or resumes a training may withdraw it
/// at any time.
fn read_done(path: &Path) -> Result<Option<Done>, JobError> {
    let bytes = match read_limited(path, MAX_DONE_BYTES) {
        Err(JobError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {
            return Ok(None);
        }
        bytes => bytes?,
    };
    let done = serde_json::from_slice(&bytes).map_err(|source| JobError::Json {
        file: path.to_owned(),
        what: "the end of a training",
        source,
    })?;
    Ok(Some(done))
}

/// Removes the message. Whether it was still there.
fn remove_done(path: &Path) -> Result<bool, JobError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        removed => {
            removed.map_err(JobError::io(path, "be removed"))?;
            Ok(true)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_that_was_withdrawn_is_no_message() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(DONE);
        assert!(read_done(&path).unwrap().is_none());
        assert!(!remove_done(&path).unwrap());
        fs::write(&path, r#"{"training": "mine", "finished": true}"#).unwrap();
        assert!(read_done(&path).unwrap().is_some_and(|done| done.finished));
        assert!(remove_done(&path).unwrap());
        fs::write(&path, "over").unwrap();
        assert!(read_done(&path).is_err());
    }
}

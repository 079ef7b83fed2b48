//! The owner's end: waits for requests, and answers.

use std::collections::HashSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use engine::backend::Backend;
use engine::ckks::Level;
use engine::protocol::{Fresh, RefreshRequest};

use super::{ANSWER, AnswerHeader, DONE, Done, POLL, REQUEST, RequestHeader, number, path};
use crate::file::{FileError, Kind, Reader, Writer};
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
    answered: HashSet<(String, usize)>,
}

/// A request, read and found sound.
pub(in crate::job) struct Received<B: Backend> {
    pub(in crate::job) request: RefreshRequest<B>,
    /// Requests there will be.
    pub(in crate::job) of: usize,
    training: String,
    number: usize,
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
            for path in self.requests()? {
                if let Some(received) = self.read(&path)? {
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
        received: Received<B>,
        fresh: Option<&Fresh<B>>,
    ) -> Result<(), JobError> {
        let Received {
            training, number, ..
        } = received;
        let answer = path(self.directory, number, ANSWER);
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
        self.answered.insert((training, number));
        Ok(())
    }

    /// The requests in the directory, which need not exist yet.
    fn requests(&self) -> Result<Vec<PathBuf>, JobError> {
        let entries = match fs::read_dir(self.directory) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(JobError::io(self.directory, "be listed"))?,
        };
        let mut requests = Vec::new();
        for entry in entries {
            let entry = entry.map_err(JobError::io(self.directory, "be listed"))?;
            if let Some(number) = number(&entry.file_name().to_string_lossy(), REQUEST) {
                requests.push((number, entry.path()));
            }
        }
        requests.sort_unstable();
        Ok(requests.into_iter().map(|(_, path)| path).collect())
    }

    /// A request; nothing if it is answered or was withdrawn.
    fn read(&self, file: &Path) -> Result<Option<Received<B>>, JobError> {
        let Setup {
            plan,
            identity,
            origin,
            ..
        } = self.setup;
        let expected = store::expected(Kind::RefreshRequest, Some(identity));
        let mut reader = match Reader::open(file, &expected) {
            Err(FileError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {
                return Ok(None);
            }
            reader => reader?,
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
        if self.answered.contains(&(training.clone(), number)) {
            return Ok(None);
        }
        let (level, to) = (Level(level), Level(to));
        // Only what the plan says is decrypted and encrypted anew.
        let planned = plan.refreshes().into_iter().find(|planned| {
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
        Ok(Some(Received {
            request,
            of,
            training,
            number,
        }))
    }

    /// Takes the message that the training is over out of the directory, if it is there.
    fn done(&self) -> Result<Option<Done>, JobError> {
        let path = self.directory.join(DONE);
        if !path.exists() {
            return Ok(None);
        }
        let bytes = read_limited(&path, MAX_DONE_BYTES)?;
        let done: Done = serde_json::from_slice(&bytes).map_err(|source| JobError::Json {
            file: path.clone(),
            what: "the end of a training",
            source,
        })?;
        // A failure is news only of a training that was answered: another one may be about to begin here. An end is also
        // told to an owner who was not needed, or was started anew.
        let served = self
            .answered
            .iter()
            .any(|(training, _)| *training == done.training);
        let end = served || done.finished && self.answered.is_empty();
        if !end {
            return Ok(None);
        }
        fs::remove_file(&path).map_err(JobError::io(&path, "be removed"))?;
        Ok(Some(done))
    }
}

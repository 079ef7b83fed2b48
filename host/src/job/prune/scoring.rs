//! Scores of all batches, one after the other, and the time that they take.

use std::time::Instant;

use engine::backend::Backend;
use engine::ckks::Ciphertext;
use engine::protocol::Server;

use super::super::{JobError, ScoreSeconds};
use super::rounds::Fetch;

/// Seconds from one moment to the next, when the device has done what was asked of it until then.
pub(super) struct Laps<'a, B> {
    backend: &'a B,
    since: Instant,
}

impl<'a, B: Backend> Laps<'a, B> {
    pub(super) fn new(backend: &'a B) -> Self {
        Self {
            backend,
            since: Instant::now(),
        }
    }

    pub(super) fn next(&mut self) -> Result<f64, JobError> {
        self.backend.wait()?;
        let now = Instant::now();
        let seconds = (now - self.since).as_secs_f64();
        self.since = now;
        Ok(seconds)
    }
}

/// The message to the owner: the scores of so many batches under a state that has been refreshed.
pub(super) fn score_batches<B: Backend>(
    backend: &B,
    server: &Server<'_, B>,
    state: &Ciphertext<B>,
    batches: usize,
    fetch: &mut Fetch<'_, B>,
) -> Result<(Ciphertext<B>, ScoreSeconds), JobError> {
    let mut laps = Laps::new(backend);
    let weights = server.score_weights(state)?;
    let (mut forward_seconds, mut score_seconds, mut read_seconds) = (laps.next()?, 0.0, 0.0);
    let mut scores = Vec::with_capacity(batches);
    for index in 0..batches {
        let batch = fetch(index)?;
        read_seconds += laps.next()?;
        let forward = server.score_forward(&weights, &batch)?;
        forward_seconds += laps.next()?;
        scores.push(server.score(&forward, &batch)?);
        score_seconds += laps.next()?;
    }
    let packed = server.pack_scores(&scores)?;
    score_seconds += laps.next()?;
    Ok((
        packed,
        ScoreSeconds::new(forward_seconds, score_seconds, read_seconds, batches),
    ))
}

//! The owner's side of a training: answers requests until it is over.

use std::sync::Arc;
use std::time::Instant;

use engine::backend::Backend;
use engine::ckks::{Encoder, EvalError};
use engine::protocol::Owner;

use super::event::Running;
use super::exchange::OwnerEnd;
use super::store::OwnerKey;
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
    let answering = Answering { config, key, begun };
    launch(&answering, config.device, config.threads, &params, observer)
}

struct Answering<'a> {
    config: &'a RefreshConfig,
    key: OwnerKey,
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
        let Self { config, key, begun } = self;
        let OwnerKey { setup, secret } = key;
        let encoder = Arc::new(Encoder::new(setup.params.degree()));
        let owner = Owner::new(backend, &setup.params, encoder, secret.clone());
        let (keys, exchange) = (&config.secret_key, &config.exchange);
        let mut end = OwnerEnd::new(backend, setup, keys, exchange, config.wait);
        let note = format!("waiting for requests in {}", exchange.display());
        observer.event(&Event::Note(note));
        let mut refreshes = 0;
        if let Some(mut received) = end.receive()? {
            let mut running = Running::begin(observer, Stage::Train, received.of);
            loop {
                let fresh = owner.refresh(&received.request, &random::secret_seed()?);
                if let Err(EvalError::OutOfRange { .. }) = fresh {
                    end.answer(received, None)?;
                    fresh?;
                    break;
                }
                end.answer(received, Some(&fresh?))?;
                refreshes += 1;
                running.advance();
                match end.receive()? {
                    Some(next) => received = next,
                    None => break,
                }
            }
            running.end();
        }
        Ok(RefreshReport {
            refreshes,
            seconds: begun.elapsed().as_secs_f64(),
        })
    }
}

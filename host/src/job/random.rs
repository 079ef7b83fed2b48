//! Random seeds, from the operating system only.

use engine::ring::sampling::Seed;

use super::JobError;
use crate::file::hexadecimal;

/// A seed that nobody else knows.
pub(super) fn secret_seed() -> Result<Seed, JobError> {
    let mut seed = Seed([0; 32]);
    getrandom::fill(&mut seed.0).map_err(JobError::Random)?;
    Ok(seed)
}

/// A seed of draws that everybody may see once they are made.
pub(super) fn public_seed() -> Result<Seed, JobError> {
    secret_seed()
}

/// A public name that nothing else has: 128 random bits in hexadecimal.
pub(super) fn fresh_id() -> Result<String, JobError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(JobError::Random)?;
    Ok(hexadecimal(&bytes))
}

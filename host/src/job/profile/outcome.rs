//! What an operation computed, in short.

use blake3::Hasher;
use engine::backend::Backend;
use engine::ckks::Ciphertext;

use crate::job::JobError;

/// Where an operation leaves its result: a hash of all its words, if they are asked for, which takes a download.
pub(super) struct Outcome<'a, B> {
    backend: &'a B,
    hasher: Option<Hasher>,
}

impl<'a, B: Backend> Outcome<'a, B> {
    /// One that nobody asks for.
    pub(super) fn ignored(backend: &'a B) -> Self {
        Self {
            backend,
            hasher: None,
        }
    }

    pub(super) fn hashed(backend: &'a B) -> Self {
        Self {
            backend,
            hasher: Some(Hasher::new()),
        }
    }

    pub(super) fn words(&mut self, buffer: &B::Buffer) -> Result<(), JobError> {
        if let Some(hasher) = &mut self.hasher {
            hasher.update(bytemuck::cast_slice(&self.backend.download(buffer)?));
        }
        Ok(())
    }

    pub(super) fn ciphertexts(&mut self, x: &Ciphertext<B>) -> Result<(), JobError> {
        if let Some(hasher) = &mut self.hasher {
            for half in x.download(self.backend)? {
                hasher.update(bytemuck::cast_slice(&half));
            }
        }
        Ok(())
    }

    /// In hexadecimal; nothing, if nobody asks for it.
    pub(super) fn digest(&self) -> String {
        let hash = self.hasher.as_ref().map(Hasher::finalize);
        hash.map_or_else(String::new, |hash| hash.to_string())
    }
}

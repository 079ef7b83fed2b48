//! How many rescalings a ciphertext has left.

/// The number of rescalings left. Says nothing about the number of limbs: that is
/// `Params::limbs_at`'s business.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub struct Level(pub usize);

impl std::fmt::Display for Level {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "level {}", self.0)
    }
}

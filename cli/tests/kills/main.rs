//! Trainings that are killed at any moment, and go on; limits of a process: the real program, as processes of its own.
#![expect(
    clippy::unwrap_used,
    reason = "all of this is a test, helpers among it"
)]

mod limits;
mod place;
mod pruned;
mod runs;
mod trainings;

/// Each kills one training several times.
const SEEDS: [u64; 3] = [1, 2, 3];

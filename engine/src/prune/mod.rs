//! Encrypted data pruning: train on the samples that matter, and change the choice every few epochs.
//!
//! A round has three parts. The server makes a [`Score`] of every encrypted sample; the owner decrypts them and answers with a
//! [`Mask`]: which samples to keep, by a [`Rule`], and with which weight; the server merges the kept samples of many ciphertexts
//! into few ([`MergePlan`], [`Merger`]) and trains on those. Merging always begins from the ciphertexts that the owner sent, so
//! its one level is spent once and never twice: they are encrypted one level above their first use, and no merged
//! ciphertext is refreshed.
//!
//! The procedure is HEPrune's (Zhang et al., NeurIPS 2024). What differs: the score `sum of |p_j - y_j|` of a probability vector
//! and a one-hot label is `2(1 - p_y)` exactly, so no sign is approximated; kept samples are drawn by importance sampling with
//! weights rather than being the hardest ones; all survivors that move by the same distance into the same ciphertext
//! move together, and with a quota for each row nothing moves at all.
//!
//! What a mask tells the server: which samples are kept, round by round. Under a rule by scores these are the ones that the
//! model finds hard, which says something of them; and a weight tells the score of a kept sample, coarsely
//! (see [`Rule::Importance`]).

mod candidate;
mod importance;
mod mask;
mod merge;
#[cfg(test)]
mod merge_tests;
mod merger;
mod plan;
mod quota;
mod schedule;
mod score;
mod scorer;
mod select;
mod sign;
#[cfg(test)]
mod tests;

pub use mask::{Kept, Mask, MaskError};
pub use merge::{FeatureGroup, LabelGroup, MergeMethod, MergePlan, MergeTotals, Move, Place};
pub use merger::{MergedBatch, Merger};
pub use plan::merge_rotations;
pub use schedule::{PruneSchedule, Round};
pub use score::{Score, clear_score, read_scores};
pub use scorer::{ScoreRefreshes, Scorer, score_budget};
pub use select::{Rule, Selection};

/// Whether survivors stay in their rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// A quota for each row: as many of the samples of every row of the tiles are kept as of any other. No survivor has to leave
    /// its row ([`MergeMethod::WithinRows`]), and merging needs no rotation of features.
    Rows,
    /// The best of all samples, wherever they are. Those that find no place in their own row are moved to another.
    Global,
}

/// What a training that prunes needs of keys and data: part of the plan that owner and server share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pruning {
    /// What samples are chosen by.
    pub score: Score,
    /// [`Scope::Global`] needs keys for moves between rows; with them both scopes can be used.
    pub scope: Scope,
}

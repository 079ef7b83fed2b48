//! Matrices in slots: column-major tiles, and weights as complex diagonals.
//!
//! A vector of `n` slots is a tile of `h` rows by `w` columns, slot `h * column + row`. The padded number of classes
//! `c'` divides `w`; `G = w/c'` and `K = c'/2`.
//!
//! - *Features*: a tile holds `h` samples by `w` features; `T` tiles side by side cover the features, `R <= G` row blocks
//!   the samples of a batch. For each tile a batch of `R` vectors.
//! - *Class columns* (logits, labels, probabilities, residuals): one vector; column `G q + r` is class `q` of row
//!   block `r`. The class sits in the high part of the slot index, so a sum over classes is a few clean rotations.
//! - *Weights in use*: diagonal `k` of tile `t`, the same in all rows, has in column `j` the weights of feature
//!   `t w + j` for class `j/G + k` (real part) and class `j/G + k + K` (imaginary part), modulo `c'`.
//! - *State*: the same diagonals for the weights and for the look-ahead weights, each in one row of a vector. `K` is cut
//!   into parts of `K'` diagonals, a tile and a part make a *unit*, and the rows are cut into `K'` groups of `h/K'`:
//!   pair `p` of group `k`, that is rows `2p` and `2p + 1` in it, holds diagonal `k` of the unit's weights and of its
//!   look-ahead weights. The last unit is the bias, in group 0: column `j` has the biases of classes `j/G` and `j/G + K`.
//!   Usually there is one part ([`Grouping::Packed`]), and all units fit one vector.

mod error;
mod layout;
mod matrices;

pub use error::PackingError;
pub use layout::{Grouping, Layout, MAX_CLASSES, Unit, WeightSet};

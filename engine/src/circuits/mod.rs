//! Programs over slot vectors; none touches a limb.

pub mod activation;
mod budget;
mod chebyshev;
mod ciphertexts;
mod clear;
mod compare;
mod costs;
mod inverse;
mod linear;
pub mod matmul;
mod noise;
pub mod packing;
mod phase;
mod polynomial;
mod reduce;
mod slots;
mod stages;

pub use budget::{Budget, Operation, Passage};
pub use chebyshev::Chebyshev;
pub use ciphertexts::{Ciphertexts, PlainVector, Refresh};
pub use clear::{Clear, ClearPlain, ClearVector};
pub use compare::Maximum;
pub use costs::{CostError, Costs, Curve};
pub use inverse::{Goldschmidt, Inverse};
pub use linear::{LinearMap, Rotations};
pub use noise::NoiseModel;
pub use phase::{Phase, Watch};
pub use polynomial::Polynomial;
pub use reduce::Comb;
pub(crate) use reduce::places;
pub use slots::{Parts, Slots};
pub use stages::{Aside, Course, LevelRange, RefreshPlan, Stage, StageCosts};

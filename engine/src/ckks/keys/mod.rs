//! Keys. Only [`SecretKey`] is secret; everything else may be given away.

mod evaluation;
mod generator;
mod name;
mod public;
mod secret;

pub use evaluation::{EvaluationKeys, KeyPlan, SwitchingKey};
pub use generator::KeyGenerator;
pub(super) use generator::{error, small};
pub use name::KeyName;
pub use public::PublicKey;
pub(super) use secret::SecretPoly;
pub use secret::{SPARSE_WEIGHT, SecretKey};

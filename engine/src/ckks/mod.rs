//! The CKKS scheme on RNS polynomials.

mod error;
mod level;

pub use error::EvalError;
pub use level::Level;

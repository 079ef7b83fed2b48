//! The CKKS scheme on RNS polynomials (Cheon, Kim, Kim, Song, ASIACRYPT'17), with levels as sets of limbs.

mod ciphertext;
mod decryptor;
mod encoder;
mod encryptor;
mod error;
mod evaluator;
mod keys;
mod level;
mod noise;
mod params;
mod plaintext;
pub mod presets;
pub mod security;

pub use ciphertext::Ciphertext;
pub use decryptor::Decryptor;
pub use encoder::Encoder;
pub use encryptor::Encryptor;
pub use error::EvalError;
pub use evaluator::{Evaluator, GiantStep, Tensor};
pub use keys::{
    EvaluationKeys, KeyGenerator, KeyName, KeyPlan, PublicKey, SPARSE_WEIGHT, SecretKey,
    SwitchingKey,
};
pub use level::Level;
pub use noise::Source;
pub use params::{MAX_NAME_BYTES, MAX_SCALE_DRIFT, Params, ParamsError, ParamsLiteral};
pub use plaintext::Plaintext;

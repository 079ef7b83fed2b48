//! Encrypted training of a linear classifier by Nesterov's method.
//!
//! [`Step`] is the program, written once for any [`Slots`](crate::circuits::Slots) machine; [`ExactTrainer`] is the same
//! training on `f64`, its judge. The owner cuts the data into batches ([`TrainOptions::batches`]), packs and encrypts
//! them ([`Layout`](crate::circuits::packing::Layout)); the server runs steps and has the state refreshed after each.
//!
//! With `lambda_0 = 0`, `lambda_(t+1) = (1 + sqrt(1 + 4 lambda_t^2))/2` and `gamma_t = (1 - lambda_t)/lambda_(t+1)`:
//!
//! `W_(t+1) = V_t - alpha/m (P(X V_t^T) - Y)^T X`, `V_(t+1) = (1 - gamma_t) W_(t+1) + gamma_t W_t`, from `t = 1` on
//! (at `t = 0` it would be `V_1 = W_0`: a step without effect).

mod budget;
mod exact;
mod gradient;
mod model;
mod optimizer;
mod options;
mod step;
mod stopping;
#[cfg(test)]
mod tests;

pub use budget::{fastest_plan, logits_budget, planned_budgets, step_budget};
pub use exact::{ExactTrainer, Precision};
pub use gradient::Head;
pub(crate) use gradient::PROBABILITY_BOUND;
pub use model::{Model, WEIGHT_BOUND};
pub use optimizer::momentum;
pub use options::TrainOptions;
pub(crate) use options::below;
pub use step::{Batch, Step, StepLevels, StepRefresh, stages};
pub use stopping::{Stopping, Verdict};

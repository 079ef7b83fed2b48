//! Two parties: the [`Owner`] of the data, who alone can decrypt, and a [`Server`] that trains on ciphertexts.
//!
//! The server is honest but curious: it runs the program of the [`Plan`] and looks at everything it holds. These are
//! all messages, in order:
//!
//! | message | from, to | holds | the receiver learns |
//! |---|---|---|---|
//! | evaluation keys ([`KeyName`](crate::ckks::KeyName)) | owner, server | switching keys, encryptions under the owner's key | the parameter set, and with the plan the numbers of features, classes and samples of a batch |
//! | training set ([`EncryptedBatch`], the start) | owner, server | ciphertexts | how many batches there are, and how many samples are in each; neither features nor labels |
//! | hyperparameters | either, to both | learning rate and epochs, public | themselves |
//! | [`RefreshRequest`] | server, owner | the state after a step: weights and look-ahead weights; within a step, where the plan says so: values between logits and probabilities of a batch | the weights after each step, and how its own samples stand; all of it the owner could compute |
//! | answer ([`Fresh`]) | owner, server | the same values, encrypted anew | that they lie within the bound that the plan says; otherwise the owner refuses, and the server learns that |
//! | validation set ([`Owner::encrypt_validation`]) | owner, server | ciphertexts | how many validation samples there are; neither features nor labels, which stay with the owner |
//! | validation logits ([`Server::validation_logits`]) | server, owner | after each epoch: the logits of the validation set under the weights so far | those, which it could compute from the weights |
//! | [`Verdict`](crate::train::Verdict) | owner, server | two bits | whether the epoch was the best so far by the owner's loss, and whether to stop: so how long the model went on getting better |
//! | scores ([`Server::pack_scores`]), where the training prunes | server, owner | for each sample of the training set its logits, or one number: how far its probabilities are from its label; and in the clear what the server asks to be kept ([`Selection`](crate::prune::Selection): share, rule, scope, class balance), which the owner obeys | those under the weights so far; from logits also the weights, all of which the owner could compute from the data and a model |
//! | [`Mask`](crate::prune::Mask) | owner, server | in the clear: a bit for each sample, and under importance sampling a weight for each kept one | which samples are kept in which round: under a rule by scores those that the model finds hard, so that it sees which samples stay hard, change, or are never kept; from a weight the score of a kept sample to within a factor of `2^(1/4)` up or down, relative to the mean score of the samples among which it was drawn: those of its row with a quota for each row, all samples with a global mask, and with class balance those of its class among these; no feature and no label, but what hardness says of them. Samples are numbered in the order of the encryption, which a seed decides that is no secret unless the owner makes it one: whoever knows it and the order of the data set knows which sample of the data set each bit is of |
//! | model | server, owner | the last state | the model |
//!
//! The server sees ciphertexts, shapes, public hyperparameters, and the time at which an answer comes.
//!
//! A decryption of CKKS holds the noise of its ciphertext, and noise and message together are linear equations in the
//! key: whoever gets decryptions of known ciphertexts can solve them (Li, Micciancio, EUROCRYPT'21: IND-CPA-D). So a
//! decryption never goes to the server. What it gets in answer to a request is a fresh encryption of rounded values,
//! with noise of its own, from a seed that is used once. A model that the owner publishes is a decryption too; it is
//! meant for recipients that do not hold the ciphertexts it came from.
//!
//! A verdict is the other answer that depends on decrypted values. It is two bits an epoch, of a loss over all validation samples, and
//! moves with noise only where two epochs are alike; a server that wants to learn more of it can only stop obeying the program.
//!
//! Where the server bootstraps, no refresh message is sent: it learns nothing, and the owner neither. Its keys then include two
//! that lead to a sparse secret and back, made for this and forgotten by the owner.

mod counting;
mod message;
mod owner;
mod plan;
mod plan_error;
mod program;
mod prune_plan;
mod server;
mod server_prune;
mod simulation;
mod simulation_prune;
mod task;
#[cfg(test)]
mod tests;

pub use crate::train::WEIGHT_BOUND;
pub use counting::{Counting, ScoringBudgets};
pub use message::{EncryptedBatch, Fresh, ReceivedBatch, RefreshRequest};
pub use owner::{ClearRows, Owner, OwnerError};
pub use plan::{Choice, Plan, ValidationLevels};
pub use plan_error::PlanError;
pub use program::BatchVectors;
pub use prune_plan::{DataLevels, PrunePlan};
pub use server::Server;
pub use server_prune::{Merging, ScoreWeights};
pub use simulation::Simulation;
pub use simulation_prune::ClearBatch;
pub use task::{RefreshBy, Task};

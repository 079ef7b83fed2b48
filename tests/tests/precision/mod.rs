//! Bits lost, against the promised bits.

mod activation;
mod circuits;
mod evaluator;

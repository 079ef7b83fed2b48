//! Bits lost, against the promised bits.

mod activation;
mod bootstrap;
mod circuits;
mod evaluator;

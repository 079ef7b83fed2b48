//! Bits lost, against the promised bits.

mod bootstrap;
mod circuits;
mod evaluator;

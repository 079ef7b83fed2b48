//! Bits lost, against the promised bits.

mod circuits;
mod evaluator;

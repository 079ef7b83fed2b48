//! Bits lost, against the promised bits.

mod evaluator;

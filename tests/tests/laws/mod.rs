//! Algebraic laws, against big integers.

mod basis;
mod key_switch;

//! Programs over slot vectors; none touches a limb.

mod slots;

pub use slots::Slots;

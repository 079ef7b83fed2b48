//! Rotations of slots and the automorphisms that make them.

/// A rotation of the slots to the left by this many places; negative: to the right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Rotation(pub i32);

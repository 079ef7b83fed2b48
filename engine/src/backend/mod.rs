#![doc = include_str!("contract.md")]

mod basis_ops;
mod error;
mod gadget_ops;
mod poly;
mod reference;
mod ring_ops;
mod shape;
mod transfer;

pub use basis_ops::BasisOps;
pub use error::BackendError;
pub use gadget_ops::{GadgetKey, GadgetOps};
pub use poly::{Coeff, Domain, Eval, Poly};
pub use reference::{Reference, ReferenceBuffer};
pub use ring_ops::{PairOfPairs, RingOps};
pub use shape::Shape;
pub use transfer::Transfer;

/// A device: everything the scheme asks of a machine.
pub trait Backend: RingOps + BasisOps + GadgetOps + Send + Sync + Sized {
    /// Its name in reports.
    const NAME: &'static str;
}

//! Which evaluation key a switching key is, and what it looks like.

use super::{EvaluationKeys, KeyPlan, SwitchingKey};
use crate::backend::{Backend, Shape};
use crate::ckks::{Level, Params};
use crate::ring::{Digit, GaloisElement, Rotation};

/// Which evaluation key a switching key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyName {
    /// For products.
    Relinearization,
    /// For the complex conjugation.
    Conjugation,
    /// From the secret to the sparse one of a bootstrap, at level 0.
    ToSparse,
    /// From the sparse secret back, at the top level.
    ToDense,
    /// For one rotation.
    Rotation(Rotation),
}

impl KeyName {
    /// The keys of a plan in the order in which they are made and sent, each with its highest level.
    #[must_use]
    pub fn all(params: &Params, plan: &KeyPlan) -> Vec<(Self, Level)> {
        let sparse = |level| plan.encapsulation.then_some(level);
        let single = [
            (Self::Relinearization, plan.relinearization),
            (Self::Conjugation, plan.conjugation),
            (Self::ToSparse, sparse(Level(0))),
            (Self::ToDense, sparse(params.top_level())),
        ];
        let single = single
            .into_iter()
            .filter_map(|(name, level)| Some((name, level?)));
        let rotations = plan
            .rotations
            .iter()
            .map(|(by, level)| (Self::Rotation(*by), *level));
        single.chain(rotations).collect()
    }

    /// Puts a key in its place.
    pub fn insert<B: Backend>(
        self,
        keys: &mut EvaluationKeys<B>,
        degree: usize,
        key: SwitchingKey<B>,
    ) {
        let element = match self {
            Self::Relinearization => {
                keys.relinearization = Some(key);
                return;
            }
            Self::ToSparse => {
                keys.to_sparse = Some(key);
                return;
            }
            Self::ToDense => {
                keys.to_dense = Some(key);
                return;
            }
            Self::Conjugation => GaloisElement::conjugation(degree),
            Self::Rotation(by) => GaloisElement::of(by, degree),
        };
        keys.galois.insert(element, key);
    }

    /// The shape of each half of a pair of this key up to a level.
    #[must_use]
    pub fn shape(self, params: &Params, level: Level) -> Shape {
        let basis = match self {
            Self::ToSparse => params
                .basis(Level(0))
                .union(&params.encapsulation_special()),
            Self::ToDense => params.basis(level).union(&params.ring().special()),
            Self::Relinearization | Self::Conjugation | Self::Rotation(_) => {
                params.key_basis(level)
            }
        };
        Shape { batch: 1, basis }
    }

    /// The digits of this key up to a level. What is switched to and from the sparse secret is small: one digit.
    #[must_use]
    pub fn digits(self, params: &Params, level: Level) -> Vec<Digit> {
        match self {
            Self::ToSparse | Self::ToDense => vec![Digit(0)],
            Self::Relinearization | Self::Conjugation | Self::Rotation(_) => {
                let digits = params.ring().digits().at(&params.key_basis(level));
                digits.into_iter().map(|(digit, _)| digit).collect()
            }
        }
    }

    /// Bytes of both halves of all pairs.
    #[must_use]
    pub fn bytes(self, params: &Params, level: Level) -> usize {
        let words = self.shape(params, level).rows() * params.degree();
        2 * self.digits(params, level).len() * words * size_of::<u32>()
    }
}

//! Limbs and scales of the levels.

use super::{ParamsError, ParamsLiteral};
use crate::ring::{Basis, LimbIndex, RingContext};

pub(super) fn bases(literal: &ParamsLiteral) -> Result<Vec<Basis>, ParamsError> {
    let (mains, terminals) = (literal.main_primes.len(), literal.terminal_primes.len());
    let parts = [
        literal.app_levels,
        literal.stc,
        literal.evalmod,
        literal.cts,
    ];
    let sum = parts.into_iter().fold(1, usize::saturating_add);
    if sum != literal.levels.len() {
        let (name, levels) = (literal.name.clone(), literal.levels.len());
        return Err(ParamsError::LevelCount { name, sum, levels });
    }
    let levels = literal.levels.iter().enumerate();
    let bases = levels.map(|(level, &[main, terminal])| {
        if main > mains || terminal > terminals || main + terminal == 0 {
            let name = literal.name.clone();
            return Err(ParamsError::Level {
                name,
                level,
                main,
                terminal,
                mains,
                terminals,
            });
        }
        let limbs: Vec<LimbIndex> = (0..terminal).chain(terminals..terminals + main).collect();
        Ok(Basis::new(limbs))
    });
    bases.collect()
}

/// `s_(l+1) = sqrt(s_l Q_(l+1)/Q_l)` from the given scale at level 0: exact, and it damps every deviation by half a level.
/// The levels of a bootstrap start anew, from the scale of the highest level for use times the gain, which comes second.
pub(super) fn scales(
    literal: &ParamsLiteral,
    ring: &RingContext,
    bases: &[Basis],
) -> (Vec<f64>, f64) {
    let gain = if literal.evalmod > 0 {
        // With the sine's error e z^3 and a factor 1 + 3e/4, a value z is off by e (3z/4 - z^3): by e/4 at most.
        let angle = std::f64::consts::TAU * (-literal.message_bits).exp2();
        (1.0 + 0.75 * angle * angle / 6.0) / angle
    } else {
        1.0
    };
    // Not by logarithms of the moduli: those are so large that a double keeps 43 bits of their difference, which is seen
    // after a bootstrap.
    let mut scale = literal.log_scale.exp2();
    let mut scales = vec![scale];
    for (level, step) in bases.windows(2).enumerate() {
        if level == literal.app_levels + literal.stc {
            scale *= gain;
        }
        scale = (scale * rescale_factor(ring, &step[1], &step[0])).sqrt();
        scales.push(scale);
    }
    (scales, gain)
}

/// What rescaling divides by: the product of the limbs that go over that of the limbs that come.
pub(super) fn rescale_factor(ring: &RingContext, from: &Basis, to: &Basis) -> f64 {
    let product = |limbs: Basis| {
        let moduli = limbs.iter().map(|limb| ring.modulus(limb).value());
        moduli.map(f64::from).product::<f64>()
    };
    product(from.difference(to)) / product(to.difference(from))
}

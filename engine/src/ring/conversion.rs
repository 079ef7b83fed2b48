//! Conversion between bases: mod-up, mod-down, rescale. Tables, and the formula for one word.
//!
//! The conversion is *centred*: the residues `x mod D` name the integer of least magnitude, and that integer is reduced
//! modulo each target. With `y_i = x (D/d_i)^-1 mod d_i`, `x = sum y_i (D/d_i) - u D` where `u` is the nearest integer to
//! `sum y_i / d_i`. The sum is taken in fixed point with 24 fraction bits, so every device finds the same `u`; it can
//! be off by one only if `x/D` lies within `2^-19` of one half, where either choice is as good. (The fast conversion
//! of Bajard et al. leaves out `u`; Halevi, Polyakov and Shoup, CT-RSA'19, section 2.2, compute it in floating point.)

use super::{Basis, RingContext};
use crate::arith::{Modulus, ShoupFactor, WORD_BITS, WideWord, Word};

/// Fraction bits of `y_i / d_i`.
pub const FRACTION_BITS: u32 = 24;
/// Most limbs a conversion starts from: so many products of words below `2^30`, and the overflow's, fit a wide word.
pub const MAX_SOURCES: usize = 16;

/// `floor(y * 2^24 / d)` up to one unit, for `y` in `[0, d)` and `factor = floor(2^56 / d)`.
#[must_use]
pub const fn fraction_word(y: Word, factor: Word) -> Word {
    ((y as WideWord * factor as WideWord) >> WORD_BITS) as Word
}

/// The nearest integer to a sum of at most [`MAX_SOURCES`] fractions.
#[must_use]
pub const fn overflow(fractions: Word) -> Word {
    (fractions + (1 << (FRACTION_BITS - 1))) >> FRACTION_BITS
}

/// Constants of one conversion from the limbs `sources` to the limbs `targets`.
#[derive(Clone, Debug)]
pub struct BaseConversion {
    sources: Basis,
    targets: Basis,
    scale: Vec<ShoupFactor>,
    fraction: Vec<Word>,
    weights: Vec<Vec<Word>>,
    overflow: Vec<Word>,
}

impl BaseConversion {
    /// The conversion of `x` given modulo `sources` to `c * x` modulo `targets`; `c` is a constant of each limb.
    fn new(
        context: &RingContext,
        sources: &Basis,
        targets: &Basis,
        source_constant: impl Fn(Modulus) -> Word,
        target_constant: impl Fn(usize, Modulus) -> Word,
    ) -> Self {
        let moduli: Vec<_> = sources.iter().map(|limb| context.modulus(limb)).collect();
        let cofactor = |i: usize, q: Modulus| {
            let others = moduli.iter().enumerate().filter(|(j, _)| *j != i);
            others.fold(1, |product, (_, d)| q.mul(product, d.value()))
        };
        let scale = moduli
            .iter()
            .enumerate()
            .map(|(i, d)| ShoupFactor::new(d.mul(d.inv(cofactor(i, *d)), source_constant(*d)), *d));
        #[expect(
            clippy::cast_possible_truncation,
            reason = "d > 2^24, checked by the context"
        )]
        let fraction = moduli
            .iter()
            .map(|d| ((1u64 << (WORD_BITS + FRACTION_BITS)) / u64::from(d.value())) as Word);
        let target_moduli = || targets.iter().map(|limb| (limb, context.modulus(limb)));
        let weights = target_moduli().map(|(limb, p)| {
            let c = target_constant(limb, p);
            (0..moduli.len())
                .map(|i| p.mul(cofactor(i, p), c))
                .collect()
        });
        let overflow = target_moduli().map(|(limb, p)| {
            let product = moduli
                .iter()
                .fold(1, |product, d| p.mul(product, d.value()));
            p.neg(p.mul(product, target_constant(limb, p)))
        });
        Self {
            scale: scale.collect(),
            fraction: fraction.collect(),
            weights: weights.collect(),
            overflow: overflow.collect(),
            sources: sources.clone(),
            targets: targets.clone(),
        }
    }

    /// Mod-up: the digit given modulo `sources` to `targets`.
    #[must_use]
    pub fn mod_up(context: &RingContext, sources: &Basis, targets: &Basis) -> Self {
        Self::new(context, sources, targets, |_| 1, |_, _| 1)
    }

    /// The limbs converted from.
    #[must_use]
    pub fn sources(&self) -> &Basis {
        &self.sources
    }

    /// The limbs converted to.
    #[must_use]
    pub fn targets(&self) -> &Basis {
        &self.targets
    }

    /// The factor that makes `y_i` of the source in row `i`.
    #[must_use]
    pub fn scale(&self) -> &[ShoupFactor] {
        &self.scale
    }

    /// `floor(2^56 / d_i)` of each source.
    #[must_use]
    pub fn fraction(&self) -> &[Word] {
        &self.fraction
    }

    /// For each target, the weight of each source.
    #[must_use]
    pub fn weights(&self) -> &[Vec<Word>] {
        &self.weights
    }

    /// For each target, the weight of the overflow `u`.
    #[must_use]
    pub fn overflow(&self) -> &[Word] {
        &self.overflow
    }

    /// The residue in target row `row` for scaled sources `y`, each in `[0, d_i)`; the result is in `[0, p)`.
    #[must_use]
    pub fn word(&self, y: &[Word], row: usize, p: Modulus) -> Word {
        debug_assert!(y.len() == self.sources.len() && y.len() <= MAX_SOURCES);
        let fractions = y
            .iter()
            .zip(&self.fraction)
            .map(|(y, f)| fraction_word(*y, *f))
            .sum();
        let products = y.iter().zip(&self.weights[row]);
        let sum = products
            .map(|(y, w)| WideWord::from(*y) * WideWord::from(*w))
            .sum::<WideWord>();
        p.reduce_wide(
            sum + WideWord::from(overflow(fractions)) * WideWord::from(self.overflow[row]),
        )
    }
}

/// Division by a product of limbs, with rounding: from the limbs `S` to the limbs `T`,
/// `x -> round(x * prod(T \ S) / prod(S \ T))`.
///
/// The limbs of `S \ T` go, those of `T \ S` come in. Mod-down by the special limbs, rescale, rational rescale and both at
/// once are all of this form.
#[derive(Clone, Debug)]
pub struct ModDown {
    conversion: BaseConversion,
    factor: Vec<ShoupFactor>,
    common: Vec<Option<usize>>,
}

impl ModDown {
    /// The division from the limbs `from` to the limbs `to`.
    #[must_use]
    pub fn new(context: &RingContext, from: &Basis, to: &Basis) -> Self {
        let (dropped, restored) = (from.difference(to), to.difference(from));
        let product = |limbs: &Basis, q: Modulus| {
            limbs
                .iter()
                .fold(1, |p, limb| q.mul(p, context.modulus(limb).value()))
        };
        // For a limb kept, out = (x - c') R/D with c' = [x R]_D / R; for one restored, out = (0 - c') / D with c' = [x R]_D.
        let is_kept = |limb| from.row(limb).is_some();
        let conversion = BaseConversion::new(
            context,
            &dropped,
            to,
            |d| product(&restored, d),
            |limb, p| {
                if is_kept(limb) {
                    p.inv(product(&restored, p))
                } else {
                    1
                }
            },
        );
        let factor = to.iter().map(|limb| {
            let p = context.modulus(limb);
            let inverse = p.inv(product(&dropped, p));
            let value = if is_kept(limb) {
                p.mul(inverse, product(&restored, p))
            } else {
                inverse
            };
            ShoupFactor::new(value, p)
        });
        let common = to.iter().map(|limb| from.row(limb)).collect();
        Self {
            factor: factor.collect(),
            conversion,
            common,
        }
    }

    /// The conversion from the limbs that go to all limbs that stay or come.
    #[must_use]
    pub fn conversion(&self) -> &BaseConversion {
        &self.conversion
    }

    /// For each target row, the factor of the difference.
    #[must_use]
    pub fn factor(&self) -> &[ShoupFactor] {
        &self.factor
    }

    /// For each target row, the source row of the same limb; none for a limb that comes in (its source counts as zero).
    #[must_use]
    pub fn common(&self) -> &[Option<usize>] {
        &self.common
    }

    /// `(x - converted) * factor` for `x` and `converted` in `[0, p)`; the result is in `[0, p)`.
    #[must_use]
    pub const fn word(x: Word, converted: Word, factor: ShoupFactor, p: Modulus) -> Word {
        p.mul_shoup(p.sub(x, converted), factor)
    }
}

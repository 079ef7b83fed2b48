//! Sums over blocks of slots, and their inverse: one slot spread over its block. Both by doubling.

use super::Slots;
use crate::ckks::EvalError;
use crate::ring::Rotation;

/// Slots `stride * i`, `i` in `0..count`, of each aligned block of `stride * count` slots. `count` is a power of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Comb {
    /// Distance of neighbouring slots.
    pub stride: usize,
    /// Slots in a comb.
    pub count: usize,
}

impl Comb {
    /// In slot `stride * target` of each block: the sum over the comb. Other slots hold sums of other neighbours.
    ///
    /// The rotation for each bit of `target` goes towards the partner of the target, so that no sum leaves its block.
    ///
    /// # Cost
    /// No level, `log2(count)` key switches.
    ///
    /// # Errors
    /// [`EvalError::MissingRotation`].
    pub fn sum_into<S: Slots>(
        self,
        machine: &S,
        x: &S::Vector,
        target: usize,
    ) -> Result<S::Vector, EvalError> {
        let mut sum = x.clone();
        let mut step = self.count / 2;
        while step >= 1 {
            let towards = if target & step == 0 { 1 } else { -1 };
            let moved = machine.rotate(&sum, places(self.stride * step, towards))?;
            sum = machine.add(&sum, &moved)?;
            step /= 2;
        }
        Ok(sum)
    }

    /// The value of slot `stride * source` of each block in the whole comb of that block.
    ///
    /// # Range
    /// All other slots are zero.
    ///
    /// # Cost
    /// No level, `log2(count)` key switches.
    ///
    /// # Errors
    /// [`EvalError::MissingRotation`].
    pub fn spread_from<S: Slots>(
        self,
        machine: &S,
        x: &S::Vector,
        source: usize,
    ) -> Result<S::Vector, EvalError> {
        let mut filled = x.clone();
        let mut step = 1;
        while step < self.count {
            let away = if source & step == 0 { -1 } else { 1 };
            let moved = machine.rotate(&filled, places(self.stride * step, away))?;
            filled = machine.add(&filled, &moved)?;
            step *= 2;
        }
        Ok(filled)
    }
}

/// A rotation by `distance` slots to the left (`direction` 1) or to the right (-1).
///
/// # Range
/// `distance` below `2^31`: slot counts are far smaller.
pub(crate) fn places(distance: usize, direction: i32) -> Rotation {
    debug_assert!(i32::try_from(distance).is_ok());
    Rotation(i32::try_from(distance).unwrap_or(i32::MAX) * direction)
}

/// The rotations by `offset * stride` slots to the left, hoisted; the vector itself for offset 0.
///
/// # Errors
/// [`EvalError::MissingRotation`].
pub(crate) fn shifts<S: Slots>(
    machine: &S,
    x: &S::Vector,
    stride: usize,
    offsets: impl Iterator<Item = isize>,
) -> Result<Vec<S::Vector>, EvalError> {
    let offsets: Vec<isize> = offsets.collect();
    let by: Vec<Rotation> = offsets
        .iter()
        .filter(|&&offset| offset != 0)
        .map(|&offset| {
            places(
                stride * offset.unsigned_abs(),
                if offset < 0 { -1 } else { 1 },
            )
        })
        .collect();
    let mut moved = machine.rotate_many(x, &by)?.into_iter();
    let mut all = Vec::with_capacity(offsets.len());
    for offset in offsets {
        let next = if offset == 0 {
            Some(x.clone())
        } else {
            moved.next()
        };
        all.push(next.ok_or(EvalError::Empty { op: "rotate_many" })?);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use num_complex::Complex64;
    use proptest::prelude::*;

    use super::*;
    use crate::circuits::Clear;
    use crate::ckks::Level;

    proptest! {
        #[test]
        fn sum_and_spread_stay_in_their_blocks(
            log_stride in 0usize..4, log_count in 0usize..4, pick in 0usize..64,
        ) {
            let machine = Clear::exact(256);
            let comb = Comb { stride: 1 << log_stride, count: 1 << log_count };
            let (block, target) = (comb.stride * comb.count, pick % comb.count);
            let values: Vec<Complex64> =
                (0..256).map(|i| Complex64::new(f64::from(i), f64::from(i * i % 17))).collect();
            let x = machine.vector(std::slice::from_ref(&values), Level(1)).unwrap();
            let sum = machine.values(&comb.sum_into(&machine, &x, target).unwrap()).remove(0);
            let at = |slot: usize| slot / block * block + comb.stride * target;
            for start in (0..256).step_by(block) {
                let want: Complex64 = (0..comb.count).map(|i| values[start + i * comb.stride]).sum();
                prop_assert_eq!(sum[at(start)], want);
            }
            let masked = (0..256)
                .map(|slot| if slot == at(slot) { values[slot] } else { Complex64::ZERO })
                .collect();
            let x = machine.vector(&[masked], Level(1)).unwrap();
            let filled = machine.values(&comb.spread_from(&machine, &x, target).unwrap()).remove(0);
            for slot in (0..256).filter(|slot| slot % block % comb.stride == 0) {
                prop_assert_eq!(filled[slot], values[at(slot)]);
            }
        }
    }
}

//! Places for survivors: greedy moves between rows, and what the published algorithm would do.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::merge::Place;
use crate::circuits::packing::Layout;
use crate::circuits::places;
use crate::ring::Rotation;

/// A distance as a sum of powers of two with signs, the fewest there are (the non-adjacent form).
pub(super) fn powers(shift: isize) -> Vec<isize> {
    let mut rest = shift;
    let mut power = 1;
    let mut found = Vec::new();
    while rest != 0 {
        if rest % 2 != 0 {
            // Of two odd ways the one that leaves a multiple of four.
            let digit = 2 - rest.rem_euclid(4);
            found.push(digit * power);
            rest -= digit;
        }
        rest /= 2;
        power *= 2;
    }
    found
}

/// The rotations that moves between rows are made of: by powers of two below the height, both ways.
#[must_use]
pub fn merge_rotations(layout: &Layout) -> Vec<Rotation> {
    let powers = (0..layout.height().ilog2()).map(|log| 1usize << log);
    // The non-adjacent form of a distance just below the height has the height itself in it.
    let powers = powers.chain([layout.height()]);
    powers
        .flat_map(|power| [places(power, 1), places(power, -1)])
        .collect()
}

/// For each survivor a row block of `total` and a row in it, all different.
///
/// Whoever finds room stays in its row, in the order of the survivors, so that those of one source go to few targets. What is
/// left of full rows goes to free ones, the most at a time for each key switch.
///
/// Rows that do not fill all blocks leave the last ones empty; or, if each block is a mini-batch of its own, different ones, so
/// that no mini-batch has a few samples only.
pub(super) fn targets(
    layout: &Layout,
    total: usize,
    survivors: &[(Place, f32)],
) -> Vec<(usize, usize)> {
    let (height, are_batches) = (layout.height(), layout.row_blocks() == 1);
    let mut found = vec![(usize::MAX, 0); survivors.len()];
    // By row: survivors without a place.
    let mut waiting: Vec<Vec<usize>> = vec![Vec::new(); height];
    for (index, (place, _)) in survivors.iter().enumerate() {
        waiting[place.row].push(index);
    }
    let mut free = vec![vec![true; height]; total];
    for (row, waiting) in waiting.iter_mut().enumerate() {
        let staying = waiting.len().min(total);
        let first_empty = if are_batches { row % total } else { staying };
        let blocks = blocks_but(total, total - staying, first_empty);
        for (index, block) in waiting.drain(..staying).zip(blocks) {
            found[index] = (block, row);
            free[block][row] = false;
        }
    }
    while waiting.iter().any(|row| !row.is_empty()) {
        let Some((block, shift)) = best_group(height, &waiting, &free) else {
            break;
        };
        for (row, waiting) in waiting.iter_mut().enumerate() {
            let Some(target) = row.checked_add_signed(-shift).filter(|&row| row < height) else {
                continue;
            };
            if free[block][target]
                && let Some(index) = waiting.pop()
            {
                free[block][target] = false;
                found[index] = (block, target);
            }
        }
    }
    found
}

/// All of `total` blocks in their order but for so many from the first empty one on, round and round.
fn blocks_but(total: usize, empty: usize, first_empty: usize) -> impl Iterator<Item = usize> {
    (0..total).filter(move |block| (block + total - first_empty) % total >= empty)
}

/// The block and the shift to the left that place the most survivors for each key switch.
fn best_group(height: usize, waiting: &[Vec<usize>], free: &[Vec<bool>]) -> Option<(usize, isize)> {
    let reach = height.cast_signed() - 1;
    let rows: Vec<usize> = (0..height)
        .filter(|&row| !waiting[row].is_empty())
        .collect();
    let mut best = None;
    for (block, free) in free.iter().enumerate() {
        if !free.contains(&true) {
            continue;
        }
        for shift in (-reach..=reach).filter(|&shift| shift != 0) {
            let target = |row: &&usize| {
                let target = row.checked_add_signed(-shift);
                target.is_some_and(|row| free.get(row) == Some(&true))
            };
            let placed = rows.iter().filter(target).count();
            // Placed for each key switch, compared as fractions.
            let switches = powers(shift).len();
            let better =
                |&(most, per, ..): &(usize, usize, usize, isize)| placed * per > most * switches;
            if placed > 0 && best.as_ref().is_none_or(better) {
                best = Some((placed, switches, block, shift));
            }
        }
    }
    best.map(|(_, _, block, shift)| (block, shift))
}

/// For each survivor the row block and the row where HEPrune's algorithm (`cwp.cpp`) puts it: sources in falling order of
/// survivors; the first survivor of the last source goes to the first free row of the first source that has one, until they
/// meet.
pub(super) fn naive_targets(height: usize, survivors: &[(Place, f32)]) -> Vec<(usize, usize)> {
    let mut sources: BTreeMap<(usize, usize), Vec<Option<usize>>> = BTreeMap::new();
    for (index, (place, _)) in survivors.iter().enumerate() {
        let rows = sources.entry((place.batch, place.block));
        rows.or_insert_with(|| vec![None; height])[place.row] = Some(index);
    }
    let mut sources: Vec<Vec<Option<usize>>> = sources.into_values().collect();
    sources.sort_by_cached_key(|rows| Reverse(rows.iter().flatten().count()));
    let (mut front, mut back) = (0, sources.len().saturating_sub(1));
    while front < back {
        let free = sources[front].iter().position(Option::is_none);
        let last = sources[back].iter().position(Option::is_some);
        match (free, last) {
            (Some(free), Some(last)) => sources[front][free] = sources[back][last].take(),
            (None, _) => front += 1,
            (_, None) => back -= 1,
        }
    }
    let mut found = vec![(usize::MAX, 0); survivors.len()];
    for (block, rows) in sources.iter().enumerate() {
        for (row, index) in rows.iter().enumerate() {
            if let Some(index) = index {
                found[*index] = (block, row);
            }
        }
    }
    found
}

/// Survivors that HEPrune's algorithm rotates.
pub(super) fn naive_moves(height: usize, survivors: &[(Place, f32)]) -> usize {
    let targets = naive_targets(height, survivors);
    let moved = survivors.iter().zip(targets);
    moved
        .filter(|((place, _), (_, row))| place.row != *row)
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_sums_of_few_powers() {
        for shift in -1100isize..=1100 {
            let powers = powers(shift);
            assert_eq!(powers.iter().sum::<isize>(), shift);
            assert!(
                powers
                    .iter()
                    .all(|power| power.unsigned_abs().is_power_of_two())
            );
            assert!(powers.len() <= (shift.unsigned_abs().max(1).ilog2() as usize + 3) / 2);
        }
        assert_eq!(powers(127), [-1, 128]);
    }
}

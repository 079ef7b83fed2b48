//! Merged sets, sample by sample, against the kept ones.

use num_complex::Complex64;
use proptest::prelude::*;

use super::tests::{RULES, layout, scores, selection};
use super::*;
use crate::circuits::packing::{Grouping, Layout};
use crate::circuits::{Clear, ClearVector, Operation};
use crate::ckks::Level;
use crate::ring::sampling::Seed;

proptest! {
    #[test]
    fn every_survivor_is_merged_once_and_nothing_else(
        samples in prop::collection::vec(1usize..128, 1..6), keep in 0.001f64..=1.0, seed in any::<u64>(),
        rule in prop::sample::select(RULES.to_vec()), balance in any::<bool>(), global in any::<bool>(), naive in any::<bool>(),
        features in 1usize..40,
    ) {
        let layout = layout(features, 128);
        let (scope, method) = match (global, naive) {
            (_, true) => (Scope::Global, MergeMethod::Naive),
            (true, _) => (Scope::Global, MergeMethod::Planned),
            _ => (Scope::Rows, MergeMethod::WithinRows),
        };
        let (scores, classes) = scores(&samples, seed);
        let selection = selection(keep, rule, balance, scope);
        let mask = selection.choose(&layout, &scores, &classes, &Seed([2; 32])).unwrap();
        let blocks = selection.row_blocks(&layout, &samples, method);
        check_merged(&layout, &mask, method, blocks)?;
    }
}

/// A sample has its own number as its features, times the feature.
fn value(batch: usize, sample: usize, feature: usize) -> f64 {
    (1000 * batch + sample + 1) as f64 * (feature + 1) as f64
}

fn class(batch: usize, sample: usize) -> usize {
    (batch + 7 * sample) % 3
}

/// Merges on clear slots, into so many row blocks, and looks at every row.
fn check_merged(
    layout: &Layout,
    mask: &Mask,
    method: MergeMethod,
    blocks: usize,
) -> Result<(), TestCaseError> {
    let plan = MergePlan::new(layout, mask, method);
    let machine = Clear::exact(layout.slots());
    let mut merger = Merger::new(layout, &plan);
    for (batch, &samples) in mask.samples().iter().enumerate() {
        let x: Vec<f64> = (0..samples)
            .flat_map(|s| (0..layout.features()).map(move |f| value(batch, s, f)))
            .collect();
        let labels: Vec<usize> = (0..samples).map(|s| class(batch, s)).collect();
        let tiles = layout.pack_features(&x).unwrap();
        let tile = |tile: &Vec<Vec<Complex64>>| machine.vector(tile, Level(3)).unwrap();
        let tiles: Vec<ClearVector> = tiles.iter().map(tile).collect();
        let labels = layout.pack_labels(&labels).unwrap();
        let labels = machine.vector(&[labels], Level(2)).unwrap();
        merger.absorb(&machine, batch, &tiles, &labels).unwrap();
    }
    let merged = merger.finish(&machine).unwrap();
    prop_assert_eq!(plan.row_blocks().iter().sum::<usize>(), blocks);
    prop_assert_eq!(merged.len(), blocks.div_ceil(layout.row_blocks()));
    let budget = machine.take_budget();
    let totals = plan.totals();
    prop_assert_eq!(budget.key_switches(), totals.key_switches as u64);
    prop_assert_eq!(
        budget.count(Operation::PlainProduct),
        totals.products as u64
    );
    if method == MergeMethod::WithinRows {
        prop_assert_eq!(totals.feature_rotations, 0);
    }
    if method == MergeMethod::Naive {
        let rows = plan
            .features()
            .iter()
            .filter(|group| group.shift != 0)
            .count();
        prop_assert_eq!(totals.naive_rotations, (layout.tiles() + 1) * rows);
    }

    let mut found = Vec::new();
    for (index, batch) in merged.iter().enumerate() {
        let blocks = plan.row_blocks()[index];
        let small = layout.with_row_blocks(blocks);
        let weights = plan.weights(layout, index);
        let columns = small
            .unpack_columns(&machine.values(&batch.labels)[0], small.batch())
            .unwrap();
        for tile in &batch.features {
            prop_assert_eq!(crate::circuits::Slots::level(&machine, tile), Level(2));
        }
        let tiles: Vec<_> = batch
            .features
            .iter()
            .map(|tile| machine.values(tile))
            .collect();
        for place in 0..blocks * layout.height() {
            let (block, row) = (place / layout.height(), place % layout.height());
            let feature = |f: usize| {
                let vector = &tiles[f / layout.width()][block];
                vector[layout.slot(row, f % layout.width())].re
            };
            let features: Vec<f64> = (0..layout.features()).map(feature).collect();
            let one_hot = &columns[place * layout.classes()..][..layout.classes()];
            if weights[place] == 0.0 {
                prop_assert!(features.iter().chain(one_hot).all(|x| *x == 0.0));
                continue;
            }
            let numbered = (0..mask.samples().len())
                .flat_map(|batch| (0..1000).map(move |sample| (batch, sample)));
            let mut numbered = numbered.filter(|&(b, s)| value(b, s, 0) == features[0]);
            let (from, sample) = numbered.next().unwrap();
            for (f, x) in features.iter().enumerate() {
                prop_assert_eq!(*x, value(from, sample, f));
            }
            for (c, x) in one_hot.iter().enumerate() {
                prop_assert_eq!(*x, f64::from(u8::from(c == class(from, sample))));
            }
            found.push((from, sample, weights[place]));
        }
    }
    found.sort_unstable_by_key(|&(batch, sample, _)| (batch, sample));
    let kept = mask.kept().iter().enumerate();
    let wanted: Vec<_> = kept
        .flat_map(|(batch, kept)| {
            let one = move |kept: &Kept| (batch, kept.sample as usize, f64::from(kept.weight));
            kept.iter().map(one)
        })
        .collect();
    prop_assert_eq!(found, wanted);
    Ok(())
}

#[test]
fn extreme_masks_are_merged() {
    let layout = layout(7, 128);
    let samples = vec![128, 100, 1];
    let kept = |which: &[&[u32]]| {
        let kept = which.iter().map(|batch| {
            let of = |&sample| Kept {
                sample,
                weight: 1.0,
            };
            batch.iter().map(of).collect()
        });
        Mask::new(samples.clone(), kept.collect())
    };
    let all: Vec<u32> = (0..128).collect();
    let height = layout.height();
    let of_first_row: Vec<u32> = (0..128).step_by(height).collect();
    let in_row = |row: usize| (0..128).filter(|s| s % height == row).count();
    for (which, fullest) in [
        // One in all; none of a batch; all of one; all of all.
        ([&[][..], &[99], &[]], 1),
        ([&[3, 127], &[], &[0]], 1),
        ([&all, &[], &[]], in_row(0)),
        (
            [&all, &all[..100], &[0]],
            in_row(0) + 100usize.div_ceil(height) + 1,
        ),
        // All in one row.
        (
            [&of_first_row, &of_first_row[..1], &[0]],
            of_first_row.len() + 2,
        ),
    ] {
        let mask = kept(&which).unwrap();
        let tight = mask.len().div_ceil(height);
        check_merged(&layout, &mask, MergeMethod::WithinRows, fullest).unwrap();
        for method in [MergeMethod::Planned, MergeMethod::Naive] {
            check_merged(&layout, &mask, method, tight).unwrap();
        }
    }
    assert_eq!(kept(&[&[], &[], &[]]), Err(MaskError::Empty));
    let order = |result| matches!(result, Err(MaskError::Order { batch: 1, .. }));
    assert!(order(kept(&[&[], &[5, 5], &[]])));
    assert!(order(kept(&[&[], &[6, 5], &[]])));
    assert!(order(kept(&[&[], &[100], &[]])));
    for weight in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        let kept = vec![vec![Kept { sample: 0, weight }], vec![], vec![]];
        let refused = Mask::new(samples.clone(), kept);
        assert!(matches!(refused, Err(MaskError::Weight { .. })), "{weight}");
    }
}

#[test]
fn moves_are_far_fewer_than_published() {
    // SNIPS in blocks of 128 rows, a tenth kept: HEPrune's algorithm makes 1,091 moves of a ciphertext per block (simulated with
    // numpy, another random mask).
    let layout = Layout::with_width(1 << 15, 7, 384, 2048, 256, Grouping::Packed).unwrap();
    assert_eq!((layout.height(), layout.tiles()), (128, 2));
    let samples = vec![1869, 1869, 1869, 1869, 1869, 1869, 1870];
    let (scores, classes) = scores(&samples, 6);
    let plan = |scope, method| {
        let mask = selection(0.1, Rule::Random, false, scope);
        let mask = mask
            .choose(&layout, &scores, &classes, &Seed([6; 32]))
            .unwrap();
        MergePlan::new(&layout, &mask, method)
    };
    let global = plan(Scope::Global, MergeMethod::Planned);
    let totals = global.totals();
    println!("{totals:?}");
    assert!(
        (1040..1140).contains(&(totals.naive_rotations / 3)),
        "{totals:?}"
    );
    assert!(totals.feature_rotations <= 60, "{totals:?}");
    assert_eq!(totals.ciphertexts_after, 2 * 11 + 1);
    let rows = plan(Scope::Rows, MergeMethod::WithinRows);
    assert_eq!(rows.totals().feature_rotations, 0);
    assert_eq!(
        rows.totals().ciphertexts_after,
        totals.ciphertexts_after,
        "as few as without quotas"
    );
    assert!(rows.totals().label_rotations <= 30);
}

proptest! {
    #[test]
    fn no_mini_batch_has_only_a_few(
        batches in 2usize..6, last in 1usize..=128, keep in 0.1f64..=1.0, seed in any::<u64>(), global in any::<bool>(),
    ) {
        // A mini-batch is one block of rows.
        let layout = Layout::with_width(1 << 9, 3, 3, 128, 4, Grouping::Packed).unwrap();
        prop_assert_eq!((layout.height(), layout.row_blocks()), (128, 1));
        let mut samples = vec![128; batches];
        samples[batches - 1] = last;
        let (scope, method) = match global {
            true => (Scope::Global, MergeMethod::Planned),
            false => (Scope::Rows, MergeMethod::WithinRows),
        };
        let (scores, classes) = scores(&samples, seed);
        let mask = selection(keep, Rule::Random, false, scope).choose(&layout, &scores, &classes, &Seed([3; 32])).unwrap();
        let plan = MergePlan::new(&layout, &mask, method);
        let merged = plan.row_blocks().len();
        for batch in 0..merged {
            let counted = plan.weights(&layout, batch).into_iter().filter(|weight| *weight > 0.0).count();
            prop_assert!(2 * counted * merged >= mask.len(), "{counted} of {} in {merged}", mask.len());
        }
    }
}

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
        let scope = if global || naive { Scope::Global } else { Scope::Rows };
        let (scores, classes) = scores(&samples, seed);
        let mask = selection(keep, rule, balance, scope)
            .choose(&layout, &scores, &classes, &Seed([2; 32])).unwrap();
        let method = if naive { MergeMethod::Naive } else { MergeMethod::Planned };
        check_merged(&layout, &mask, method)?;
    }
}

/// A sample has its own number as its features, times the feature.
fn value(batch: usize, sample: usize, feature: usize) -> f64 {
    (1000 * batch + sample + 1) as f64 * (feature + 1) as f64
}

fn class(batch: usize, sample: usize) -> usize {
    (batch + 7 * sample) % 3
}

/// Merges on clear slots and looks at every row.
fn check_merged(layout: &Layout, mask: &Mask, method: MergeMethod) -> Result<(), TestCaseError> {
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
    let blocks = mask.len().div_ceil(layout.height());
    prop_assert_eq!(plan.row_blocks().iter().sum::<usize>(), blocks);
    prop_assert_eq!(merged.len(), merged_batches(layout, mask.len()));
    let budget = machine.take_budget();
    let totals = plan.totals();
    prop_assert_eq!(budget.key_switches(), totals.key_switches as u64);
    prop_assert_eq!(
        budget.count(Operation::PlainProduct),
        totals.products as u64
    );
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
    for method in [MergeMethod::Planned, MergeMethod::Naive] {
        // One in all; none of a batch; all of one; all of all.
        check_merged(&layout, &kept(&[&[], &[99], &[]]).unwrap(), method).unwrap();
        check_merged(&layout, &kept(&[&[3, 127], &[], &[0]]).unwrap(), method).unwrap();
        check_merged(&layout, &kept(&[&all, &[], &[]]).unwrap(), method).unwrap();
        check_merged(&layout, &kept(&[&all, &all[..100], &[0]]).unwrap(), method).unwrap();
        // All in one row.
        let rows: Vec<u32> = (0..128).step_by(layout.height()).collect();
        check_merged(&layout, &kept(&[&rows, &rows[..1], &[0]]).unwrap(), method).unwrap();
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
    let plan = |scope| {
        let mask = selection(0.1, Rule::Random, false, scope);
        let mask = mask
            .choose(&layout, &scores, &classes, &Seed([6; 32]))
            .unwrap();
        MergePlan::new(&layout, &mask, MergeMethod::Planned)
    };
    let global = plan(Scope::Global);
    let totals = global.totals();
    println!("{totals:?}");
    assert!(
        (1040..1140).contains(&(totals.naive_rotations / 3)),
        "{totals:?}"
    );
    assert!(totals.feature_rotations <= 60, "{totals:?}");
    assert_eq!(totals.ciphertexts_after, 2 * 11 + 1);
    let rows = plan(Scope::Rows);
    assert_eq!(
        (rows.totals().feature_rotations, rows.scope()),
        (0, Scope::Rows)
    );
    assert!(rows.totals().label_rotations <= 30);
}

//! Choices against their definitions.

use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use super::*;
use crate::circuits::packing::{Grouping, Layout};
use crate::ring::sampling::Seed;

const IMPORTANCE: Rule = Rule::Importance { floor: 0.3 };
pub(super) const RULES: [Rule; 5] = [
    IMPORTANCE,
    Rule::Hardest,
    Rule::Window { skip: 0.1 },
    Rule::Random,
    Rule::Mixed,
];

pub(super) fn layout(features: usize, batch: usize) -> Layout {
    Layout::plan(1 << 9, 3, features, batch, Grouping::Packed).unwrap()
}

/// Scores in `[0, 2]`, some of them alike, and classes.
pub(super) fn scores(samples: &[usize], seed: u64) -> (Vec<Vec<f64>>, Vec<Vec<usize>>) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut batch = |&samples: &usize| {
        let draw = |_| f64::from(random.next_u32() % 64) / 32.0;
        (0..samples).map(draw).collect::<Vec<_>>()
    };
    let scores: Vec<Vec<f64>> = samples.iter().map(&mut batch).collect();
    let classes = samples.iter().map(|&s| (0..s).map(|i| i * i % 3).collect());
    (scores, classes.collect())
}

pub(super) fn selection(keep: f64, rule: Rule, class_balance: bool, scope: Scope) -> Selection {
    Selection {
        keep,
        rule,
        class_balance,
        scope,
    }
}

/// Kept samples of a row, or of all.
fn kept_of_row(mask: &Mask, row: usize, height: usize) -> usize {
    let kept = mask.kept().iter().flatten();
    kept.filter(|kept| kept.sample as usize % height == row)
        .count()
}

proptest! {
    #[test]
    fn as_many_are_kept_as_asked_for_and_rows_share_them(
        samples in prop::collection::vec(1usize..120, 1..6), keep in 0.001f64..=1.0, seed in any::<u64>(),
        rule in prop::sample::select(RULES.to_vec()), balance in any::<bool>(), global in any::<bool>(),
    ) {
        let layout = layout(5, 128);
        let scope = if global { Scope::Global } else { Scope::Rows };
        let (scores, classes) = scores(&samples, seed);
        let selection = selection(keep, rule, balance, scope);
        let mask = selection.choose(&layout, &scores, &classes, &Seed([1; 32])).unwrap();
        let all: usize = samples.iter().sum();
        prop_assert_eq!(mask.len(), selection.kept(all));
        prop_assert_eq!(mask.samples(), &samples[..]);
        let mass: f64 = mask.kept().iter().flatten().map(|kept| f64::from(kept.weight)).sum();
        if !matches!(rule, Rule::Importance { .. }) {
            prop_assert!(!mask.is_weighted());
            prop_assert!((mass - mask.len() as f64).abs() < 1e-3);
        }
        if scope == Scope::Rows {
            let blocks = selection.row_blocks(&layout, &samples, MergeMethod::WithinRows);
            let rows = (0..layout.height()).map(|row| kept_of_row(&mask, row, layout.height()));
            prop_assert_eq!(rows.max().unwrap(), blocks);
            // A row that has fewer samples gives all it has.
            let short = samples.iter().any(|&s| s % layout.height() != 0);
            prop_assert!(short || blocks == mask.len().div_ceil(layout.height()));
        }
        // The message leads back to the mask.
        let again = Mask::from_parts(samples.clone(), &mask.bits(), &mask.weights()).unwrap();
        prop_assert_eq!(&again, &mask);
        prop_assert_eq!(mask.bytes(), mask.bits().len() + 4 * mask.weights().len());
    }

    #[test]
    fn quotas_add_up_and_are_even(sizes in prop::collection::vec(0usize..50, 1..40), part in 0usize..=100) {
        let all: usize = sizes.iter().sum();
        let total = part * all / 100;
        let (level, more) = quota::level(sizes.iter().copied(), total);
        let kept: usize = sizes.iter().map(|&size| size.min(level)).sum();
        prop_assert_eq!(kept + more, total);
        let larger = sizes.iter().filter(|&&size| size > level).count();
        prop_assert!(more == 0 || more < larger);
    }
}

#[test]
fn rules_keep_what_they_say() {
    let layout = layout(5, 128);
    let samples = [128, 128, 128];
    let (scores, classes) = scores(&samples, 3);
    let of = |kept: &Kept, batch: usize| scores[batch][kept.sample as usize];
    let choose = |rule, scope| {
        let selection = selection(0.25, rule, false, scope);
        selection
            .choose(&layout, &scores, &classes, &Seed([3; 32]))
            .unwrap()
    };
    let kept_scores = |mask: &Mask| -> Vec<f64> {
        let all = mask.kept().iter().enumerate();
        all.flat_map(|(batch, kept)| kept.iter().map(move |kept| (kept, batch)))
            .map(|(kept, batch)| of(kept, batch))
            .collect()
    };
    let mut sorted = scores.concat();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let hardest = kept_scores(&choose(Rule::Hardest, Scope::Global));
    assert!(hardest.iter().all(|&score| score >= sorted[95]));
    let window = kept_scores(&choose(Rule::Window { skip: 0.1 }, Scope::Global));
    assert!(
        window
            .iter()
            .all(|&score| score <= sorted[38] && score >= sorted[134])
    );
    let mixed = kept_scores(&choose(Rule::Mixed, Scope::Global));
    assert!(mixed.iter().filter(|&&score| score >= sorted[47]).count() >= 48);
    assert!(mixed.iter().any(|&score| score < sorted[200]));
    // In every row those of the row.
    let mask = choose(Rule::Hardest, Scope::Rows);
    for row in 0..layout.height() {
        let of_row = |sample: &usize| sample % layout.height() == row;
        let mut all: Vec<f64> = (0..3)
            .flat_map(|b| (0..128).filter(of_row).map(move |s| (b, s)))
            .map(|(b, s)| scores[b][s])
            .collect();
        all.sort_by(|a, b| b.total_cmp(a));
        let kept = mask.kept().iter().enumerate();
        let kept = kept.flat_map(|(b, kept)| kept.iter().map(move |kept| (b, kept)));
        let mut kept: Vec<f64> = kept
            .filter(|(_, kept)| of_row(&(kept.sample as usize)))
            .map(|(b, kept)| of(kept, b))
            .collect();
        kept.sort_by(|a, b| b.total_cmp(a));
        assert_eq!(kept, all[..kept.len()]);
    }
}

#[test]
fn importance_sampling_is_unbiased_and_its_weights_are_coarse() {
    let layout = layout(5, 128);
    let samples = [128, 90];
    let (mut scores, classes) = scores(&samples, 4);
    // One that is hopeless, one that is none.
    (scores[0][0], scores[0][1]) = (2000.0, f64::NAN);
    for (balance, scope) in [
        (false, Scope::Rows),
        (true, Scope::Rows),
        (true, Scope::Global),
    ] {
        let selection = selection(0.3, IMPORTANCE, balance, scope);
        let mut sums = [vec![0.0; 128], vec![0.0; 90]];
        let draws = 4000u32;
        let mut distinct = std::collections::BTreeSet::new();
        for draw in 0..draws {
            let mut seed = [0; 32];
            seed[..4].copy_from_slice(&draw.to_le_bytes());
            let mask = selection
                .choose(&layout, &scores, &classes, &Seed(seed))
                .unwrap();
            for (sums, kept) in sums.iter_mut().zip(mask.kept()) {
                for kept in kept {
                    sums[kept.sample as usize] += f64::from(kept.weight);
                    if scope == Scope::Global {
                        distinct.insert(kept.weight.to_bits());
                    }
                }
            }
        }
        let kept = selection.kept(218) as f64 / 218.0;
        for sum in sums.iter().flatten() {
            // The mean of weights of up to four.
            let mean = sum / f64::from(draws) / kept;
            assert!((mean - 1.0).abs() < 0.25, "{balance} {scope:?}: {mean}");
        }
        // With scores between 0 and 2000, powers of the root of two.
        assert!(distinct.len() < 30, "{}", distinct.len());
    }
}

#[test]
fn balanced_classes_keep_their_share_and_may_vanish() {
    let layout = layout(5, 128);
    let samples = [128, 128, 128, 128];
    let (scores, _) = scores(&samples, 5);
    // Of 512 samples 500, 10 and 2.
    let class = |index: usize| match index {
        0..500 => 0,
        500..510 => 1,
        _ => 2,
    };
    let classes: Vec<Vec<usize>> = (0..4)
        .map(|b| (0..128).map(|s| class(128 * b + s)).collect())
        .collect();
    for scope in [Scope::Rows, Scope::Global] {
        for rule in RULES {
            let selection = selection(0.5, rule, true, scope);
            let mask = selection
                .choose(&layout, &scores, &classes, &Seed([5; 32]))
                .unwrap();
            let mut counts = [0usize; 3];
            for (kept, classes) in mask.kept().iter().zip(&classes) {
                kept.iter()
                    .for_each(|kept| counts[classes[kept.sample as usize]] += 1);
            }
            assert_eq!(counts.iter().sum::<usize>(), 256);
            let slack = if matches!(rule, Rule::Importance { .. }) {
                5
            } else {
                1
            };
            assert!(
                counts[1].abs_diff(5) <= slack,
                "{rule:?} {scope:?}: {counts:?}"
            );
            assert!(
                counts[2].abs_diff(1) <= slack,
                "{rule:?} {scope:?}: {counts:?}"
            );
            let few = Selection {
                keep: 0.01,
                ..selection
            };
            assert_eq!(
                few.choose(&layout, &scores, &classes, &Seed([5; 32]))
                    .unwrap()
                    .len(),
                5
            );
        }
    }
    let wrong = selection(0.5, Rule::Random, true, Scope::Rows);
    let refused = wrong.choose(&layout, &scores, &classes[1..], &Seed([5; 32]));
    assert!(matches!(refused, Err(MaskError::Samples { .. })));
}

/// Fewer are kept than a tile has rows: each row has its turn, and rules differ.
#[test]
fn fewer_than_rows_are_drawn_from_all_rows() {
    let layout = layout(5, 128);
    let height = layout.height();
    let samples = [128, 128, 90];
    let (scores, classes) = scores(&samples, 8);
    let all: usize = samples.iter().sum();
    let keep = 0.75 * height as f64 / all as f64;
    let draws = 3000u32;
    let mean_score = |mask: &Mask| {
        let kept = mask.kept().iter().zip(&scores);
        let kept = kept.flat_map(|(kept, scores)| kept.iter().map(|k| scores[k.sample as usize]));
        kept.sum::<f64>() / mask.len() as f64
    };
    for balance in [false, true] {
        let mut means = Vec::new();
        for rule in RULES {
            let selection = selection(keep, rule, balance, Scope::Rows);
            let kept = selection.kept(all);
            assert!(kept < height);
            let (mut times, mut weights) = (vec![0.0; all], vec![0.0; all]);
            let (mut mass, mut score) = (0.0, 0.0);
            for draw in 0..draws {
                let mut seed = [9; 32];
                seed[..4].copy_from_slice(&draw.to_le_bytes());
                let mask = selection
                    .choose(&layout, &scores, &classes, &Seed(seed))
                    .unwrap();
                assert_eq!(mask.len(), kept);
                assert!((0..height).all(|row| kept_of_row(&mask, row, height) <= 1));
                score += mean_score(&mask) / f64::from(draws);
                for (batch, kept) in mask.kept().iter().enumerate() {
                    for kept in kept {
                        let index = 128 * batch + kept.sample as usize;
                        times[index] += 1.0;
                        weights[index] += f64::from(kept.weight);
                        mass += f64::from(kept.weight);
                    }
                }
            }
            means.push(score);
            let even = f64::from(draws) * kept as f64 / all as f64;
            match rule {
                Rule::Importance { .. } => {
                    let mass = mass / f64::from(draws) / kept as f64;
                    assert!((mass - 1.0).abs() < 0.05, "{balance}: {mass}");
                    for weight in weights {
                        assert!((weight / even - 1.0).abs() < 0.6, "{}", weight / even);
                    }
                }
                // Rows of two candidates rather than three give each of them more often.
                Rule::Random => {
                    assert!(times.iter().all(|t| (0.6..1.8).contains(&(t / even))));
                }
                _ => {}
            }
        }
        let [importance, hardest, window, random, mixed] = means[..] else {
            panic!("five rules");
        };
        assert!(hardest > window && window > mixed && mixed > random && importance > random);
    }
}

/// All alike, none a number, a class that is not there; one sample of all, and all of them.
#[test]
fn extreme_scores_and_shares_are_chosen_from() {
    let layout = layout(5, 128);
    // The last batch is shorter than a tile is high.
    let samples = [128usize, 100, 3];
    let all: usize = samples.iter().sum();
    let filled = |score: f64| samples.map(|count| vec![score; count]).to_vec();
    let classes = samples.map(|count| (0..count).map(|i| 2 * (i % 2)).collect());
    for scores in [filled(0.0), filled(1.0), filled(f64::NAN), filled(-1.0)] {
        for (rule, scope) in RULES
            .into_iter()
            .flat_map(|rule| [Scope::Rows, Scope::Global].map(|scope| (rule, scope)))
        {
            for (balance, keep) in [(false, 1e-9), (true, 1e-9), (false, 0.4), (true, 0.4)] {
                let selection = selection(keep, rule, balance, scope);
                let mask = selection
                    .choose(&layout, &scores, &classes, &Seed([4; 32]))
                    .unwrap();
                assert_eq!(mask.len(), selection.kept(all), "{selection:?}");
                for kept in mask.kept().iter().flatten() {
                    // Nothing is more important than anything else.
                    assert!((0.6..1.7).contains(&kept.weight), "{selection:?} {kept:?}");
                }
            }
            let whole = selection(1.0, rule, true, scope);
            let mask = whole.choose(&layout, &scores, &classes, &Seed([4; 32]));
            let mask = mask.unwrap();
            assert_eq!(mask.len(), all);
            let mut weights = mask.kept().iter().flatten().map(|kept| kept.weight);
            assert!(weights.all(|weight| (weight - 1.0).abs() < 1e-6));
        }
    }
}

#[test]
fn the_hardest_fill_the_places_that_quotas_leave_over() {
    let layout = layout(5, 128);
    let height = layout.height();
    // Rows of three samples, and one fewer in the last ones; from one each to all but one.
    let samples = [128, 128, height - height / 4];
    let all: usize = samples.iter().sum();
    let (mut scores, classes) = scores(&samples, 5);
    // No two alike.
    for (i, score) in scores.iter_mut().flatten().enumerate() {
        *score += i as f64 * 1e-6;
    }
    for kept in [height + height / 2, all / 2, all - height / 8, all - 1] {
        let selection = selection(kept as f64 / all as f64, Rule::Hardest, false, Scope::Rows);
        let mask = selection.choose(&layout, &scores, &classes, &Seed([7; 32]));
        let mask = mask.unwrap();
        let of_row = |row: usize| {
            let batches = scores.iter().zip(mask.kept());
            let of_batch = batches.flat_map(move |(scores, kept)| {
                let samples = (row..scores.len()).step_by(height);
                samples.map(|sample| {
                    let is_kept = kept.iter().any(|kept| kept.sample as usize == sample);
                    (scores[sample], is_kept)
                })
            });
            let mut of_row: Vec<(f64, bool)> = of_batch.collect();
            of_row.sort_by(|a, b| b.0.total_cmp(&a.0));
            of_row
        };
        let rows: Vec<_> = (0..height).map(of_row).collect();
        let sizes = rows.iter().map(Vec::len);
        let (level, _) = quota::level(sizes, mask.len());
        for row in &rows {
            assert!(row.iter().take(level).all(|(_, is_kept)| *is_kept));
            assert!(row.iter().skip(level + 1).all(|(_, is_kept)| !is_kept));
        }
        let next: Vec<_> = rows.iter().filter_map(|row| row.get(level)).collect();
        let least = next.iter().filter(|(_, is_kept)| *is_kept);
        let least = least.map(|(score, _)| *score).fold(f64::INFINITY, f64::min);
        let mut left = next.iter().filter(|(_, is_kept)| !is_kept);
        assert!(left.all(|(score, _)| *score < least), "{kept} of {all}");
    }
}

#[test]
fn what_no_score_is_depends_on_the_score() {
    use crate::circuits::activation::ActivationChoice;
    let (range, degree) = (8.0, 5);
    let sigmoid = ActivationChoice::Sigmoid { range, degree };
    let sigmoid = sigmoid.build(10).unwrap();
    // One against all others, ten probabilities of one half are five away from a one-hot label.
    assert!(Score::HefsAbs.message_bound(&sigmoid, 10) > 5.0);
    assert!((2.0..5.0).contains(&Score::Hefs.message_bound(&sigmoid, 10)));
}

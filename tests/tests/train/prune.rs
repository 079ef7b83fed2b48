//! A round of pruning on ciphertexts: scores, choice, merging, and every merged row decrypted.

use std::sync::Arc;

use engine::circuits::activation::ActivationChoice;
use engine::circuits::packing::Layout;
use engine::circuits::{Clear, NoiseModel};
use engine::ckks::{
    Ciphertext, Decryptor, Encoder, EvalError, EvaluationKeys, Evaluator, Level, Params, SecretKey,
};
use engine::protocol::{Owner, Plan, ReceivedBatch, RefreshBy, Server, Simulation, Task};
use engine::prune::{
    Kept, Mask, MergeMethod, MergePlan, Pruning, Rule, Scope, Score, Selection, clear_score,
};
use engine::ring::sampling::Seed;
use engine::train::{ExactTrainer, Model, Precision};
use host::cpu::Cpu;
use tests::{AtHand, cpu, params};

const TASK: Task = Task {
    features: 5,
    classes: 3,
    batch: 64,
};
const SAMPLES: [usize; 3] = [64, 40, 1];

/// Samples of three classes, features in `[-1, 1]`.
fn data() -> (Vec<Vec<f64>>, Vec<Vec<usize>>) {
    let mut number = 0u32;
    let batch = |&samples: &usize| {
        let mut x = Vec::new();
        let mut classes = Vec::new();
        for sample in 0..samples {
            let class = sample % 3;
            for feature in 0..TASK.features {
                number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let noise = f64::from(number >> 8) / f64::from(1u32 << 24) - 0.5;
                let centre = if feature % 3 == class { 0.5 } else { -0.2 };
                x.push(centre + noise);
            }
            // Some are wrong.
            classes.push(if sample % 11 == 0 {
                (class + 1) % 3
            } else {
                class
            });
        }
        (x, classes)
    };
    SAMPLES.iter().map(batch).unzip()
}

fn plan(params: &Params, activation: ActivationChoice, score: Score) -> Plan {
    let plan = Plan::new(params, TASK, activation, RefreshBy::Owner).unwrap();
    let scope = Scope::Global;
    plan.with_pruning(params, Pruning { score, scope }).unwrap()
}

/// What a model in the clear says of all samples after three steps.
fn trained(plan: &Plan, x: &[Vec<f64>], classes: &[Vec<usize>]) -> Model {
    let start = Model::zeros(TASK.classes, TASK.features);
    let mut clear = ExactTrainer::new(start, plan.activation(), Precision::Approximate);
    (0..3).for_each(|_| clear.step(&x[0], &classes[0], 1.0));
    clear.weights().clone()
}

/// Looks at every row of the merged batches.
fn check_rows(
    layout: &Layout,
    merge: &MergePlan,
    merged: &[ReceivedBatch<Cpu>],
    decrypt: impl Fn(&Ciphertext<Cpu>) -> Vec<Vec<f64>>,
    (x, classes): (&[Vec<f64>], &[Vec<usize>]),
) {
    let mut seen = 0;
    for (index, batch) in merged.iter().enumerate() {
        let tiles: Vec<_> = batch.features.iter().map(&decrypt).collect();
        let labels = decrypt(&batch.labels).remove(0);
        let blocks = merge.row_blocks()[index];
        assert_eq!(tiles[0].len(), blocks);
        for place in 0..blocks * layout.height() {
            let (block, row) = (place / layout.height(), place % layout.height());
            let here = merge.moves().iter().filter(|moved| {
                (moved.to.batch, moved.to.block, moved.to.row) == (index, block, row)
            });
            let here: Vec<_> = here.collect();
            assert!(here.len() <= 1, "two samples in one place");
            let from = here.first().map(|moved| {
                seen += 1;
                (
                    moved.from.batch,
                    moved.from.block * layout.height() + moved.from.row,
                )
            });
            for feature in 0..TASK.features {
                let slot = layout.slot(row, feature % layout.width());
                let found = tiles[feature / layout.width()][block][slot];
                let want = from.map_or(0.0, |(b, s)| x[b][s * TASK.features + feature]);
                assert!(
                    (found - want).abs() < 1e-4,
                    "feature {feature} of {from:?}: {found} {want}"
                );
            }
            for class in 0..TASK.classes {
                let slot = layout.slot(row, layout.class_columns() * class + block);
                let want = from.map_or(0.0, |(b, s)| f64::from(u8::from(classes[b][s] == class)));
                assert!((labels[slot] - want).abs() < 1e-4, "label of {from:?}");
            }
        }
    }
    assert_eq!(seen, merge.totals().kept, "each once");
}

/// A sample that counts once.
const fn one(sample: u32) -> Kept {
    Kept {
        sample,
        weight: 1.0,
    }
}

fn check(activation: ActivationChoice, score: Score, tolerance: f64) {
    let params = params("insecure-10");
    let backend = cpu(&params);
    let plan = plan(&params, activation, score);
    let encoder = Arc::new(Encoder::new(params.degree()));
    let key = SecretKey::generate(&params, &Seed([1; 32]));
    let owner = Owner::new(&backend, &params, Arc::clone(&encoder), key.clone());
    let mut keys = EvaluationKeys::default();
    owner
        .evaluation_keys(plan.keys(), &Seed([2; 32]), |name, made| {
            name.insert(&mut keys, params.degree(), made);
            Ok::<_, EvalError>(())
        })
        .unwrap();
    let at_hand = AtHand(&owner);
    let evaluator = Evaluator::new(&backend, &params, Arc::clone(&encoder), &keys);
    let server = Server::new(evaluator, &at_hand, &plan, 1.0).unwrap();

    let (x, classes) = data();
    let encrypted: Vec<ReceivedBatch<Cpu>> = (0u8..)
        .zip(x.iter().zip(&classes))
        .map(|(seed, (x, classes))| {
            let batch = owner.encrypt_batch(&plan, x, classes, &Seed([10 + seed; 32]));
            batch.unwrap().received()
        })
        .collect();
    assert_eq!(encrypted[0].labels.level(), plan.data_levels().labels);
    let model = trained(&plan, &x, &classes);
    let state = owner
        .encrypt_start(&plan, &model, &Seed([3; 32]))
        .unwrap()
        .ciphertext;

    // Scores, as the owner reads them, against those in the clear.
    let weights = server.score_weights(&state).unwrap();
    let scored = encrypted.iter().map(|batch| {
        let forward = server.score_forward(&weights, batch).unwrap();
        server.score(&forward, batch).unwrap()
    });
    let packed = server.pack_scores(&scored.collect::<Vec<_>>()).unwrap();
    assert_eq!(packed.level(), Level(0));
    assert_eq!(
        packed.batch(&backend),
        score.vectors(plan.layout(), SAMPLES.len())
    );
    let scores = owner
        .scores(&plan, score, &packed, &SAMPLES, &classes)
        .unwrap();
    for ((scores, x), classes) in scores.iter().zip(&x).zip(&classes) {
        assert_eq!(scores.len(), classes.len());
        let samples = x.chunks(TASK.features).zip(classes);
        for (found, (sample, &class)) in scores.iter().zip(samples) {
            let want = clear_score(plan.activation(), &model.logits(sample), class);
            assert!(
                (found - want).abs() < tolerance,
                "{score:?}: {found} {want}"
            );
        }
    }

    let decrypt = |x: &Ciphertext<Cpu>| {
        let decryptor = Decryptor::new(&backend, &params, Arc::clone(&encoder), &key);
        let vectors = decryptor.decrypt(x).unwrap();
        let real = |vector: Vec<num_complex::Complex64>| vector.iter().map(|z| z.re).collect();
        vectors.into_iter().map(real).collect()
    };
    let merged = |merge: &MergePlan| {
        let mut merging = server.merging(merge);
        for (index, batch) in encrypted.iter().enumerate() {
            server.merge(&mut merging, index, batch).unwrap();
        }
        let merged = server.merged(merging, merge).unwrap();
        check_rows(plan.layout(), merge, &merged, decrypt, (&x, &classes));
        for batch in &merged {
            assert_eq!(batch.labels.level(), plan.levels().labels);
            let mut levels = batch.features.iter().map(Ciphertext::level);
            assert!(levels.all(|level| level == plan.levels().features));
        }
        merged
    };
    // One of all; none of a ciphertext; all of one; all.
    let all = SAMPLES.map(|count| (0u32..).take(count).collect::<Vec<_>>());
    let few = [vec![], vec![39], vec![]];
    let ends = [vec![0, 63], vec![], vec![0]];
    let whole = [all[0].clone(), vec![], vec![0]];
    for kept in [few, ends, whole, all] {
        for method in [
            MergeMethod::WithinRows,
            MergeMethod::Planned,
            MergeMethod::Naive,
        ] {
            let kept = kept
                .clone()
                .map(|samples| samples.into_iter().map(one).collect());
            let mask = Mask::new(SAMPLES.to_vec(), kept.to_vec()).unwrap();
            merged(&MergePlan::new(plan.layout(), &mask, method));
        }
    }

    // The owner's choice, recomputed from its scores; merged by both methods.
    for (rule, scope, method) in [
        (Rule::Hardest, Scope::Rows, MergeMethod::WithinRows),
        (
            Rule::Importance { floor: 0.3 },
            Scope::Global,
            MergeMethod::Planned,
        ),
        (Rule::Hardest, Scope::Global, MergeMethod::Naive),
    ] {
        let selection = Selection {
            keep: 0.4,
            rule,
            class_balance: false,
            scope,
        };
        let mask = selection
            .choose(plan.layout(), &scores, &classes, &Seed([4; 32]))
            .unwrap();
        assert_eq!(mask.len(), 42);
        if rule == Rule::Hardest && scope == Scope::Global {
            let mut all = scores.concat();
            all.sort_by(|a, b| b.total_cmp(a));
            for (kept, scores) in mask.kept().iter().zip(&scores) {
                assert!(
                    kept.iter()
                        .all(|kept| scores[kept.sample as usize] >= all[41])
                );
            }
        }
        let merge = MergePlan::new(plan.layout(), &mask, method);
        let merged = merged(&merge);

        // A step on the first merged batch against the same step in the clear.
        let after = server.step(&state, &merged[0], 0).unwrap();
        let mut clear = ExactTrainer::new(model.clone(), plan.activation(), Precision::Approximate);
        let (mut rows, mut labels, mut counts) = (Vec::new(), Vec::new(), Vec::new());
        for moved in merge.moves().iter().filter(|moved| moved.to.batch == 0) {
            let sample = moved.from.block * plan.layout().height() + moved.from.row;
            rows.extend(&x[moved.from.batch][sample * TASK.features..][..TASK.features]);
            labels.push(classes[moved.from.batch][sample]);
            counts.push(f64::from(moved.weight));
        }
        clear.step_weighted(&rows, &labels, Some(&counts), 1.0);
        let found = owner.model(&plan, &after).unwrap();
        for (found, want) in found.values().iter().zip(clear.weights().values()) {
            assert!((found - want).abs() < 2e-3, "{found} {want}");
        }
    }
}

const SOFTMAX: ActivationChoice = ActivationChoice::Softmax { range: 8.0 };
const SIGMOID: ActivationChoice = ActivationChoice::Sigmoid {
    range: 8.0,
    degree: 13,
};

#[test]
fn logits_become_scores_and_the_chosen_rows_are_merged() {
    check(SOFTMAX, Score::LogitMargin, 2e-3);
    check(SIGMOID, Score::LogitMargin, 2e-3);
}

#[test]
fn exact_scores_and_the_chosen_rows_are_merged() {
    check(SOFTMAX, Score::Hefs, 5e-3);
    check(SIGMOID, Score::Hefs, 0.05);
}

#[test]
fn published_scores_are_off_by_their_sign() {
    check(SOFTMAX, Score::HefsAbs, 0.06);
}

#[test]
fn clear_slots_give_the_scores_of_ciphertexts() {
    let params = params("insecure-10");
    let (x, classes) = data();
    let batches: Vec<_> = x
        .iter()
        .zip(&classes)
        .map(|(x, classes)| (x.as_slice(), classes.as_slice()))
        .collect();
    for score in [Score::LogitMargin, Score::Hefs, Score::HefsAbs] {
        let plan = plan(&params, SOFTMAX, score);
        let model = trained(&plan, &x, &classes);
        let exact = Clear::exact(params.slots());
        let noisy = Clear::noisy(params.slots(), NoiseModel::of(&params), 5);
        let of = |machine| {
            let simulation = Simulation::new(machine, &plan, &model, 1.0).unwrap();
            simulation.scores(score, &batches).unwrap()
        };
        let tolerance = if score == Score::HefsAbs { 0.06 } else { 5e-3 };
        for scores in [of(exact), of(noisy)] {
            for ((scores, x), classes) in scores.iter().zip(&x).zip(&classes) {
                let samples = x.chunks(TASK.features).zip(classes);
                for (found, (sample, &class)) in scores.iter().zip(samples) {
                    let want = clear_score(plan.activation(), &model.logits(sample), class);
                    assert!(
                        (found - want).abs() < tolerance,
                        "{score:?}: {found} {want}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_chain_without_a_level_to_spare_is_refused() {
    let params = params("leveled-13");
    let activation = ActivationChoice::Sigmoid {
        range: 8.0,
        degree: 5,
    };
    let plan = Plan::new(&params, TASK, activation, RefreshBy::Owner).unwrap();
    let pruning = Pruning {
        score: Score::LogitMargin,
        scope: Scope::Rows,
    };
    let levels = plan.levels();
    let room = levels.labels.max(levels.features) < plan.top();
    let planned = plan.with_pruning(&params, pruning);
    assert_eq!(planned.is_ok(), room);
    if let Err(error) = planned {
        assert!(error.to_string().contains("leveled-13"), "{error}");
    }
}

#[test]
fn a_mask_is_checked_wherever_it_is_read() {
    let kept = |sample, weight| Kept { sample, weight };
    let mask = Mask::new(
        vec![3, 2],
        vec![vec![kept(0, 1.0), kept(2, 2.0)], Vec::new()],
    )
    .unwrap();
    let sound = serde_json::to_value(&mask).unwrap();
    let read = |value| serde_json::from_value::<Mask>(value);
    assert_eq!(read(sound.clone()).unwrap(), mask);
    for (field, value) in [
        ("/kept/0/1/sample", "3"),
        ("/kept/0/1/sample", "0"),
        ("/kept/0/0/weight", "0.0"),
        ("/kept/0/0/weight", "-1.0"),
        ("/kept/0/0/weight", "1e9"),
        ("/kept/0", "[]"),
        ("/samples/0", "2"),
        ("/samples", "[3]"),
    ] {
        let mut damaged = sound.clone();
        *damaged.pointer_mut(field).unwrap() = serde_json::from_str(value).unwrap();
        assert!(read(damaged).is_err(), "{field} {value}");
    }
}

//! A round of pruning: the same words of scores and of merged rows on every backend.

use std::sync::Arc;

use engine::backend::Backend;
use engine::circuits::activation::ActivationChoice;
use engine::ckks::{Encoder, EvalError, EvaluationKeys, Evaluator, Params, SecretKey};
use engine::protocol::{Owner, Plan, RefreshBy, Server, Task};
use engine::prune::{MergeMethod, MergePlan, Pruning, Rule, Scope, Score, Selection};
use engine::ring::sampling::Seed;
use engine::train::Model;
use host::gpu::Options;
use tests::backends::{forms, gpu};
use tests::{AtHand, cpu, params, reference, slots};

const TASK: Task = Task {
    features: 5,
    classes: 3,
    batch: 64,
};
const SAMPLES: [usize; 2] = [64, 23];

/// The halves of a ciphertext.
type Words = [Vec<u32>; 2];

/// Scores as they go to the owner, and what a mask leaves: tiles and labels of every merged batch. Keys, encryptions and
/// refreshes are from fixed seeds.
fn round_words<B: Backend>(params: &Params, backend: &B, score: Score) -> Vec<Words> {
    let activation = ActivationChoice::Sigmoid {
        range: 8.0,
        degree: 5,
    };
    let plan = Plan::new(params, TASK, activation, RefreshBy::Owner).unwrap();
    let scope = Scope::Global;
    let plan = plan.with_pruning(params, Pruning { score, scope }).unwrap();
    let encoder = Arc::new(Encoder::new(params.degree()));
    let secret = SecretKey::generate(params, &Seed([1; 32]));
    let owner = Owner::new(backend, params, Arc::clone(&encoder), secret);
    let mut keys = EvaluationKeys::default();
    owner
        .evaluation_keys(plan.keys(), &Seed([2; 32]), |name, made| {
            name.insert(&mut keys, params.degree(), made);
            Ok::<_, EvalError>(())
        })
        .unwrap();
    let at_hand = AtHand(&owner);
    let evaluator = Evaluator::new(backend, params, encoder, &keys);
    let server = Server::new(evaluator, &at_hand, &plan, 1.0).unwrap();

    let reals = |count, seed| {
        let slots = slots(count, seed).into_iter();
        slots.map(|z| 0.3 * z.re).collect::<Vec<_>>()
    };
    let batch = |(number, samples): (u8, usize)| {
        let x = reals(samples * TASK.features, u64::from(number));
        let classes: Vec<usize> = (0..samples).map(|sample| sample % TASK.classes).collect();
        let batch = owner.encrypt_batch(&plan, &x, &classes, &Seed([number; 32]));
        batch.unwrap().received()
    };
    let batches: Vec<_> = (10..).zip(SAMPLES).map(batch).collect();
    let weights = reals(TASK.classes * (TASK.features + 1), 4);
    let model = Model::from_values(TASK.classes, TASK.features, weights).unwrap();
    let state = owner.encrypt_start(&plan, &model, &Seed([3; 32])).unwrap();

    let weights = server.score_weights(&state.ciphertext).unwrap();
    let scores = batches.iter().map(|batch| {
        let forward = server.score_forward(&weights, batch).unwrap();
        server.score(&forward, batch).unwrap()
    });
    let packed = server.pack_scores(&scores.collect::<Vec<_>>()).unwrap();

    let selection = Selection {
        keep: 0.4,
        rule: Rule::Hardest,
        class_balance: false,
        scope,
    };
    let chosen_by = SAMPLES.map(|samples| reals(samples, 5)).to_vec();
    let mask = selection.choose(plan.layout(), &chosen_by, &[], &Seed([6; 32]));
    let merge = MergePlan::new(plan.layout(), &mask.unwrap(), MergeMethod::Planned);
    assert!(merge.totals().feature_rotations > 0, "nothing moves");
    let mut merging = server.merging(&merge);
    for (index, batch) in batches.iter().enumerate() {
        server.merge(&mut merging, index, batch).unwrap();
    }
    let merged = server.merged(merging, &merge).unwrap();
    let merged = merged
        .into_iter()
        .flat_map(|batch| batch.features.into_iter().chain([batch.labels]));
    let all = [packed].into_iter().chain(merged);
    all.map(|x| x.download(backend).unwrap()).collect()
}

#[test]
fn a_round_of_pruning_gives_the_same_ciphertexts_on_every_backend() {
    let params = params("insecure-10");
    for score in [Score::LogitMargin, Score::Hefs, Score::HefsAbs] {
        let words = round_words(&params, &reference(&params), score);
        assert!(
            words == round_words(&params, &cpu(&params), score),
            "cpu, {score:?}"
        );
        for form in forms() {
            let options = Options {
                form: Some(form),
                ..Options::default()
            };
            let Some(gpu) = gpu("a round of pruning", &params, &options) else {
                return;
            };
            assert!(
                words == round_words(&params, &gpu, score),
                "gpu, {form:?}, {score:?}"
            );
        }
    }
}

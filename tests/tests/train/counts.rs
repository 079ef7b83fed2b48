//! What is counted beforehand against what the server asks of its device.

use std::cell::RefCell;
use std::sync::Arc;

use engine::circuits::activation::ActivationChoice;
use engine::circuits::{Budget, Operation, Parts, Refresh};
use engine::ckks::{Ciphertext, Encoder, EvalError, EvaluationKeys, Evaluator, Level, SecretKey};
use engine::protocol::{
    Counting, Owner, Plan, ReceivedBatch, RefreshBy, RefreshRequest, Server, Task,
};
use engine::prune::{MergeMethod, MergePlan, Pruning, Rule, Scope, Score, Selection};
use engine::ring::sampling::Seed;
use engine::train::Model;
use tests::counted::{Call, Calls, Counted};
use tests::params;

const TASK: Task = Task {
    features: 5,
    classes: 3,
    batch: 64,
};
const SAMPLES: [usize; 3] = [64, 40, 64];

/// An owner in the same process, with a device of its own.
struct AtHand<'a> {
    owner: &'a Owner<'a, Counted>,
    /// The levels given back, once for each vector.
    refreshed: RefCell<Vec<Level>>,
}

impl Refresh<Counted> for AtHand<'_> {
    fn refresh(
        &self,
        x: &Ciphertext<Counted>,
        to: Level,
        bound: f64,
        _: Parts,
    ) -> Result<Ciphertext<Counted>, EvalError> {
        let ciphertext = x.clone();
        let request = RefreshRequest {
            ciphertext,
            to,
            bound,
        };
        let fresh = self.owner.refresh(&request, &Seed([7; 32]))?.ciphertext;
        self.refreshed.borrow_mut().push(to);
        Ok(fresh)
    }
}

/// What a budget asks of a device.
fn calls(budget: &Budget) -> Calls {
    let mut calls = Calls::new();
    for ((operation, level), times) in budget.counts() {
        let of_operation: &[(Call, u64)] = match operation {
            Operation::Rotation | Operation::Conjugation | Operation::Relinearization => {
                &[(Call::KeyProduct, 1), (Call::Decomposition, 1)]
            }
            Operation::HoistedRotation => &[(Call::KeyProduct, 1)],
            Operation::Decomposition => &[(Call::Decomposition, 1)],
            Operation::TensorProduct => &[(Call::TensorProduct, 1)],
            Operation::PlainProduct => &[(Call::PlainProduct, 2)],
            Operation::Encoding => &[(Call::Encoding, 1)],
            _ => &[],
        };
        for &(call, each) in of_operation {
            *calls.entry((call, level)).or_default() += each * times;
        }
    }
    calls
}

fn check(activation: ActivationChoice, score: Score, scope: Scope) {
    let params = params("insecure-10");
    let [backend, owners] = [(); 2].map(|()| Counted::new(&params));
    let plan = Plan::new(&params, TASK, activation, RefreshBy::Owner).unwrap();
    let scopes = Pruning {
        score,
        scope: Scope::Global,
    };
    let plan = plan.with_pruning(&params, scopes).unwrap();
    let encoder = Arc::new(Encoder::new(params.degree()));
    let key = SecretKey::generate(&params, &Seed([1; 32]));
    let owner = Owner::new(&owners, &params, Arc::clone(&encoder), key);
    let mut keys = EvaluationKeys::default();
    owner
        .evaluation_keys(plan.keys(), &Seed([2; 32]), |name, made| {
            name.insert(&mut keys, params.degree(), made);
            Ok::<_, EvalError>(())
        })
        .unwrap();
    let at_hand = AtHand {
        owner: &owner,
        refreshed: RefCell::default(),
    };
    let start = Model::zeros(TASK.classes, TASK.features);
    let start = owner.encrypt_start(&plan, &start, &Seed([3; 32])).unwrap();
    let mut state = start.ciphertext;
    let evaluator = Evaluator::new(&backend, &params, Arc::clone(&encoder), &keys);
    // Makes the imaginary unit, which every later product by it uses.
    evaluator.mul_i(&state).unwrap();
    let server = Server::new(evaluator, &at_hand, &plan, 0.1).unwrap();
    let mut counting = Counting::new(&plan).unwrap();
    let same = |what: &str, budget: &Budget| {
        assert_eq!(backend.take(), calls(budget), "{what}, {score:?}");
        let refreshed = at_hand.refreshed.take();
        let counted = [Operation::Refresh, Operation::RealRefresh].map(|kind| budget.count(kind));
        let counted: u64 = counted.iter().sum();
        assert_eq!(
            refreshed.len() as u64,
            counted,
            "refreshes of {what}, {score:?}"
        );
    };

    let classes = SAMPLES.map(|samples| (0..samples).map(|sample| sample % 3).collect::<Vec<_>>());
    let features = |classes: &Vec<usize>| -> Vec<f64> {
        let of_sample = |&class: &usize| (0..5).map(move |f| if f == class { 0.5 } else { 0.1 });
        classes.iter().flat_map(of_sample).collect()
    };
    let encrypted: Vec<ReceivedBatch<Counted>> = (0u8..)
        .zip(&classes)
        .map(|(seed, classes)| {
            let seed = Seed([10 + seed; 32]);
            let batch = owner.encrypt_batch(&plan, &features(classes), classes, &seed);
            batch.unwrap().received()
        })
        .collect();
    let refreshed = |state| {
        let state = server.refresh(&state).unwrap();
        assert_eq!(at_hand.refreshed.take(), [plan.levels().state]);
        let _ = backend.take();
        state
    };
    let _ = backend.take();

    // A warm-up on the training set, which is a level above its use.
    for (number, (batch, samples)) in encrypted.iter().zip(SAMPLES).enumerate() {
        let after = server.step(&state, batch, number).unwrap();
        same("a step on all samples", &counting.step(samples).unwrap());
        state = refreshed(after);
    }

    // Two rounds: what the first one encodes, the second one has.
    for round in 0..2 {
        let weights = server.score_weights(&state).unwrap();
        let forward = |batch| server.score_forward(&weights, batch).unwrap();
        let forward: Vec<_> = encrypted.iter().map(forward).collect();
        let budgets = counting.scores(SAMPLES.len()).unwrap();
        same("a forward pass", &budgets.forward);
        let scores = forward.iter().zip(&encrypted);
        let scores: Vec<_> = scores
            .map(|(forward, batch)| server.score(forward, batch).unwrap())
            .collect();
        let packed = server.pack_scores(&scores).unwrap();
        same("scores", &budgets.scores);
        let scores = owner.scores(&plan, score, &packed, &SAMPLES, &classes);
        let selection = Selection {
            keep: 0.4,
            rule: Rule::Importance { floor: 0.3 },
            class_balance: false,
            scope,
        };
        let seed = Seed([4; 32]).derive(round);
        let mask = selection.choose(plan.layout(), &scores.unwrap(), &classes, &seed);
        let mask = mask.unwrap();
        let merge = MergePlan::new(plan.layout(), &mask, MergeMethod::Planned);
        let mut merging = server.merging(&merge);
        for (index, batch) in encrypted.iter().enumerate() {
            server.merge(&mut merging, index, batch).unwrap();
        }
        let merged = server.merged(merging, &merge).unwrap();
        let (budget, totals) = counting.merge(&mask, MergeMethod::Planned).unwrap();
        same("merging", &budget);
        assert_eq!(totals, *merge.totals());
        for (index, batch) in merged.iter().enumerate() {
            let after = server.step(&state, batch, 3 + index).unwrap();
            same(
                "a step on kept samples",
                &counting.step_merged(index).unwrap(),
            );
            state = refreshed(after);
        }
    }
}

const SOFTMAX: ActivationChoice = ActivationChoice::Softmax { range: 8.0 };
const SIGMOID: ActivationChoice = ActivationChoice::Sigmoid {
    range: 8.0,
    degree: 13,
};

#[test]
fn a_pruned_training_does_what_is_counted() {
    check(SIGMOID, Score::LogitMargin, Scope::Rows);
    check(SOFTMAX, Score::LogitMargin, Scope::Global);
    check(SOFTMAX, Score::Hefs, Scope::Rows);
    check(SIGMOID, Score::HefsAbs, Scope::Rows);
}

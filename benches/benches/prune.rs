//! What the owner does in a round of pruning: the choice, without its decryption.

use criterion::{Criterion, criterion_group};
use engine::circuits::packing::{Grouping, Layout};
use engine::prune::{MergeMethod, MergePlan, Rule, Scope, Selection};
use engine::ring::sampling::Seed;

/// A tenth of 60,000 samples, by every rule and scope; the plan of their merging.
fn selection(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("prune 60,000 samples");
    let layout = Layout::with_width(1 << 15, 10, 768, 2048, 256, Grouping::Packed);
    let layout = layout.unwrap();
    let score =
        |index: u32| f64::from(index.wrapping_mul(2_654_435_761) >> 8) / f64::from(1u32 << 23);
    let scores: Vec<Vec<f64>> = (0..30)
        .map(|batch| {
            (0..2000)
                .map(|sample| score(2000 * batch + sample))
                .collect()
        })
        .collect();
    let classes: Vec<Vec<usize>> = (0..30)
        .map(|batch| (0..2000).map(|sample| (7 * batch + sample) % 10).collect())
        .collect();
    let rules = [
        Rule::Importance { floor: 0.3 },
        Rule::Hardest,
        Rule::Window { skip: 0.05 },
        Rule::Random,
        Rule::Mixed,
    ];
    for (rule, scope, class_balance) in rules.into_iter().flat_map(|rule| {
        let scopes = [Scope::Rows, Scope::Global].into_iter();
        scopes.flat_map(move |scope| [false, true].map(|balance| (rule, scope, balance)))
    }) {
        let selection = Selection {
            keep: 0.1,
            rule,
            class_balance,
            scope,
        };
        let (scope, method) = match scope {
            Scope::Rows => ("quota for each row", MergeMethod::WithinRows),
            Scope::Global => ("of all", MergeMethod::Planned),
        };
        let balance = if class_balance {
            ", classes balanced"
        } else {
            ""
        };
        let name = format!("{}, {scope}{balance}", rule.name());
        let choose = || selection.choose(&layout, &scores, &classes, &Seed([1; 32]));
        group.bench_function(&name, |bencher| bencher.iter(choose));
        if rule == Rule::Hardest && !class_balance {
            let mask = choose().unwrap();
            group.bench_function(format!("plan of merging: {name}"), |bencher| {
                bencher.iter(|| MergePlan::new(&layout, &mask, method));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, selection);

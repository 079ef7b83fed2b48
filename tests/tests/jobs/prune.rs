//! Trainings that prune.

use super::*;
use job::{
    MergeMethod, PruneConfig, PruneRounds, PruneSchedule, Pruning, Rule, Scope, Score, Selection,
};

pub(super) fn rounds(keep: f64, rule: Rule, scope: Scope) -> PruneRounds {
    PruneRounds {
        selection: Selection {
            keep,
            rule,
            class_balance: false,
            scope,
        },
        schedule: PruneSchedule {
            warmup: 1,
            every: 2,
        },
        method: MergeMethod::Planned,
    }
}

#[test]
fn a_pruned_run_is_the_pruned_training_in_the_clear() {
    let place = Place::new();
    for (score, rule, scope, method) in [
        (
            Score::LogitMargin,
            Rule::Importance { floor: 0.3 },
            Scope::Rows,
            MergeMethod::Planned,
        ),
        (
            Score::Hefs,
            Rule::Hardest,
            Scope::Global,
            MergeMethod::Naive,
        ),
        (
            Score::HefsAbs,
            Rule::Mixed,
            Scope::Global,
            MergeMethod::Planned,
        ),
        (
            Score::Random,
            Rule::Random,
            Scope::Rows,
            MergeMethod::Planned,
        ),
    ] {
        let mut config = place.run_config();
        config.train.epochs = Some(4);
        let rounds = PruneRounds {
            method,
            ..rounds(0.5, rule, scope)
        };
        config.train.prune = Some(PruneConfig { score, rounds });
        let mut heard = Heard::default();
        let report = job::run(&config, &mut heard).unwrap();
        assert!(
            report.weight_error < 5e-3,
            "{score:?}: {}",
            report.weight_error
        );
        assert_eq!(report.test_accuracy, report.clear_test_accuracy);
        let pruning = report.pruning.unwrap();
        assert!((pruning.kept_fraction - 0.5).abs() < 0.02);
        assert_eq!((pruning.prune_rounds, heard.count("Prune")), (2, 2));
        assert_eq!(pruning.scorings, if score == Score::Random { 0 } else { 2 });
        assert_eq!(pruning.bytes_to_owner > 0, score != Score::Random);
        let told = pruning.seconds_score_per_batch;
        assert_eq!(told.is_some_and(|s| s > 0.0), score != Score::Random);
        // Two batches in the first epoch, one of half of the rows afterwards.
        assert_eq!((report.steps, report.epochs), (5, 4));
    }
}

#[test]
fn owner_and_server_prune_through_files() {
    for score in [Score::LogitMargin, Score::Hefs] {
        let place = Place {
            pruning: Some(Pruning {
                score,
                scope: Scope::Global,
            }),
            ..Place::new()
        };
        place.keygen("keys").unwrap();
        place.encrypt("keys", "train.vg").unwrap();
        let config = TrainJobConfig {
            epochs: Some(5),
            early_stopping: true,
            prune: Some(rounds(0.5, Rule::Hardest, Scope::Global)),
            ..place.train_config("keys")
        };
        let (trained, answered) = place.train(&config, "keys");
        let (trained, answered) = (trained.unwrap(), answered.unwrap());
        let pruning = trained.pruning.unwrap();
        assert_eq!((pruning.scorings, answered.masks), (2, 2));
        assert!(answered.refreshes >= trained.steps);
        assert!(
            fs::read_dir(place.path("exchange"))
                .unwrap()
                .next()
                .is_none(),
            "all was read"
        );
        place.decrypt("keys", "model.vg").unwrap();
        let accuracy = place.evaluate("model.safetensors").unwrap().test_accuracy;
        assert!(accuracy > 0.7, "{accuracy}");
    }
}

#[test]
fn what_keys_and_options_do_not_allow_is_refused() {
    let place = Place::new();
    place.keygen("keys").unwrap();
    place.encrypt("keys", "train.vg").unwrap();
    let config = TrainJobConfig {
        prune: Some(rounds(0.5, Rule::Random, Scope::Rows)),
        ..place.train_config("keys")
    };
    let refused = job::train(&config, &mut Heard::default());
    assert!(matches!(refused, Err(JobError::NotPrunable)), "{refused:?}");
    for (keep, rule) in [
        (0.0, Rule::Random),
        (1.5, Rule::Random),
        (f64::NAN, Rule::Random),
        (0.5, Rule::Importance { floor: 0.0 }),
        (0.5, Rule::Window { skip: 1.0 }),
    ] {
        let mut config = place.run_config();
        config.train.prune = Some(PruneConfig {
            score: Score::LogitMargin,
            rounds: rounds(keep, rule, Scope::Rows),
        });
        let refused = job::run(&config, &mut Heard::default());
        assert!(
            matches!(refused, Err(JobError::Option { .. })),
            "{keep} {rule:?}"
        );
    }
}

#[test]
fn an_owner_with_rows_of_another_order_chooses_none() {
    let place = Place {
        pruning: Some(Pruning {
            score: Score::LogitMargin,
            scope: Scope::Rows,
        }),
        ..Place::new()
    };
    place.keygen("keys").unwrap();
    place.encrypt("keys", "train.vg").unwrap();
    let config = TrainJobConfig {
        prune: Some(rounds(0.5, Rule::Hardest, Scope::Rows)),
        wait: Duration::from_secs(2),
        ..place.train_config("keys")
    };
    let answering = RefreshConfig {
        seed: 4,
        ..place.refresh_config("keys")
    };
    thread::scope(|scope| {
        let owner = scope.spawn(|| job::refresh(&answering, &mut Heard::default()));
        let error = job::train(&config, &mut Heard::default()).unwrap_err();
        assert!(matches!(error, JobError::NoAnswer { .. }), "{error}");
        let error = owner.join().unwrap().unwrap_err();
        assert!(matches!(error, JobError::OtherRows { .. }), "{error}");
    });
}

//! Trainings that prune.

use super::*;
use host::file::{Expected, Reader, Writer};
use job::{
    MergeMethod, PruneConfig, PruneRounds, PruneSchedule, Pruning, Rule, Scope, Score, Selection,
};
use serde_json::{Value, json};

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
            trained: false,
        },
        method: match scope {
            Scope::Rows => MergeMethod::WithinRows,
            Scope::Global => MergeMethod::Planned,
        },
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
            MergeMethod::WithinRows,
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
            MergeMethod::WithinRows,
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
        (0.5, Rule::Window { skip: f64::NAN }),
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

/// A server that bootstraps, with keys for choices by logits.
fn alone() -> Place {
    let place = Place {
        params: "insecure-11-boot",
        pruning: Some(Pruning {
            score: Score::LogitMargin,
            scope: Scope::Rows,
        }),
        ..Place::new()
    };
    place.keygen("keys").unwrap();
    place.encrypt("keys", "train.vg").unwrap();
    place
}

/// Its training: three epochs of one step, none on all rows, the first choice a random one.
fn alone_config(place: &Place, rule: Rule, every: usize) -> TrainJobConfig {
    let schedule = PruneSchedule {
        warmup: 0,
        every,
        trained: false,
    };
    TrainJobConfig {
        epochs: Some(3),
        prune: Some(PruneRounds {
            schedule,
            ..rounds(0.5, rule, Scope::Rows)
        }),
        wait: Duration::from_secs(3),
        ..place.train_config("keys")
    }
}

#[test]
fn scores_out_of_range_end_a_training_at_once() {
    let place = alone();
    let config = TrainJobConfig {
        learning_rate: Some(1e3),
        wait: Duration::from_secs(60),
        ..alone_config(&place, Rule::Hardest, 2)
    };
    let (trained, answered) = place.train(&config, "keys");
    let error = trained.unwrap_err();
    assert!(matches!(error, JobError::Refused { .. }), "{error}");
    let error = answered.unwrap_err();
    assert!(matches!(error, JobError::Diverged { .. }), "{error}");
}

/// Writes a file anew, with another header or other sections.
fn rewrite(path: &Path, change: impl FnOnce(&mut Value, &mut [(String, Vec<u8>)])) {
    let expected = Expected {
        kind: None,
        parameters: None,
        max_section_bytes: 1 << 30,
    };
    let mut reader = Reader::open(path, &expected).unwrap();
    let (kind, parameters) = (reader.kind(), reader.parameters().cloned());
    let mut header: Value = reader.header().unwrap();
    let names: Vec<String> = reader.sections().map(|(name, _)| name.to_owned()).collect();
    let mut sections: Vec<(String, Vec<u8>)> = names
        .into_iter()
        .map(|name| {
            let bytes = reader.section(&name, 1 << 30).unwrap();
            (name, bytes)
        })
        .collect();
    change(&mut header, &mut sections);
    let mut writer = Writer::create(path, kind, parameters.as_ref()).unwrap();
    for (name, bytes) in &sections {
        writer.section(name, bytes).unwrap();
    }
    writer.commit(&header).unwrap();
}

/// An observer that keeps what is told in words.
#[derive(Default)]
struct Told(Vec<String>);

impl Observer for Told {
    fn event(&mut self, event: &Event<'_>) {
        if let Event::Note(note) = event {
            self.0.push(note.clone());
        }
    }
}

#[test]
fn an_owner_tells_what_it_is_asked_for_and_obeys_where_that_makes_sense() {
    let place = alone();
    let config = alone_config(&place, Rule::Hardest, 1);
    let [request, answer] =
        ["request", "answer"].map(|what| place.path(&format!("exchange/prune-000001.{what}.vg")));
    // Nobody answers, and the server takes its question back.
    let sound = thread::scope(|scope| {
        let server = scope.spawn(|| job::train(&config, &mut Heard::default()));
        while !request.exists() && !server.is_finished() {
            thread::sleep(Duration::from_millis(5));
        }
        let sound = fs::read(&request).unwrap();
        let unanswered = server.join().unwrap();
        assert!(matches!(unanswered, Err(JobError::NoAnswer { .. })));
        sound
    });
    let owner = place.refresh_config("keys");
    for (field, wrong, words) in [
        ("keep", json!(0.0), "the share of samples kept is 0;"),
        ("keep", json!(1.5), "the share of samples kept is 1.5;"),
        (
            "rule",
            json!({"name": "importance", "floor": -1.0}),
            "the floor of importance is -1;",
        ),
        (
            "rule",
            json!({"name": "window", "skip": 1.0}),
            "the window that is skipped is 1;",
        ),
    ] {
        fs::write(&request, &sound).unwrap();
        rewrite(&request, |header, _| header["selection"][field] = wrong);
        let refused = job::refresh(&owner, &mut Heard::default()).unwrap_err();
        assert!(refused.to_string().contains(words), "{refused}");
        assert!(!answer.exists());
    }
    fs::write(&request, &sound).unwrap();
    let mut told = Told::default();
    let over = job::refresh(&owner, &mut told).unwrap_err();
    assert!(matches!(over, JobError::TrainingFailed { .. }), "{over}");
    assert!(answer.exists());
    let asked = "round 1: the server asks for a share of 0.5 by hardest, as many from each row of the ciphertexts, whatever \
                 their class; ";
    assert!(
        told.0.iter().any(|note| note.starts_with(asked)),
        "{:?}",
        told.0
    );
}

#[test]
fn a_mask_from_a_checkpoint_is_looked_at_like_one_from_a_message() {
    let place = alone();
    // One choice for the first two epochs: the second one finds it in the checkpoint.
    let config = alone_config(&place, Rule::Random, 2);
    end_after_a_step(&config);
    let checkpoint = place.path("model.vg.checkpoint");
    rewrite(&checkpoint, |_, sections| {
        let mut sections = sections.iter_mut();
        let (_, bytes) = sections.find(|(name, _)| name == "history").unwrap();
        let mut history: Value = serde_json::from_slice(bytes).unwrap();
        let samples = &mut history["pruning"]["rounds"][0]["mask"]["samples"][0];
        *samples = (samples.as_u64().unwrap() + 1).into();
        *bytes = serde_json::to_vec(&history).unwrap();
    });
    let refused = resume(&checkpoint);
    assert!(matches!(refused, Err(JobError::Mask(_))), "{refused:?}");
}

#[test]
fn what_would_have_no_effect_is_refused() {
    let place = Place::new();
    let balanced = |rule| Selection {
        class_balance: true,
        ..rounds(0.5, rule, Scope::Rows).selection
    };
    for (score, selection, warmup, words) in [
        (
            Score::Random,
            rounds(0.5, Rule::Hardest, Scope::Rows).selection,
            1,
            "--prune-rule random",
        ),
        (
            Score::LogitMargin,
            balanced(Rule::Random),
            1,
            "class balance",
        ),
        (
            Score::LogitMargin,
            balanced(Rule::Hardest),
            2,
            "nothing is ever pruned",
        ),
    ] {
        let mut config = place.run_config();
        config.train.prune = Some(PruneConfig {
            score,
            rounds: PruneRounds {
                selection,
                schedule: PruneSchedule {
                    warmup,
                    every: 2,
                    trained: false,
                },
                method: MergeMethod::WithinRows,
            },
        });
        let refused = job::run(&config, &mut Heard::default()).unwrap_err();
        assert!(refused.to_string().contains(words), "{refused}");
    }
}

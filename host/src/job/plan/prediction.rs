//! Counts times costs.

use engine::circuits::{Budget, Costs, Operation, Phase};
use engine::ckks::{KeyName, Level};
use engine::protocol::RefreshBy;
use engine::train::StepRefresh;

use super::counts::{FORWARD, MERGING, SCORES, VALIDATION};
use super::course::{Course, Training};
use crate::job::calibrate::Calibration;
use crate::job::task::Setup;
use crate::job::{OperationCount, PredictionReport, RefreshCost};

/// All but the memory.
pub(super) fn predict(
    training: &Training<'_>,
    course: &Course,
    calibration: &Calibration,
) -> PredictionReport {
    let Setup { params, plan, .. } = training.setup;
    let (task, levels, data) = (plan.task(), plan.levels(), plan.data_levels());
    let costs = &calibration.costs;
    let keys = KeyName::all(params, plan.keys()).into_iter();
    let seconds_keys: f64 = keys.map(|(_, level)| calibration.key.at(level)).sum();

    let encrypted =
        |vectors: usize, level: Level| vectors as f64 * calibration.encryption.at(level);
    let features = plan.feature_vectors();
    let batch = encrypted(features, data.features) + encrypted(1, data.labels);
    let batches = training.classes.len();
    let seconds_encrypt = batches as f64 * batch;

    let state = plan.layout().state_vectors();
    let epochs = training.schedule.epochs;
    let validation_level = plan.validation_levels().features;
    let decrypted = |vectors: usize| vectors as f64 * calibration.decryption.at(Level(0));
    let seconds_validation =
        course.counts.seconds(VALIDATION, costs) + decrypted(epochs * training.validation_batches);
    let seconds_steps = course.seconds_steps(costs);
    let rounds = [FORWARD, SCORES, MERGING];
    let seconds_rounds = rounds.map(|part| course.counts.seconds(part, costs));
    let seconds_owner = decrypted(course.scorings * training.score_vectors());
    let seconds_pruning = seconds_rounds.iter().sum::<f64>() + seconds_owner;
    let seconds_train = seconds_steps + seconds_validation + seconds_pruning;
    let steps: usize = course.steps.iter().sum();

    let start = encrypted(state, levels.state)
        + encrypted(training.validation_batches * features, validation_level);
    let end = state as f64 * calibration.decryption.at(levels.result);
    // With the exact activation and with its polynomials.
    let clear = (2 * training.samples_used() * task.features * task.classes) as f64;
    let seconds_compare = clear * calibration.clear_product;
    let seconds_total = seconds_keys
        + seconds_encrypt
        + start
        + calibration.bootstrap_preparation
        + seconds_train
        + end
        + seconds_compare;

    let bytes = |vectors: usize, level: Level| (vectors * params.ciphertext_bytes(level)) as u64;
    // Second halves of what the owner encrypts, and of keys, are seeds.
    let fresh = |vectors: usize, level: Level| bytes(vectors, level) / 2;
    let training_set_bytes = fresh(state, levels.state)
        + batches as u64 * (fresh(features, data.features) + fresh(1, data.labels))
        + fresh(training.validation_batches * features, validation_level);
    let refreshes = plan.refreshes();
    let by_owner = plan.refresh_by() == RefreshBy::Owner;
    let asked = |of_vectors: &dyn Fn(usize, Level) -> u64, answer: bool| -> u64 {
        let each = refreshes.iter().map(|refresh| {
            let level = if answer { refresh.to } else { refresh.from };
            of_vectors(refresh.vectors, level)
        });
        if by_owner { each.sum() } else { 0 }
    };
    let logits_bytes = bytes(epochs * training.validation_batches, Level(0));
    let [to_owner, to_server] = training.message_bytes(course);
    PredictionReport {
        params: params.name().to_owned(),
        device: calibration.subject.device.clone(),
        threads: calibration.subject.threads,
        refresh: plan.refresh_by().name().to_owned(),
        steps,
        operations: operations(plan.budget(), costs),
        key_switches_per_step: plan.budget().key_switches(),
        refreshes: refreshes
            .iter()
            .map(|refresh| refresh_cost(refresh, costs))
            .collect(),
        refreshes_per_step: refreshes.iter().map(|refresh| refresh.vectors).sum(),
        seconds_per_step: seconds_steps / steps.max(1) as f64,
        seconds_keys,
        seconds_encrypt,
        seconds_bootstrap_preparation: calibration.bootstrap_preparation,
        seconds_masks: course.seconds_masks(costs),
        seconds_validation,
        seconds_pruning,
        seconds_train,
        seconds_compare,
        seconds_total,
        peak_memory_bytes: 0,
        key_file_bytes: plan.keys().bytes(params) as u64 / 2,
        training_set_bytes,
        model_bytes: bytes(state, levels.result),
        bytes_to_owner: steps as u64 * asked(&bytes, false) + logits_bytes + to_owner,
        bytes_to_server: steps as u64 * asked(&fresh, true) + to_server,
        pruning: None,
    }
}

/// What a refresh takes.
pub(super) fn refresh_cost(refresh: &StepRefresh, costs: &Costs) -> RefreshCost {
    let each = costs.of(Operation::refresh(refresh.parts), refresh.to);
    RefreshCost {
        vectors: refresh.vectors,
        from: refresh.from.0,
        to: refresh.to.0,
        bound: refresh.bound,
        seconds: refresh.vectors as f64 * each,
    }
}

/// The operations of a step, refreshes apart.
fn operations(budget: &Budget, costs: &Costs) -> Vec<OperationCount> {
    let of_phase = |phase: Phase| {
        let counts = budget.counts_in(phase).into_iter();
        let counts = counts.filter(|((operation, _), _)| !operation.refreshes());
        counts.map(move |((operation, level), times)| OperationCount {
            phase: phase.name(),
            operation,
            level: level.0,
            count: times,
            seconds: times as f64 * costs.of(operation, level),
        })
    };
    Phase::ALL.into_iter().flat_map(of_phase).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use engine::circuits::{Costs, Curve};
    use engine::ckks::presets;
    use engine::protocol::Task;

    use super::*;
    use crate::job::ActivationChoice;
    use crate::job::task::Schedule;

    /// Every operation number `i` of the list takes `i + 1` seconds, whatever its level.
    fn made_up() -> Calibration {
        let curves: BTreeMap<_, _> = (1..)
            .zip(Operation::ALL)
            .map(|(i, operation)| (operation, Curve::constant(f64::from(i))))
            .collect();
        Calibration {
            costs: Costs::new(curves).unwrap(),
            key: Curve::new(vec![(Level(0), 100.0), (Level(10), 200.0)]).unwrap(),
            encryption: Curve::constant(3.0),
            decryption: Curve::constant(5.0),
            bootstrap_preparation: 0.0,
            clear_product: 1e-3,
            ..crate::job::calibrate::nothing()
        }
    }

    #[test]
    fn a_prediction_is_counts_times_costs() {
        let params = presets::named("insecure-10").unwrap().unwrap();
        let task = Task {
            features: 3,
            classes: 2,
            batch: 32,
        };
        let activation = ActivationChoice::Sigmoid {
            range: 8.0,
            degree: 5,
        };
        let setup = Setup::new(&params, task, Some(activation), None).unwrap();
        let plan = &setup.plan;
        let classes = [vec![0; 30], vec![1; 30]];
        let training = |validation_batches| Training {
            setup: &setup,
            schedule: Schedule::new(Some(3), None, 2, activation, None).unwrap(),
            prune: None,
            classes: &classes,
            validation_batches,
        };
        let found = |validation_batches| {
            let training = training(validation_batches);
            predict(&training, &training.course().unwrap(), &made_up())
        };
        let (found, asked) = (found(0), found(1));
        let seconds = |budget: &Budget| -> f64 {
            let seconds = (1..).zip(Operation::ALL);
            seconds
                .map(|(i, operation)| (i * budget.count(operation)) as f64)
                .sum()
        };
        // The state is refreshed between steps: number 12 of the list, for one vector.
        let inner: usize = plan.refreshes().len() - 1;
        assert_eq!((plan.layout().state_vectors(), inner), (1, 0));
        let masks = seconds(plan.first_budget()) - seconds(plan.budget());
        assert!(masks > 0.0);
        // Number 10 of the list.
        let encodings = |budget: &Budget| (10 * budget.count(Operation::Encoding)) as f64;
        let encoded = encodings(plan.first_budget()) + 5.0 * encodings(plan.budget());
        assert!((found.seconds_masks - encoded).abs() < 1e-9);
        let train = 6.0 * seconds(plan.budget()) + masks + 5.0 * 12.0;
        assert!((found.seconds_train - train).abs() < 1e-9);
        assert!((found.seconds_per_step - train / 6.0).abs() < 1e-9);
        let of_step: f64 = found.operations.iter().map(|row| row.seconds).sum();
        assert!((of_step - seconds(plan.budget())).abs() < 1e-9);
        let keys = KeyName::all(&params, plan.keys()).into_iter();
        let keys: f64 = keys
            .map(|(_, Level(l))| (100 + 10 * l.min(10)) as f64)
            .sum();
        assert!((found.seconds_keys - keys).abs() < 1e-9);
        let encrypt = 2.0 * 3.0 * (plan.feature_vectors() + 1) as f64;
        assert!((found.seconds_encrypt - encrypt).abs() < 1e-9);
        let compare = 2.0 * 3.0 * 60.0 * 3.0 * 2.0 * 1e-3;
        let total = keys + encrypt + 3.0 + train + 5.0 + compare;
        assert!((found.seconds_total - total).abs() < 1e-9);

        // One refresh a step: both halves to the owner, one back.
        let bytes = |level| params.ciphertext_bytes(level) as u64;
        assert_eq!(found.bytes_to_owner, 6 * bytes(plan.levels().result));
        assert_eq!(found.bytes_to_server, 6 * bytes(plan.levels().state) / 2);
        assert_eq!(found.model_bytes, bytes(plan.levels().result));

        // Asked after each epoch, the owner gets logits too, and the last state is refreshed.
        // For that the state is lowered: numbers 8 and 11 of the list.
        let validation = 3.0 * (seconds(plan.validation_budget()) + 8.0 + 11.0 + 5.0);
        assert!((asked.seconds_train - train - 12.0 - validation).abs() < 1e-9);
        assert_eq!(
            asked.bytes_to_owner,
            found.bytes_to_owner + 3 * bytes(Level(0))
        );
    }
}

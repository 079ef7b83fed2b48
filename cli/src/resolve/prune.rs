//! What is said of choices of rows.

use host::job::{
    ChooseBy, DEFAULT_IMPORTANCE_FLOOR, DEFAULT_WINDOW, DataChoice, MergeMethod, PruneCheckConfig,
    PruneConfig, PruneMaskConfig, PruneMergeConfig, PruneRounds, PruneSchedule, PruneScoreConfig,
    PruneSweepConfig, Pruning, Rule, Scope, Score, Selection,
};

use crate::args::{
    PruneArgs, PruneCheckArgs, PruneMaskArgs, PruneMerge, PruneMergeArgs, PruneRule, PruneScore,
    PruneScoreArgs, PruneSweepArgs, SelectionArgs,
};
use crate::streams::Failure;
use crate::values;

/// The score that is chosen.
fn score(score: PruneScore) -> Score {
    match score {
        PruneScore::LogitMargin => Score::LogitMargin,
        PruneScore::Hefs => Score::Hefs,
        PruneScore::HefsAbs => Score::HefsAbs,
        PruneScore::Random => Score::Random,
    }
}

fn scope(global: bool) -> Scope {
    if global { Scope::Global } else { Scope::Rows }
}

/// What keys and data are prepared for, if for anything.
pub(super) fn pruning(chosen: Option<PruneScore>, global: bool) -> Option<Pruning> {
    chosen.map(|chosen| Pruning {
        score: score(chosen),
        scope: scope(global),
    })
}

/// Epochs between two choices, if nothing is said and there are enough.
const DEFAULT_EVERY: usize = 5;

/// How rows are brought together that were chosen among all, or by quotas.
fn merge_method(method: PruneMerge, global: bool) -> MergeMethod {
    match (method, scope(global)) {
        (PruneMerge::Planned, Scope::Rows) => MergeMethod::WithinRows,
        (PruneMerge::Planned, Scope::Global) => MergeMethod::Planned,
        (PruneMerge::Naive, _) => MergeMethod::Naive,
    }
}

/// How a training prunes, if it does: by logits, if nothing is said.
pub(super) fn config(
    chosen: Option<PruneScore>,
    epochs: Option<usize>,
    args: &PruneArgs,
) -> Result<Option<PruneConfig>, Failure> {
    let score = chosen.map_or(Score::LogitMargin, self::score);
    let Some(mut rounds) = rounds(epochs, args)? else {
        return Ok(None);
    };
    if score == Score::Random && args.selection.prune_rule.is_none() {
        rounds.selection.rule = Rule::Random;
    }
    Ok(Some(PruneConfig { score, rounds }))
}

/// The same without the score, which is the keys'.
pub(super) fn rounds(
    epochs: Option<usize>,
    args: &PruneArgs,
) -> Result<Option<PruneRounds>, Failure> {
    let Some(left_out) = args.prune else {
        return Ok(None);
    };
    // Without a warm-up the first choice is a random one: the second must come before the end.
    let every = match epochs {
        Some(epochs) if args.prune_warmup == 0 => epochs.div_ceil(2).clamp(1, DEFAULT_EVERY),
        _ => DEFAULT_EVERY,
    };
    Ok(Some(PruneRounds {
        selection: selection(left_out, &args.selection)?,
        schedule: PruneSchedule {
            warmup: args.prune_warmup,
            every: args.prune_every.unwrap_or(every),
            trained: false,
        },
        method: merge_method(args.prune_merge, args.selection.global_mask),
    }))
}

/// What is kept if so much is left out.
fn selection(left_out: f64, args: &SelectionArgs) -> Result<Selection, Failure> {
    let rule = args.prune_rule.unwrap_or(PruneRule::Importance);
    if args.prune_window.is_some() && !matches!(rule, PruneRule::Window) {
        let message =
            "--prune-window is for --prune-rule window, and has no effect with another rule";
        return Err(Failure::Usage(message.to_owned()));
    }
    let rule = match rule {
        PruneRule::Importance => Rule::Importance {
            floor: DEFAULT_IMPORTANCE_FLOOR,
        },
        PruneRule::Hardest => Rule::Hardest,
        PruneRule::Window => Rule::Window {
            skip: args.prune_window.unwrap_or(DEFAULT_WINDOW),
        },
        PruneRule::Random => Rule::Random,
        PruneRule::Mixed => Rule::Mixed,
    };
    Ok(Selection {
        keep: values::without(left_out),
        rule,
        class_balance: args.class_balance,
        scope: scope(args.global_mask),
    })
}

/// The configuration of `veilgrad prune score`.
pub(crate) fn prune_score(args: PruneScoreArgs) -> PruneScoreConfig {
    PruneScoreConfig {
        evaluation_keys: args.evaluation_keys,
        data: args.data,
        model: args.model,
        exchange: args.exchange,
        wait: args.wait,
        device: args.machine.device,
        threads: args.machine.threads,
        out: args.out,
    }
}

/// The configuration of `veilgrad prune mask`.
pub(crate) fn prune_mask(args: PruneMaskArgs) -> Result<PruneMaskConfig, Failure> {
    let by = match (args.scores, args.training_set) {
        (Some(scores), None) => ChooseBy::Scores(scores),
        (None, Some(set)) => ChooseBy::Nothing(set),
        _ => {
            let message = "name what to choose by: --scores SCORES.vg or --training-set FILE.vg";
            return Err(Failure::Usage(message.to_owned()));
        }
    };
    let mut selection = selection(args.prune, &args.selection)?;
    if let (ChooseBy::Nothing(_), None) = (&by, args.selection.prune_rule) {
        selection.rule = Rule::Random;
    }
    Ok(PruneMaskConfig {
        secret_key: args.secret_key,
        by,
        data: super::data(args.data),
        seed: args.seed.seed,
        selection,
        device: args.machine.device,
        threads: args.machine.threads,
        out: args.out,
        table: args.table,
    })
}

/// The configuration of `veilgrad prune merge`.
pub(crate) fn prune_merge(args: PruneMergeArgs) -> PruneMergeConfig {
    PruneMergeConfig {
        evaluation_keys: args.evaluation_keys,
        data: args.data,
        mask: args.mask,
        // Keys that are for quotas by row only say so themselves.
        method: merge_method(args.prune_merge, true),
        device: args.machine.device,
        threads: args.machine.threads,
        out: args.out,
    }
}

/// The configuration of `veilgrad prune check`.
pub(crate) fn prune_check(args: PruneCheckArgs) -> PruneCheckConfig {
    PruneCheckConfig {
        secret_key: args.secret_key,
        data: super::data(args.data),
        seed: args.seed.seed,
        mask: args.mask,
        merged: args.merged,
        device: args.machine.device,
        threads: args.machine.threads,
        table: args.table,
    }
}

/// The configuration of `veilgrad prune simulate`.
pub(crate) fn prune_sweep(args: &PruneSweepArgs) -> PruneSweepConfig {
    let data: Vec<DataChoice> = args.data.iter().cloned().map(DataChoice::File).collect();
    PruneSweepConfig {
        data: if data.is_empty() {
            vec![DataChoice::Digits]
        } else {
            data
        },
        keep: args.keep.clone(),
        seeds: args.seeds,
        epochs: args.epochs,
        batch: args.batch,
        learning_rate: args.lr,
        schedule: PruneSchedule {
            warmup: args.prune_warmup,
            every: args.prune_every,
            trained: false,
        },
        window: args.prune_window,
        threads: args.threads,
    }
}

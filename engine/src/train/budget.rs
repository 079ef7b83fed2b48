//! What steps need, found out by dry runs on vectors without values; and the refreshes that make a step the fastest.

use super::gradient::Head;
use super::step::{Batch, Step, stages, too_deep};
use crate::circuits::activation::Approximation;
use crate::circuits::packing::{Layout, WeightSet};
use crate::circuits::{
    Budget, Clear, ClearPlain, Costs, LevelRange, Operation, RefreshPlan, StageCosts,
};
use crate::ckks::{EvalError, Level};

/// What a step needs if refreshes give back levels in this range, as few as possible: a dry run.
///
/// # Errors
/// [`EvalError::LevelExhausted`] if a part of the step has more levels.
pub fn step_budget<A: Approximation>(
    layout: &Layout,
    activation: A,
    range: impl Into<LevelRange>,
) -> Result<Budget, EvalError> {
    let machine = Clear::counting(layout.slots());
    let step = Step::new(&machine, layout, activation, 1.0, range)?;
    let [_, any] = run_twice(&machine, &step)?;
    Ok(any)
}

/// What the first step of a training needs, which encodes known vectors, and what any later one does: dry runs.
///
/// # Errors
/// [`EvalError::LevelExhausted`] for a plan that is not one for such a step.
pub fn planned_budgets<A: Approximation>(
    layout: &Layout,
    activation: A,
    plan: &RefreshPlan,
) -> Result<[Budget; 2], EvalError> {
    let machine = Clear::counting(layout.slots());
    let step = Step::with_plan(&machine, layout, activation, 1.0, plan.clone())?;
    run_twice(&machine, &step)
}

fn run_twice<A: Approximation>(
    machine: &Clear,
    step: &Step<A, ClearPlain>,
) -> Result<[Budget; 2], EvalError> {
    let (layout, levels) = (step.layout(), step.levels());
    let tile = |_| machine.zeros(layout.row_blocks(), levels.features);
    let batch = Batch {
        features: (0..layout.tiles()).map(tile).collect::<Result<_, _>>()?,
        labels: machine.zeros(1, levels.labels)?,
        counted: step.everyone(),
    };
    let state = machine.zeros(layout.state_vectors(), levels.state)?;
    let run = |number: usize| {
        step.run(machine, &state, &batch, number)?;
        Ok::<_, EvalError>(machine.take_budget())
    };
    Ok([run(0)?, run(1)?])
}

/// What the logits of a batch under the model need if the state comes in at `state`: a dry run.
///
/// # Errors
/// [`EvalError::LevelExhausted`] for a state below [`Head::logits_depth`].
pub fn logits_budget<A: Approximation>(
    layout: &Layout,
    activation: A,
    state: Level,
) -> Result<Budget, EvalError> {
    let machine = Clear::counting(layout.slots());
    let head = Head::new(&machine, layout, activation)?;
    let below = Level(state.0.saturating_sub(head.matmul().expand_depth()));
    let features = (0..layout.tiles())
        .map(|_| machine.zeros(layout.row_blocks(), below))
        .collect::<Result<Vec<_>, _>>()?;
    let state = machine.zeros(layout.state_vectors(), state)?;
    head.logits(&machine, &state, WeightSet::Weights, &features)?;
    Ok(machine.take_budget())
}

/// The refreshes with which a step, and the refresh of the state behind it, take the fewest seconds.
///
/// # Cost
/// Two dry runs, and a search over levels.
///
/// # Errors
/// [`EvalError::LevelExhausted`] if a part of the step has more levels than the range.
pub fn fastest_plan<A: Approximation + Clone>(
    layout: &Layout,
    activation: A,
    range: LevelRange,
    costs: &Costs,
) -> Result<RefreshPlan, EvalError> {
    let machine = Clear::counting(layout.slots());
    let head = Head::new(&machine, layout, activation.clone())?;
    let stages = stages(&head);
    // Each stage gets a window of levels of its own, far from the others, so that levels say which stage an operation is of.
    let window = 2 + stages.iter().map(|stage| stage.depth).sum::<usize>();
    let bottom = |index: usize| (stages.len() - 1 - index) * window;
    let entered: Vec<Level> = (0..)
        .zip(&stages)
        .map(|(index, stage)| Level(bottom(index) + stage.depth))
        .collect();
    let apart = RefreshPlan {
        start: entered[0],
        refreshes: entered.iter().copied().map(Some).collect(),
        end: Level(0),
    };
    let [_, any] = planned_budgets(layout, activation, &apart)?;
    let counts = any.counts();
    let stage_seconds = |index: usize, level: Level| {
        let (low, high) = (bottom(index), bottom(index) + window);
        let seconds = counts.iter().filter_map(|(&(operation, at), &times)| {
            if operation.refreshes() || at.0 < low || at.0 >= high {
                return None;
            }
            // As far below the entry as in the dry run.
            let at = (at.0 + level.0).saturating_sub(entered.get(index)?.0);
            Some(times as f64 * costs.of(operation, Level(at)))
        });
        seconds.sum()
    };
    let refresh = |to: Level| costs.of(Operation::RealRefresh, to);
    let start = |to: Level| layout.state_vectors() as f64 * costs.of(Operation::Refresh, to);
    let costs = StageCosts::new(&stages, range.top, stage_seconds, refresh, start);
    let plan = RefreshPlan::new(&stages, None, range, &costs);
    plan.ok_or_else(|| too_deep(&stages, range))
}

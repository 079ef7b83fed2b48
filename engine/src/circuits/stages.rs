//! Where a program is refreshed: it names its stages, and a plan says in front of which ones levels are given back.

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use super::{Parts, Slots};
use crate::ckks::{EvalError, Level};

/// A part of a program between two places where it may be refreshed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stage {
    /// Levels it uses.
    pub depth: usize,
    /// Its key switches. Each costs about as much as there are limbs at its level.
    pub work: usize,
    /// Vectors alive in front of it, real ones, all of which are refreshed or none.
    pub vectors: usize,
    /// What their real and imaginary parts are bounded by.
    pub bound: f64,
    /// What it has to do with a vector that is set aside meanwhile.
    pub aside: Aside,
}

/// A vector that a program sets aside and comes back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aside {
    /// Nothing.
    Nothing,
    /// The vector in front of this stage is also kept aside, at its level.
    Keep,
    /// What was kept is added in front of this stage, before a refresh there.
    Join,
}

/// The levels that a program may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelRange {
    /// The lowest one: a refresh needs as many levels itself.
    pub floor: Level,
    /// The highest one that a refresh gives back.
    pub top: Level,
}

impl From<Level> for LevelRange {
    /// All levels up to `top`: for refreshes by the data owner.
    fn from(top: Level) -> Self {
        let floor = Level(0);
        Self { floor, top }
    }
}

impl LevelRange {
    /// Levels that a part of a program can use between two refreshes.
    #[must_use]
    pub const fn depth(self) -> usize {
        self.top.0.saturating_sub(self.floor.0)
    }
}

/// What the stages of a program cost, in seconds or in any other unit.
#[derive(Clone, Debug, PartialEq)]
pub struct StageCosts {
    /// By stage, then by the level in front of it.
    stages: Vec<Vec<f64>>,
    /// Of one refreshed vector, by the level given back.
    refresh: Vec<f64>,
    /// Of the refresh in front of the program, by the level that it starts at.
    start: Vec<f64>,
}

impl StageCosts {
    /// From the cost of a stage that is entered at a level at which it has the levels it needs, that of the refresh of a
    /// vector to a level, and that of whatever brings the program to the level it starts at.
    #[must_use]
    pub fn new(
        stages: &[Stage],
        top: Level,
        stage: impl Fn(usize, Level) -> f64,
        refresh: impl Fn(Level) -> f64,
        start: impl Fn(Level) -> f64,
    ) -> Self {
        let levels = || (0..=top.0).map(Level);
        let by_level = |(index, of): (usize, &Stage)| {
            let cost = |level: Level| match level.0 < of.depth {
                true => 0.0,
                false => stage(index, level),
            };
            levels().map(cost).collect()
        };
        Self {
            stages: stages.iter().enumerate().map(by_level).collect(),
            refresh: levels().map(refresh).collect(),
            start: levels().map(start).collect(),
        }
    }

    /// As few refreshed vectors as possible, and among those the fewest limbs in key switches: where nothing is known but
    /// the stages.
    #[must_use]
    pub fn counted(stages: &[Stage], top: Level) -> Self {
        let all: usize = stages.iter().map(|stage| stage.work + 1).sum();
        let refresh = ((top.0 + 2) * all) as f64;
        let stage = |index: usize, level: Level| {
            let work = stages.get(index).map_or(0, |stage| stage.work);
            (work * (level.0 + 1)) as f64
        };
        Self::new(stages, top, stage, |_| refresh, |_| 0.0)
    }

    fn of(&self, stage: usize, level: usize) -> f64 {
        let stage = self.stages.get(stage);
        stage
            .and_then(|levels| levels.get(level))
            .copied()
            .unwrap_or(f64::INFINITY)
    }

    fn refresh(&self, vectors: usize, to: usize) -> f64 {
        let one = self.refresh.get(to).copied().unwrap_or(f64::INFINITY);
        vectors as f64 * one
    }

    fn start(&self, at: usize) -> f64 {
        self.start.get(at).copied().unwrap_or(f64::INFINITY)
    }
}

/// A plan: at which level a program starts, and for each stage the level that is given back in front of it, if any.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefreshPlan {
    /// The level in front of the first stage.
    pub start: Level,
    /// By stage.
    pub refreshes: Vec<Option<Level>>,
    /// The level behind the last stage.
    pub end: Level,
}

impl RefreshPlan {
    /// The plan with the least cost.
    ///
    /// A refresh gives back any level of `levels`; the program starts at any of them, unless `start` is given, and never
    /// falls below the floor. Nothing if some stage is too deep.
    #[must_use]
    pub fn new(
        stages: &[Stage],
        start: Option<Level>,
        levels: impl Into<LevelRange>,
        costs: &StageCosts,
    ) -> Option<Self> {
        let levels = levels.into();
        let mut search = Search {
            stages,
            levels,
            costs,
            known: HashMap::new(),
        };
        let all = levels.floor.0..=levels.top.0;
        let starts = start.map_or(all, |Level(start)| start..=start);
        let best = starts
            .filter_map(|start| {
                let rest = search.best(0, start, None)?.cost;
                Some((rest + costs.start(start), start))
            })
            .min_by(|a, b| a.0.total_cmp(&b.0))?;
        let start = Level(best.1);
        let mut plan = Self {
            start,
            refreshes: Vec::with_capacity(stages.len()),
            end: start,
        };
        let (mut level, mut kept) = (start.0, None);
        for (index, stage) in stages.iter().enumerate() {
            let choice = search.best(index, level, kept)?;
            plan.refreshes.push(choice.refresh.map(Level));
            (level, kept) = stage.after(level, kept, choice.refresh, levels.floor)?;
        }
        plan.end = Level(level);
        Some(plan)
    }

    /// The plan with the fewest refreshed vectors, and among those the one whose key switches have the fewest limbs: where no
    /// costs are known.
    #[must_use]
    pub fn fewest(
        stages: &[Stage],
        start: Option<Level>,
        levels: impl Into<LevelRange>,
    ) -> Option<Self> {
        let levels = levels.into();
        let highest = levels.top.max(start.unwrap_or(levels.top));
        let costs = StageCosts::counted(stages, highest);
        Self::new(stages, start, levels, &costs)
    }

    /// Whether a program of these stages can follow the plan, which then ends where it says, without leaving the levels.
    #[must_use]
    pub fn fits(&self, stages: &[Stage], levels: LevelRange) -> bool {
        let given_back = self.refreshes.iter().flatten().chain([&self.start]);
        let within = |level: &&Level| (levels.floor..=levels.top).contains(*level);
        if self.refreshes.len() != stages.len() || !given_back.into_iter().all(|l| within(&l)) {
            return false;
        }
        let steps = stages.iter().zip(&self.refreshes);
        let end = steps
            .into_iter()
            .try_fold((self.start.0, None), |at, (stage, refresh)| {
                stage.after(at.0, at.1, refresh.map(|level| level.0), levels.floor)
            });
        end.is_some_and(|(level, _)| level == self.end.0)
    }

    /// The level in front of each stage, before it is refreshed there.
    #[must_use]
    pub fn entered(&self, stages: &[Stage]) -> Vec<Level> {
        let (mut level, mut kept) = (self.start.0, None);
        let mut entered = Vec::with_capacity(stages.len());
        for (stage, refresh) in stages.iter().zip(&self.refreshes) {
            entered.push(Level(match stage.aside {
                Aside::Join => level.min(kept.unwrap_or(level)),
                Aside::Nothing | Aside::Keep => level,
            }));
            let to = refresh.map(|level| level.0);
            // A plan that does not fit ends below the floor.
            (level, kept) = stage.after(level, kept, to, Level(0)).unwrap_or_default();
        }
        entered
    }

    /// Vectors refreshed.
    #[must_use]
    pub fn vectors(&self, stages: &[Stage]) -> usize {
        let refreshed = self.refreshes.iter().zip(stages);
        refreshed
            .filter_map(|(refresh, stage)| refresh.map(|_| stage.vectors))
            .sum()
    }
}

impl Stage {
    /// Levels of the running and of the kept vector behind this stage; nothing if they do not suffice.
    fn after(
        &self,
        level: usize,
        kept: Option<usize>,
        refresh: Option<usize>,
        floor: Level,
    ) -> Option<(usize, Option<usize>)> {
        let (mut level, mut kept) = (level, kept);
        if self.aside == Aside::Join {
            level = level.min(kept.take().unwrap_or(level));
        }
        level = refresh.unwrap_or(level);
        if self.aside == Aside::Keep {
            kept = Some(level);
        }
        let below = level.checked_sub(self.depth)?;
        (below >= floor.0).then_some((below, kept))
    }
}

/// The cheapest way from a stage to the end, by levels of the running and of the kept vector.
struct Search<'a> {
    stages: &'a [Stage],
    levels: LevelRange,
    costs: &'a StageCosts,
    known: HashMap<(usize, usize, Option<usize>), Option<Choice>>,
}

#[derive(Clone, Copy)]
struct Choice {
    /// From here to the end.
    cost: f64,
    refresh: Option<usize>,
}

impl Search<'_> {
    fn best(&mut self, index: usize, level: usize, kept: Option<usize>) -> Option<Choice> {
        let Some(&stage) = self.stages.get(index) else {
            return Some(Choice {
                cost: 0.0,
                refresh: None,
            });
        };
        if let Some(known) = self.known.get(&(index, level, kept)) {
            return *known;
        }
        let LevelRange { floor, top } = self.levels;
        let refreshes = (floor.0 + stage.depth..=top.0).map(Some);
        let mut best: Option<Choice> = None;
        for refresh in std::iter::once(None).chain(refreshes) {
            let Some((below, kept)) = stage.after(level, kept, refresh, floor) else {
                continue;
            };
            let Some(rest) = self.best(index + 1, below, kept) else {
                continue;
            };
            let refreshed = refresh.map_or(0.0, |to| self.costs.refresh(stage.vectors, to));
            let cost = rest.cost + refreshed + self.costs.of(index, below + stage.depth);
            if best.is_none_or(|best| cost < best.cost) {
                best = Some(Choice { cost, refresh });
            }
        }
        self.known.insert((index, level, kept), best);
        best
    }
}

/// A program on its way through its stages.
#[derive(Debug)]
pub struct Course<'a> {
    stages: std::slice::Iter<'a, Stage>,
    refreshes: std::slice::Iter<'a, Option<Level>>,
}

impl<'a> Course<'a> {
    /// The way through `stages` with the refreshes of a plan; without any where the plan is shorter.
    #[must_use]
    pub fn new(stages: &'a [Stage], refreshes: &'a [Option<Level>]) -> Self {
        Self {
            stages: stages.iter(),
            refreshes: refreshes.iter(),
        }
    }

    /// The vectors alive in front of the next stage, refreshed if the plan says so.
    ///
    /// # Errors
    /// Those of the refresh.
    pub fn enter<S: Slots, const COUNT: usize>(
        &mut self,
        machine: &S,
        alive: [S::Vector; COUNT],
    ) -> Result<[S::Vector; COUNT], EvalError> {
        let refresh = self.refreshes.next().copied().flatten();
        let (Some(stage), Some(level)) = (self.stages.next(), refresh) else {
            return Ok(alive);
        };
        debug_assert_eq!(stage.vectors, COUNT);
        let all = machine.stack(&alive.each_ref())?;
        let all = machine.refresh(&all, level, stage.bound, Parts::Real)?;
        let mut alive = alive;
        for (index, vector) in alive.iter_mut().enumerate() {
            *vector = machine.entries(&all, index..index + 1)?;
        }
        Ok(alive)
    }
}

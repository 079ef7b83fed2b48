//! Where a program is refreshed: it names its stages, and a plan says in front of which ones levels are given back.

use std::collections::HashMap;

use super::Slots;
use crate::ckks::{EvalError, Level};

/// A part of a program between two places where it may be refreshed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stage {
    /// Levels it uses.
    pub depth: usize,
    /// Its key switches. Each costs about as much as there are limbs at its level.
    pub work: usize,
    /// Vectors alive in front of it, all of which are refreshed or none.
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

/// A plan: at which level a program starts, and for each stage the level that is given back in front of it, if any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshPlan {
    /// The level in front of the first stage.
    pub start: Level,
    /// By stage.
    pub refreshes: Vec<Option<Level>>,
    /// The level behind the last stage.
    pub end: Level,
}

impl RefreshPlan {
    /// The plan with the fewest refreshed vectors, and among those the one whose key switches have the fewest limbs.
    ///
    /// A refresh gives back any level of `levels`; the program starts at any of them, unless `start` is given, and never
    /// falls below the floor. Nothing if some stage is too deep.
    #[must_use]
    pub fn new(
        stages: &[Stage],
        start: Option<Level>,
        levels: impl Into<LevelRange>,
    ) -> Option<Self> {
        let levels = levels.into();
        let mut search = Search {
            stages,
            levels,
            known: HashMap::new(),
        };
        let all = levels.floor.0..=levels.top.0;
        let starts = start.map_or(all, |Level(start)| start..=start);
        let best = starts
            .filter_map(|start| Some((search.best(0, start, None)?.cost, start)))
            .min()?;
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
    known: HashMap<(usize, usize, Option<usize>), Option<Choice>>,
}

#[derive(Clone, Copy)]
struct Choice {
    /// Refreshed vectors, then key switches times levels.
    cost: (usize, usize),
    refresh: Option<usize>,
}

impl Search<'_> {
    fn best(&mut self, index: usize, level: usize, kept: Option<usize>) -> Option<Choice> {
        let Some(&stage) = self.stages.get(index) else {
            return Some(Choice {
                cost: (0, 0),
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
            let refreshed = if refresh.is_some() { stage.vectors } else { 0 };
            let limbs = below + stage.depth + 1;
            let cost = (rest.cost.0 + refreshed, rest.cost.1 + stage.work * limbs);
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
        let all = machine.refresh(&all, level, stage.bound)?;
        let mut alive = alive;
        for (index, vector) in alive.iter_mut().enumerate() {
            *vector = machine.entries(&all, index..index + 1)?;
        }
        Ok(alive)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stage(depth: usize, work: usize) -> Stage {
        Stage {
            depth,
            work,
            vectors: 1,
            bound: 1.0,
            aside: Aside::Nothing,
        }
    }

    #[test]
    fn levels_are_given_back_where_they_run_out() {
        let stages = [stage(4, 100), stage(4, 10), stage(4, 10), stage(4, 100)];
        let plan = |start, top| RefreshPlan::new(&stages, start, Level(top));
        // Enough for all.
        let whole = plan(None, 16).unwrap();
        assert_eq!((whole.start, whole.end), (Level(16), Level(0)));
        assert_eq!(whole.refreshes, [None; 4]);
        // One refresh: the first stage at the bottom, and the last one.
        let once = plan(None, 12).unwrap();
        assert_eq!(once.start, Level(4));
        assert_eq!(once.refreshes, [None, Some(Level(12)), None, None]);
        // A given start is used up first, if that saves a refresh.
        let given = plan(Some(Level(12)), 8).unwrap();
        assert_eq!(given.refreshes.iter().flatten().count(), 1);
        assert_eq!(plan(None, 3), None);
    }

    #[test]
    fn what_is_set_aside_keeps_its_level() {
        let mut stages = [stage(1, 1), stage(3, 1), stage(3, 1)];
        stages[0].aside = Aside::Keep;
        stages[2].aside = Aside::Join;
        // At level 2 the kept vector has too few levels for the last stage: a refresh must stand in front of that one,
        // and the one before needs another.
        let plan = RefreshPlan::new(&stages, Some(Level(2)), Level(6)).unwrap();
        assert_eq!(plan.refreshes, [None, Some(Level(3)), Some(Level(3))]);
        // At level 3 it has not.
        let plan = RefreshPlan::new(&stages, Some(Level(3)), Level(6)).unwrap();
        assert_eq!(plan.vectors(&stages), 1);
    }

    proptest! {
        #[test]
        fn no_plan_has_fewer_refreshes_than_the_latest_possible_ones(
            depths in prop::collection::vec(1usize..6, 1..12), top in 5usize..20, start in 0usize..20,
        ) {
            let stages: Vec<Stage> = depths.iter().map(|&depth| stage(depth, depth)).collect();
            let start = start.min(top);
            let plan = RefreshPlan::new(&stages, Some(Level(start)), Level(top)).unwrap();
            let (mut level, mut greedy) = (start, 0);
            for &depth in &depths {
                if level < depth {
                    (level, greedy) = (top, greedy + 1);
                }
                level -= depth;
            }
            prop_assert_eq!(plan.vectors(&stages), greedy);
        }
    }
}

//! Plans of refreshes.

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
fn a_refresh_is_worth_it_where_levels_cost_more() {
    // Two stages of four levels; a level of the first costs 10 at each level above its depth.
    let stages = [stage(4, 1), stage(4, 1)];
    let plan = |refresh: f64, start_vectors| {
        let expensive = |index: usize, level: Level| match index {
            0 => 10.0 * (level.0 - 4) as f64,
            _ => 0.0,
        };
        let to = |level: Level| refresh + level.0 as f64;
        let start = |level| f64::from(start_vectors) * to(level);
        let costs = StageCosts::new(&stages, Level(12), expensive, to, start);
        RefreshPlan::new(&stages, None, Level(12), &costs).unwrap()
    };
    let cheap = plan(1.0, 0);
    assert_eq!(cheap.start, Level(4));
    assert_eq!(cheap.entered(&stages), [Level(4), Level(0)]);
    assert_eq!(cheap.refreshes, [None, Some(Level(4))]);
    // What a refresh to the level costs decides too: 41 below 50.
    assert_eq!(plan(100.0, 0).start, Level(8));
    assert_eq!(plan(1.0, 1).start, Level(4));
    assert!(cheap.fits(&stages, LevelRange::from(Level(12))));
    for wrong in [
        RefreshPlan {
            start: Level(13),
            ..cheap.clone()
        },
        RefreshPlan {
            start: Level(3),
            ..cheap.clone()
        },
        RefreshPlan {
            end: Level(1),
            ..cheap.clone()
        },
        RefreshPlan {
            refreshes: vec![None],
            ..cheap.clone()
        },
        RefreshPlan {
            refreshes: vec![None, Some(Level(3))],
            ..cheap.clone()
        },
    ] {
        assert!(
            !wrong.fits(&stages, LevelRange::from(Level(12))),
            "{wrong:?}"
        );
    }
}

#[test]
fn levels_are_given_back_where_they_run_out() {
    let stages = [stage(4, 100), stage(4, 10), stage(4, 10), stage(4, 100)];
    let plan = |start, top| RefreshPlan::fewest(&stages, start, Level(top));
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
    let plan = RefreshPlan::fewest(&stages, Some(Level(2)), Level(6)).unwrap();
    assert_eq!(plan.refreshes, [None, Some(Level(3)), Some(Level(3))]);
    // At level 3 it has not.
    let plan = RefreshPlan::fewest(&stages, Some(Level(3)), Level(6)).unwrap();
    assert_eq!(plan.vectors(&stages), 1);
}

/// The least cost of all plans from a start, by trying every refresh in front of every stage.
fn cheapest(stages: &[Stage], start: usize, costs: &StageCosts, levels: LevelRange) -> Option<f64> {
    fn from(
        (stages, index): (&[Stage], usize),
        (level, kept): (usize, Option<usize>),
        costs: &StageCosts,
        levels: LevelRange,
    ) -> Option<f64> {
        let Some(stage) = stages.get(index) else {
            return Some(0.0);
        };
        let refreshes = (levels.floor.0..=levels.top.0).map(Some);
        let each = std::iter::once(None)
            .chain(refreshes)
            .filter_map(|refresh| {
                let (below, kept) = stage.after(level, kept, refresh, levels.floor)?;
                let given = refresh.map_or(0.0, |to| costs.refresh(stage.vectors, to));
                let rest = from((stages, index + 1), (below, kept), costs, levels)?;
                Some(given + costs.of(index, below + stage.depth) + rest)
            });
        each.min_by(f64::total_cmp)
    }
    let all = from((stages, 0), (start, None), costs, levels)?;
    Some(all + costs.start(start))
}

/// What a plan costs.
fn cost(plan: &RefreshPlan, stages: &[Stage], costs: &StageCosts, levels: LevelRange) -> f64 {
    let mut sum = costs.start(plan.start.0);
    let (mut level, mut kept) = (plan.start.0, None);
    for (index, (stage, refresh)) in stages.iter().zip(&plan.refreshes).enumerate() {
        let refresh = refresh.map(|level| level.0);
        sum += refresh.map_or(0.0, |to| costs.refresh(stage.vectors, to));
        (level, kept) = stage.after(level, kept, refresh, levels.floor).unwrap();
        sum += costs.of(index, level + stage.depth);
    }
    sum
}

proptest! {
    #[test]
    fn no_plan_costs_less_than_the_one_that_is_found(
        depths in prop::collection::vec(1usize..4, 1..5), floor in 0usize..2, seed in any::<u64>(), aside in any::<bool>(),
    ) {
        let mut stages: Vec<Stage> = depths.iter().map(|&depth| stage(depth, depth)).collect();
        if let ([first, .., last], true) = (stages.as_mut_slice(), aside) {
            (first.aside, last.aside) = (Aside::Keep, Aside::Join);
        }
        let levels = LevelRange { floor: Level(floor), top: Level(6) };
        // Any numbers will do, as long as they are always the same.
        let number = |a: usize, b: usize| {
            let mixed = (seed ^ (a * 31 + b) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            (mixed >> 40) as f64
        };
        let costs = StageCosts::new(
            &stages, levels.top, |i, level| number(i, level.0), |to| number(99, to.0),
            |at| number(98, at.0),
        );
        let found = RefreshPlan::new(&stages, None, levels, &costs).unwrap();
        prop_assert!(found.fits(&stages, levels));
        let starts = floor..=levels.top.0;
        let least = starts.filter_map(|start| cheapest(&stages, start, &costs, levels));
        let least = least.min_by(f64::total_cmp).unwrap();
        let difference = (cost(&found, &stages, &costs, levels) - least).abs();
        prop_assert!(difference <= 1e-9 * least, "{} {}", difference, least);
    }

    #[test]
    fn no_plan_has_fewer_refreshes_than_the_latest_possible_ones(
        depths in prop::collection::vec(1usize..6, 1..12), top in 5usize..20, start in 0usize..20,
    ) {
        let stages: Vec<Stage> = depths.iter().map(|&depth| stage(depth, depth)).collect();
        let start = start.min(top);
        let plan = RefreshPlan::fewest(&stages, Some(Level(start)), Level(top)).unwrap();
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

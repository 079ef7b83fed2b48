//! What a job told, as figures.

use host::job::{EpochReport, PassageReport, PhaseReport, StepReport};

use super::chart::{Colour, Sheet, bars, key, range};
use crate::units;

/// The most bars of a figure; more steps are averaged in groups.
const MAX_BARS: usize = 120;
const MODEL: Colour = Colour("accent");
const EXACT: Colour = Colour("second");

/// The colour of a phase.
fn colour(phase: &str) -> Colour {
    Colour(match phase {
        "spreading and packing" => "spreading",
        "logits" => "logits",
        "activation" => "activation",
        "gradient" => "gradient",
        "update" => "update",
        "refreshes" => "refresh",
        _ => "other",
    })
}

/// One curve over the epochs, beside that of exact training.
pub(super) fn curve(
    epochs: &[EpochReport],
    title: &str,
    model: &str,
    values: impl Fn(&EpochReport) -> [f64; 2],
    label: impl Fn(f64) -> String,
) -> Option<String> {
    let last = epochs.last()?;
    let all: Vec<_> = epochs
        .iter()
        .map(|epoch| (epoch.epoch as f64, values(epoch)))
        .collect();
    let y = range(all.iter().flat_map(|(_, values)| *values))?;
    let x = [1.0, (last.epoch as f64).max(2.0)];
    let mut sheet = Sheet::new(240.0, x, y, ["epoch", ""], label).x_ticks(true);
    let of = |which: usize| -> Vec<(f64, f64)> {
        all.iter().map(|(x, values)| (*x, values[which])).collect()
    };
    sheet.line(&of(0), MODEL, false);
    sheet.line(&of(1), EXACT, true);
    let key = key(&[
        (MODEL, model.to_owned()),
        (EXACT, "exact training".to_owned()),
    ]);
    Some(sheet.finish(title) + &key)
}

/// Seconds of each step, divided by phase.
pub(super) fn steps(steps: &[StepReport]) -> Option<String> {
    let group = steps.len().div_ceil(MAX_BARS).max(1);
    let groups: Vec<&[StepReport]> = steps.chunks(group).collect();
    let mean = |group: &[StepReport], seconds: &dyn Fn(&StepReport) -> f64| {
        group.iter().map(seconds).sum::<f64>() / group.len() as f64
    };
    let highest = groups.iter().map(|group| mean(group, &|step| step.seconds));
    let highest = highest.fold(0.0, f64::max);
    if highest <= 0.0 {
        return None;
    }
    let x = [0.5, steps.len() as f64 + 0.5];
    let mut sheet = Sheet::new(240.0, x, [0.0, 1.05 * highest], ["step", "seconds"], |y| {
        format!("{y}")
    })
    .x_ticks(true);
    let mut first = 0;
    for steps in groups {
        let gap = 0.08 * steps.len() as f64;
        let ends = [
            first as f64 + 0.5 + gap,
            (first + steps.len()) as f64 + 0.5 - gap,
        ];
        let mut below = 0.0;
        for (place, part) in steps[0].phases.iter().enumerate() {
            let seconds = mean(steps, &|step| {
                step.phases.get(place).map_or(0.0, |part| part.seconds)
            });
            let title = format!(
                "step {}: {} {}",
                first + 1,
                part.phase,
                units::seconds(seconds)
            );
            sheet.bar(ends, [below, below + seconds], colour(part.phase), &title);
            below += seconds;
        }
        first += steps.len();
    }
    Some(sheet.finish("seconds of each step by phase"))
}

/// How the time of a training divides: for each phase its seconds in a step, and its share.
pub(super) fn phases(phases: &[PhaseReport], steps: usize) -> Option<String> {
    let mut told: Vec<_> = phases.iter().filter(|part| part.seconds > 0.0).collect();
    if told.is_empty() {
        return None;
    }
    told.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    let row = |part: &&PhaseReport| {
        let seconds = units::seconds(part.seconds / steps.max(1) as f64);
        let value = format!("{seconds}, {:.1} %", 100.0 * part.share);
        (
            part.phase.to_owned(),
            value,
            part.seconds,
            colour(part.phase),
        )
    };
    let rows: Vec<_> = told.iter().map(row).collect();
    Some(bars(&rows, "how the time of a step divides"))
}

/// The level of what a step works on, one phase after the other, as wide as it has key switches.
pub(super) fn levels(passages: &[PassageReport]) -> Option<String> {
    let highest = passages
        .iter()
        .map(|passage| passage.from.max(passage.to))
        .max()?;
    let total: u64 = passages.iter().map(|passage| passage.key_switches).sum();
    // Wide enough to be seen, and a refresh to be drawn in.
    let width = |passage: &PassageReport| {
        let floor = total.max(1) as f64 / 28.0;
        (passage.key_switches as f64).max(floor)
    };
    let whole: f64 = passages.iter().map(width).sum();
    let y = [0.0, highest as f64 * 1.06];
    let mut sheet = Sheet::new(250.0, [0.0, whole], y, ["one step →", "level"], |y| {
        format!("{y}")
    });
    let mut left = 0.0;
    // What comes in at a higher level, features or labels or the state before the step, is lowered to that of the rest.
    let mut level = highest;
    let mut used: Vec<&'static str> = Vec::new();
    for passage in passages {
        let right = left + width(passage);
        let shade = colour(passage.phase);
        let is_refresh = passage.to > passage.from;
        let below = if is_refresh {
            passage.to
        } else {
            passage.to.min(level)
        };
        let [from, to] = [level.min(passage.from), below].map(|level| level as f64);
        level = below;
        let [x0, x1] = [left, right].map(|x| sheet.at_x(x));
        let [y0, y1, bottom] = [from, to, 0.0].map(|y| sheet.at_y(y));
        let title = if is_refresh {
            format!(
                "{}: from level {} to {}",
                passage.phase, passage.from, passage.to
            )
        } else {
            format!(
                "{}: levels {} to {}, {}",
                passage.phase,
                passage.from,
                passage.to,
                units::things(
                    usize::try_from(passage.key_switches).unwrap_or(usize::MAX),
                    "key switch"
                )
            )
        };
        let title = super::chart::escape(&title);
        let dashes = if is_refresh {
            r#" stroke-dasharray="4 3""#
        } else {
            ""
        };
        sheet.add(format_args!(
            r#"<g><title>{title}</title><path d="M{x0:.1} {bottom:.1}V{y0:.1}L{x1:.1} {y1:.1}V{bottom:.1}Z" fill="{shade}" opacity="0.22"/><path d="M{x0:.1} {y0:.1}L{x1:.1} {y1:.1}" stroke="{shade}" stroke-width="3.2" stroke-linecap="round" fill="none"{dashes}/></g>"#
        ));
        if !used.contains(&passage.phase) {
            used.push(passage.phase);
        }
        left = right;
    }
    let entries: Vec<_> = used
        .iter()
        .map(|phase| (colour(phase), (*phase).to_owned()))
        .collect();
    Some(sheet.finish("levels of a step") + &key(&entries))
}

//! What a running job tells: bars on a terminal, lines elsewhere, JSON for programs.

use std::time::{Duration, Instant};

use host::job::{Event, Observer, Stage};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle};
use serde::Serialize;

use crate::streams::Streams;
use crate::sweep::Table;
use crate::{print, prune, units};

/// Lines on the way through a stage are at least this far apart.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// A bar is drawn anew at least this often, so that its clock goes on.
const DRAW_EVERY: Duration = Duration::from_millis(500);

/// Tells the user what a job tells.
pub(crate) struct Progress<'s, 'w> {
    streams: &'s mut Streams<'w>,
    json: bool,
    /// Whether the job is a simulation.
    simulated: bool,
    stage: Option<Running>,
    /// When the last line on the way was written.
    last_line: Instant,
    /// What a sweep has told so far.
    sweep: Table,
}

/// The stage that runs.
struct Running {
    stage: Stage,
    parts: usize,
    done: usize,
    begun: Instant,
    /// Number of steps and seconds they took.
    steps: (usize, f64),
    bar: Option<ProgressBar>,
}

/// Part of a stage, for programs.
#[derive(Serialize)]
struct StageLine {
    stage: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parts: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    done: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds_left: Option<f64>,
}

impl StageLine {
    fn of(stage: Stage) -> Self {
        Self {
            stage: stage_name(stage),
            parts: None,
            done: None,
            seconds: None,
            seconds_left: None,
        }
    }
}

/// What a stage is called.
pub(crate) fn stage_name(stage: Stage) -> &'static str {
    match stage {
        Stage::Data => "data",
        Stage::Keys => "keys",
        Stage::Encrypt => "encrypt",
        Stage::Train => "train",
        Stage::Decrypt => "decrypt",
        Stage::Evaluate => "evaluate",
        Stage::Calibrate => "calibrate",
    }
}

impl Running {
    fn new(stage: Stage, parts: usize, drawn: bool) -> Self {
        Self {
            stage,
            parts,
            done: 0,
            begun: Instant::now(),
            steps: (0, 0.0),
            bar: drawn.then(|| bar(stage, parts)),
        }
    }

    /// Seconds left if the rest goes as fast as what is done.
    fn seconds_left(&self) -> Option<f64> {
        let left = self.parts.saturating_sub(self.done);
        if self.steps.0 > 0 {
            // Those that were behind a checkpoint took no time here.
            return Some(self.steps.1 / self.steps.0 as f64 * left as f64);
        }
        (self.done > 0).then(|| self.begun.elapsed().as_secs_f64() / self.done as f64 * left as f64)
    }

    /// "1.9 s per step", once there was one.
    fn pace(&self) -> Option<String> {
        let (count, seconds) = self.steps;
        (count > 0).then(|| format!("{} per step", units::seconds(seconds / count as f64)))
    }

    /// How far the stage is.
    fn line(&self) -> String {
        let mut line = format!(
            "{}: {} of {}",
            stage_name(self.stage),
            self.done,
            self.parts
        );
        if let Some(pace) = self.pace() {
            line += &format!(", {pace}");
        }
        if let Some(left) = self.seconds_left() {
            line += &format!(", {} left", units::seconds(left));
        }
        line
    }
}

fn bar(stage: Stage, parts: usize) -> ProgressBar {
    let style = ProgressStyle::with_template(
        "{prefix:<8} [{bar:28}] {pos}/{len}  {elapsed} gone, {eta} left  {msg}",
    )
    .unwrap_or_else(|_| ProgressStyle::default_bar())
    .progress_chars("=> ");
    let bar = ProgressBar::with_draw_target(Some(parts as u64), ProgressDrawTarget::stderr())
        .with_style(style)
        .with_prefix(stage_name(stage))
        .with_finish(ProgressFinish::AndClear);
    bar.enable_steady_tick(DRAW_EVERY);
    bar
}

impl<'s, 'w> Progress<'s, 'w> {
    /// Tells it on `streams`: as JSON lines on standard output, or as text.
    pub(crate) fn new(streams: &'s mut Streams<'w>, json: bool) -> Self {
        Self {
            streams,
            json,
            simulated: false,
            stage: None,
            last_line: Instant::now(),
            sweep: Table::default(),
        }
    }

    /// What a sweep has told.
    pub(crate) fn into_sweep(self) -> Table {
        self.sweep
    }

    /// Writes while no bar is in the way.
    fn write(&mut self, write: impl FnOnce(&mut Streams<'w>)) {
        let bar = self.stage.as_ref().and_then(|stage| stage.bar.as_ref());
        match bar {
            Some(bar) => bar.suspend(|| write(self.streams)),
            None => write(self.streams),
        }
    }

    fn json_line<T: Serialize>(&mut self, event: &'static str, fields: &T) {
        self.write(|streams| print::json_line(streams, event, fields));
    }

    fn begun(&mut self, stage: Stage, parts: usize) {
        // The bar of a stage that did not say that it ended goes first.
        self.stage = None;
        self.stage = Some(Running::new(stage, parts, self.streams.bars()));
        self.last_line = Instant::now();
        if self.json {
            let parts = Some(parts);
            self.json_line(
                "stage",
                &StageLine {
                    parts,
                    ..StageLine::of(stage)
                },
            );
        }
    }

    fn progress(&mut self, stage: Stage, done: usize) {
        let Some(running) = self.stage.as_mut().filter(|running| running.stage == stage) else {
            return;
        };
        running.done = done;
        if let Some(bar) = &running.bar {
            bar.set_position(done as u64);
        }
        let drawn = running.bar.is_some() && !self.json;
        if drawn || done >= running.parts || self.last_line.elapsed() < LINE_EVERY {
            return;
        }
        self.last_line = Instant::now();
        if self.json {
            let line = StageLine {
                parts: Some(running.parts),
                done: Some(done),
                seconds_left: running.seconds_left(),
                ..StageLine::of(stage)
            };
            self.json_line("progress", &line);
        } else {
            let line = running.line();
            self.streams.err_line(&line);
        }
    }

    fn ended(&mut self, stage: Stage, seconds: f64) {
        // Clears its bar.
        let running = self.stage.take().filter(|running| running.stage == stage);
        let pace = running.as_ref().and_then(Running::pace);
        drop(running);
        if self.json {
            let seconds = Some(seconds);
            self.json_line(
                "stage_done",
                &StageLine {
                    seconds,
                    ..StageLine::of(stage)
                },
            );
        } else {
            let pace = pace.map_or(String::new(), |pace| format!(" ({pace})"));
            let seconds = units::seconds(seconds);
            let name = stage_name(stage);
            self.streams
                .err_line(&format_args!("{name}: done in {seconds}{pace}"));
        }
    }

    fn step(&mut self, seconds: f64) {
        if let Some(running) = &mut self.stage {
            running.steps.0 += 1;
            running.steps.1 += seconds;
            if let (Some(bar), Some(pace)) = (&running.bar, running.pace()) {
                bar.set_message(pace);
            }
        }
    }
}

impl Observer for Progress<'_, '_> {
    fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Plan(plan) => {
                self.simulated = plan.simulated;
                if self.json {
                    self.json_line("plan", plan);
                } else {
                    self.write(|streams| streams.out(&print::plan(plan)));
                }
            }
            Event::StageBegun { stage, parts } => self.begun(*stage, *parts),
            Event::StageProgress { stage, done } => self.progress(*stage, *done),
            Event::StageEnded { stage, seconds } => self.ended(*stage, *seconds),
            Event::Step(step) => {
                self.step(step.seconds);
                if self.json {
                    self.json_line("step", step);
                }
            }
            Event::Earlier(earlier) if self.json => self.json_line("earlier", earlier),
            Event::Earlier(earlier) => {
                self.write(|streams| streams.err_line(&print::earlier(earlier)));
            }
            Event::Epoch(epoch) if self.json => self.json_line("epoch", epoch),
            // The epochs of a simulation are its result.
            Event::Epoch(epoch) if self.simulated => {
                self.write(|streams| streams.out_line(&print::epoch(epoch)));
            }
            Event::Epoch(epoch) => self.write(|streams| streams.err_line(&print::epoch(epoch))),
            Event::Activation(line) if self.json => self.json_line("activation", line),
            Event::Activation(line) => {
                self.write(|streams| streams.out(&print::activation(line)));
            }
            Event::Validation(report) if self.json => self.json_line("validation", report),
            Event::Validation(report) => {
                self.write(|streams| streams.err_line(&print::validation(report)));
            }
            Event::Prune(report) if self.json => self.json_line("prune", report),
            Event::Prune(report) => self.write(|streams| streams.err_line(&prune::round(report))),
            Event::Sweep(row) => {
                self.sweep.add(row);
                if self.json {
                    self.json_line("sweep", row);
                }
            }
            Event::Note(note) if self.json => {
                self.json_line("note", &print::Message { message: note });
            }
            Event::Note(note) => {
                self.write(|streams| streams.err_line(&format_args!("note: {note}")));
            }
            // An event of a later version of `host` has no place here yet, and no job depends on it.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(json: bool, tell: impl FnOnce(&mut Progress<'_, '_>)) -> (String, String) {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut streams = Streams::new(&mut out, &mut err);
        tell(&mut Progress::new(&mut streams, json));
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (text(out), text(err))
    }

    fn thousand_keys(progress: &mut Progress<'_, '_>) {
        let stage = Stage::Keys;
        progress.event(&Event::StageBegun { stage, parts: 1000 });
        for done in 1..=1000 {
            progress.event(&Event::StageProgress { stage, done });
        }
        progress.event(&Event::StageEnded {
            stage,
            seconds: 0.5,
        });
        progress.event(&Event::Note("the device is busy".to_owned()));
    }

    #[test]
    fn a_fast_stage_is_one_line() {
        let (out, err) = told(false, thousand_keys);
        assert_eq!(out, "");
        assert_eq!(err, "keys: done in 500 ms\nnote: the device is busy\n");
    }

    #[test]
    fn programs_get_lines_of_json_and_people_nothing() {
        let (out, err) = told(true, thousand_keys);
        assert_eq!(err, "");
        let events: Vec<_> = out
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["event"].clone())
            .collect();
        assert_eq!(events, ["stage", "stage_done", "note"]);
    }

    #[test]
    fn a_line_on_the_way_has_the_pace_and_the_time_left() {
        let (_, err) = told(false, |progress| {
            let stage = Stage::Train;
            progress.event(&Event::StageBegun { stage, parts: 4 });
            let long_ago = Instant::now().checked_sub(LINE_EVERY * 2).unwrap();
            progress.last_line = long_ago;
            if let Some(running) = &mut progress.stage {
                running.begun = long_ago;
            }
            progress.step(10.0);
            progress.event(&Event::StageProgress { stage, done: 1 });
            progress.event(&Event::StageProgress { stage, done: 2 });
        });
        assert_eq!(err, "train: 1 of 4, 10.0 s per step, 30.0 s left\n");
    }
}

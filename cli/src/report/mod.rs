//! `--report`: one HTML file with curves, times, levels and what each side learned. It asks for nothing from elsewhere.

mod chart;
mod figures;
mod learned;
mod page;

use std::io::Write;
use std::path::{Path, PathBuf};

use host::file::AtomicFile;
use host::job::{
    EpochReport, Event, Observer, PlanReport, PruneReport, PruneSummary, RunReport, SimulateReport,
    Stage, StepReport, TrainReport, ValidationReport,
};

use crate::progress::Progress;
use crate::streams::Failure;

/// What came of the job.
pub(crate) enum Outcome<'a> {
    Run(&'a RunReport),
    Train(&'a TrainReport),
    Simulate(&'a SimulateReport),
}

impl Outcome<'_> {
    /// What pruning did, if the job says.
    fn pruning(&self) -> Option<&PruneSummary> {
        match self {
            Self::Run(report) => report.pruning.as_ref(),
            Self::Train(report) => report.pruning.as_ref(),
            Self::Simulate(_) => None,
        }
    }
}

/// What a job told.
#[derive(Default)]
struct Record {
    /// The last one, if another device took over.
    plan: Option<PlanReport>,
    steps: Vec<StepReport>,
    epochs: Vec<EpochReport>,
    validations: Vec<ValidationReport>,
    /// Those that this process merged.
    rounds: Vec<PruneReport>,
    stages: Vec<(Stage, f64)>,
    notes: Vec<String>,
}

impl Record {
    fn hear(&mut self, event: &Event<'_>) {
        match event {
            Event::Plan(plan) => self.plan = Some((*plan).clone()),
            Event::Earlier(earlier) => {
                self.steps.clone_from(&earlier.steps);
                self.epochs.clone_from(&earlier.epochs);
                self.validations.clone_from(&earlier.validations);
            }
            Event::Step(step) => self.steps.push((*step).clone()),
            Event::Epoch(epoch) => self.epochs.push((*epoch).clone()),
            Event::Validation(report) => self.validations.push(**report),
            Event::Prune(report) => self.rounds.push((*report).clone()),
            Event::StageEnded { stage, seconds } => self.stages.push((*stage, *seconds)),
            Event::Note(note) => self.notes.push(note.clone()),
            // How far a stage is, and what belongs to other commands.
            _ => {}
        }
    }
}

/// A report being made. The file takes its place when it is complete.
pub(crate) struct Report {
    file: AtomicFile,
    path: PathBuf,
    record: Record,
}

impl Report {
    /// Begins a report, if one is wanted, so that a place that cannot be written to is found before the job.
    pub(crate) fn begin(path: Option<&Path>) -> Result<Option<Self>, Failure> {
        let begin = |path: &Path| {
            let file = AtomicFile::create(path, false)?;
            Ok::<_, host::file::FileError>(Self {
                file,
                path: path.to_owned(),
                record: Record::default(),
            })
        };
        path.map(begin)
            .transpose()
            .map_err(|error| Failure::Job(error.into()))
    }

    /// Completes it.
    pub(crate) fn finish(mut self, outcome: &Outcome<'_>) -> Result<(), Failure> {
        let html = page::html(&self.record, outcome);
        let failed = |error: std::io::Error| {
            let what = format!("{}: cannot be written", self.path.display());
            Failure::Job(anyhow::Error::new(error).context(what))
        };
        self.file.write_all(html.as_bytes()).map_err(failed)?;
        self.file
            .commit()
            .map_err(|error| Failure::Job(error.into()))
    }
}

/// Tells the user what a job tells, and the report.
pub(crate) struct Listener<'a, 's, 'w> {
    pub(crate) progress: Progress<'s, 'w>,
    pub(crate) report: Option<&'a mut Report>,
}

impl Observer for Listener<'_, '_, '_> {
    fn event(&mut self, event: &Event<'_>) {
        if let Some(report) = &mut self.report {
            report.record.hear(event);
        }
        self.progress.event(event);
    }
}

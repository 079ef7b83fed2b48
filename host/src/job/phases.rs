//! Where the time of a step goes: seconds by phase.

use std::cell::RefCell;
use std::time::Instant;

use engine::backend::Backend;
use engine::circuits::{Phase, Watch};
use serde::{Deserialize, Serialize};

use super::PhaseReport;

/// Phases, and the time outside all of them.
const PARTS: usize = Phase::ALL.len() + 1;
/// What the time outside all phases is called: reading a batch, keeping a state.
const OTHER: &str = "data and checkpoints";

/// Seconds by phase, in the order of [`Phase::ALL`], and at last those outside all phases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct PhaseSeconds([f64; PARTS]);

impl PhaseSeconds {
    fn add(&mut self, phase: Option<Phase>, seconds: f64) {
        let place = phase.and_then(|phase| Phase::ALL.iter().position(|known| *known == phase));
        self.0[place.unwrap_or(PARTS - 1)] += seconds;
    }

    /// All of them.
    pub(super) fn total(&self) -> f64 {
        self.0.iter().sum()
    }

    /// By name, with the share of each.
    pub(super) fn report(&self) -> Vec<PhaseReport> {
        let total = self.total();
        let names = Phase::ALL.map(Phase::name).into_iter().chain([OTHER]);
        let report = |(phase, &seconds): (&'static str, &f64)| PhaseReport {
            phase,
            seconds,
            share: if total > 0.0 { seconds / total } else { 0.0 },
        };
        names.zip(&self.0).map(report).collect()
    }
}

impl std::ops::AddAssign for PhaseSeconds {
    fn add_assign(&mut self, other: Self) {
        for (sum, seconds) in self.0.iter_mut().zip(other.0) {
            *sum += seconds;
        }
    }
}

/// Stops the time of each phase. At a change of phase it waits until the device has done what was asked of it: about a dozen
/// times in a step, on a device that queues its work.
pub(super) struct PhaseClock<'a, B> {
    backend: &'a B,
    running: RefCell<Running>,
}

struct Running {
    phase: Option<Phase>,
    since: Instant,
    seconds: PhaseSeconds,
}

impl<'a, B: Backend> PhaseClock<'a, B> {
    pub(super) fn new(backend: &'a B) -> Self {
        let running = Running {
            phase: None,
            since: Instant::now(),
            seconds: PhaseSeconds::default(),
        };
        Self {
            backend,
            running: RefCell::new(running),
        }
    }

    /// The seconds since the start or the last call of this.
    pub(super) fn take(&self) -> PhaseSeconds {
        let phase = self.running.borrow().phase;
        self.enter(phase);
        std::mem::take(&mut self.running.borrow_mut().seconds)
    }
}

impl<B: Backend> Watch for PhaseClock<'_, B> {
    fn enter(&self, phase: Option<Phase>) {
        // A device that fails here fails at the next operation too, which tells it.
        let _ = self.backend.wait();
        let mut running = self.running.borrow_mut();
        let (now, ended) = (Instant::now(), running.phase);
        let seconds = (now - running.since).as_secs_f64();
        running.seconds.add(ended, seconds);
        (running.phase, running.since) = (phase, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up() {
        let mut seconds = PhaseSeconds::default();
        seconds.add(Some(Phase::Gradient), 3.0);
        seconds.add(None, 1.0);
        let report = seconds.report();
        assert_eq!(report.len(), PARTS);
        let part = |name| report.iter().find(|part| part.phase == name).unwrap();
        assert!((part("gradient").share - 0.75).abs() < 1e-12);
        assert!((part(OTHER).seconds - 1.0).abs() < 1e-12);
        let mut twice = seconds;
        twice += seconds;
        assert!((twice.total() - 8.0).abs() < 1e-12);
        assert!(
            PhaseSeconds::default()
                .report()
                .iter()
                .all(|part| part.share == 0.0)
        );
    }
}
